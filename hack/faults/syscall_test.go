//go:build linux && faults

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// With these rows strace makes single system calls of a refresh fail: those of the caller
// and those of the worker. strace counts the calls of each thread separately, so several
// may fail in one run.
func systemCalls() []row {
	const promise = "only what could not be stored after the request is lost; no call is blocked, and a failure before the request uses no refresh token"
	return []row{
		{name: "D2 ENOSPC", injected: "no space, at each call on a file of ours", promise: promise, play: spoiled("error=ENOSPC", 0)},
		{name: "D2 EIO", injected: "an I/O error, at each call on a file of ours", promise: promise, play: spoiled("error=EIO", 0)},
		{name: "D3 kill", injected: "kill -9 at each system call", promise: promise, play: spoiled("signal=SIGKILL", 0)},
		{name: "D2 ENOSPC, grace", injected: "no space, and a grace", promise: "no login is lost", long: true, play: spoiled("error=ENOSPC", 10*time.Second)},
		{name: "D3 kill, grace", injected: "kill -9 at each system call, and a grace", promise: "no login is lost", long: true, play: spoiled("signal=SIGKILL", 10*time.Second)},
		{name: "A7 child faults, grace", injected: "kill, ENOSPC, EIO between request and rename", promise: "with a grace period of the server, no login is lost", play: childSpoiled(10 * time.Second)},
		{name: "A7 child faults", injected: "the same, and the server has no grace", promise: "one login each at most, and then all calls succeed", play: childSpoiled(0)},
	}
}

// changes are the system calls that change saved files.
func changes() []string {
	return []string{"openat", "write", "pwrite64", "ftruncate", "fchmod", "fsync", "close", "renameat", "unlinkat", "flock"}
}

// moments are more calls at which the process can be killed.
func moments() []string {
	return []string{"read", "connect", "socket", "newfstatat", "fcntl", "pipe2", "clone", "execve", "setsid", "exit_group"}
}

// unfailing is a call that cannot fail because of a disk: an unlock.
const unfailing = "flock"

// injection is the change that strace makes to a call.
type injection struct {
	call, effect string
	when         int
	files        bool // to calls on the login's files only
}

func (i injection) String() string { return fmt.Sprintf("%s:%s:when=%d", i.call, i.effect, i.when) }

// spoil runs the program under strace, with an expired token, and returns the output of
// strace.
func (t *trial) spoil(ctx context.Context, m *testenv.Machine, i injection, paths []string) (p *process, trace string) {
	file := filepath.Join(m.Dir, "trace")
	args := []string{"-f", "-qq", "-o", file, "-e", "trace=" + strings.Join(append(changes(), i.call), ","), "-e", "inject=" + i.String()}
	if i.files {
		for _, path := range paths {
			args = append(args, "-P", path)
		}
	}
	cmd := exec.CommandContext(ctx, "strace", append(args, m.Program, "token", "--interactive", "never")...)
	cmd.Env = m.Env
	testenv.OwnSession(cmd)
	p = t.launch(cmd)
	t.wait(p)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("strace: %s", p)
	}
	return p, string(text)
}

// ownFiles are the files of the machine's only login, there or not.
func (t *trial) ownFiles(m *testenv.Machine) (paths []string) {
	id := strings.TrimSuffix(t.kept(m, ".plain"), ".plain")
	for _, suffix := range []string{".plain", ".plain.try", ".plain.new", ".lock", ".spend", ".record", ".record.new", ".who"} {
		paths = append(paths, id+suffix)
	}
	return append(paths, m.State())
}

// spoiled changes the first call of each kind, then the second, until the program makes no
// more calls.
func spoiled(effect string, grace time.Duration) func(context.Context, *trial) {
	return func(ctx context.Context, t *trial) {
		t.needsRoot()
		m := t.loggedIn(ctx, oauthtest.Config{Grace: grace})
		paths := t.ownFiles(m)
		calls := changes()
		if *long && strings.HasPrefix(effect, "signal") {
			calls = append(calls, moments()...)
		}
		spoilt, number := 0, 0
		for _, call := range calls {
			for when := 1; ctx.Err() == nil; when++ {
				if number++; !*long && number%3 != 0 && when > 1 {
					continue
				}
				i := injection{call, effect, when, strings.HasPrefix(effect, "error")}
				if i.files && call == unfailing || !t.survives(ctx, m, i, paths, grace) {
					break
				}
				spoilt++
			}
		}
		t.Logf("%d runs were spoilt", spoilt)
		if spoilt < len(changes()) {
			t.Errorf("strace spoils too little")
		}
	}
}

// survives changes a call in one run, and reports whether there was one.
func (t *trial) survives(ctx context.Context, m *testenv.Machine, i injection, paths []string, grace time.Duration) bool {
	t.age(ctx, m, 10*time.Minute)
	before := m.Server.Count("refresh_token")
	p, trace := t.spoil(ctx, m, i, paths)
	if !injected(trace, i) {
		return false
	}
	sent := m.Server.Count("refresh_token") - before
	if crashed(p) && p.code >= 0 {
		t.Errorf("%s: a crash: %s", i, p)
	}
	if p.code == 6 && sent > 0 {
		t.Errorf("%s: what cannot be kept was asked for: %s", i, p)
	}
	t.forget(m)
	killed := strings.Count(trace, "+++ killed by SIGKILL")
	graced := grace > 0 && killed < mostWorkers
	lost, said := t.goesOn(ctx, m)
	// Two workers that were killed after they had announced the request count as two requests.
	if lost && (sent == 0 && killed < mostWorkers || graced || !afterReady(trace)) {
		t.Errorf("%s: a login was lost, %d requests: %s\n%s", i, sent, said, p)
	}
	t.forget(m)
	return true
}

// mostWorkers is how many workers send a refresh token if they are killed before they can
// save the answer. Then the login ends.
const mostWorkers = 2

// injected reports whether strace has spoilt a call. A process that is killed at
// one writes nothing but that.
func injected(trace string, i injection) bool {
	return strings.Contains(trace, "(INJECTED)") || strings.Contains(i.effect, "SIGKILL") && strings.Contains(trace, "+++ killed by SIGKILL")
}

// forget takes away the record of a failure, whose window other rows look at.
func (t *trial) forget(m *testenv.Machine) {
	_ = os.Remove(strings.TrimSuffix(t.kept(m, ".plain"), ".plain") + ".record") // if there is one
}

// afterReady reports whether the change or the kill came after the worker had written its
// file and before it renamed it: the request may have been sent, and the answer could not
// be saved.
func afterReady(trace string) bool {
	made, ready := false, false
	for line := range strings.Lines(trace) {
		spoilt := strings.Contains(line, "(INJECTED)") || strings.Contains(line, "+++ killed by SIGKILL")
		worked := strings.Contains(line, "= 0") && !spoilt
		switch {
		case ready && spoilt:
			return true
		case strings.Contains(line, ".plain.new") && strings.Contains(line, "O_EXCL"):
			made = true
		case made && strings.Contains(line, "fsync") && worked:
			ready = true
		case ready && strings.Contains(line, "rename") && strings.Contains(line, ".plain") && worked:
			made, ready = false, false
		}
	}
	return false
}

// childSpoiled changes the calls by which the worker saves the answer of the server.
func childSpoiled(grace time.Duration) func(context.Context, *trial) {
	return func(ctx context.Context, t *trial) {
		t.needsRoot()
		m := t.loggedIn(ctx, oauthtest.Config{Grace: grace})
		ready := strings.TrimSuffix(t.kept(m, ".plain"), ".plain") + ".plain.new"
		for _, effect := range []string{"signal=SIGKILL", "error=ENOSPC", "error=EIO"} {
			for _, i := range []injection{{"pwrite64", effect, 1, true}, {"ftruncate", effect, 1, true}, {"close", effect, 1, true}, {"renameat", effect, 1, true}} {
				if !t.survives(ctx, m, i, []string{ready}, grace) {
					t.Errorf("%s: strace spoils nothing", i)
				}
			}
		}
	}
}
