//go:build linux && faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func disks() []row {
	return []row{
		{name: "D2 full disk", injected: "a small tmpfs, filled to the last byte", promise: "a valid token is returned; else status 6, nothing spent, no browser; with room again all calls succeed", play: fullDisk},
		{name: "D2 nearly full disk", injected: "a tmpfs with room for one token set", promise: "a login and a refresh work: no login whose tokens cannot be stored", play: nearlyFullDisk},
		{name: "D2 read-only", injected: "a state directory that may not be written", promise: "a valid token is returned; else status 6, nothing spent, no browser; then all calls succeed", play: readOnly},
		{name: "D2 no home", injected: "no HOME, no directory named", promise: "status 6 before a browser", play: homeless},
	}
}

// smallDisk gives the machine a state directory with so many KiB. Only this
// goroutine's thread sees it, which ends with the row, and the processes that it
// starts.
func (t *trial) smallDisk(m *testenv.Machine, kib int) (unmount func()) {
	t.needsRoot()
	runtime.LockOSThread() // for good
	if err := errors.Join(syscall.Unshare(syscall.CLONE_FS|syscall.CLONE_NEWNS), syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")); err != nil {
		t.Fatalf("a mount namespace: %v", err)
	}
	if err := errors.Join(os.MkdirAll(m.State(), 0o700), syscall.Mount("none", m.State(), "tmpfs", 0, fmt.Sprintf("size=%dk,mode=700", kib))); err != nil {
		t.Fatalf("a tmpfs: %v", err)
	}
	return func() { _ = syscall.Unmount(m.State(), syscall.MNT_DETACH) }
}

func fullDisk(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	defer t.smallDisk(m, 256)()
	t.login(ctx, m)
	rest := filepath.Join(m.State(), "rest")
	free := func() {
		if err := os.Remove(rest); err != nil {
			t.Fatalf("%v", err)
		}
	}
	fill(rest)
	t.unwritable(ctx, m, free, func() { free(); t.age(ctx, m, 10*time.Minute); fill(rest) })
}

// nearlyFullDisk has space for the saved files and for one new file.
func nearlyFullDisk(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	defer t.smallDisk(m, 48)()
	t.answered([]*process{t.run(ctx, m, "token")})
	t.age(ctx, m, 10*time.Minute)
	t.answered([]*process{t.run(ctx, m, "token", "--interactive", "never")})
	t.opened(m, 1)
	t.counted(m, "refresh_token", 1)
}

// fill writes a file until there is no room.
func fill(path string) {
	f, err := os.Create(path)
	if err != nil {
		return
	}
	defer f.Close()
	for chunk := make([]byte, 512); err == nil; {
		_, err = f.Write(chunk)
	}
}

// unwritable checks what must be true if nothing can be saved. expire makes the token old,
// although nothing can be written, and free makes the files writable again.
func (t *trial) unwritable(ctx context.Context, m *testenv.Machine, free, expire func()) {
	t.answered([]*process{t.run(ctx, m, "token", "--min-ttl", "0s")})
	t.failed(t.run(ctx, m, "login", "--account", "new"), 6)
	expire()
	t.failed(t.run(ctx, m, "token"), 6)
	t.failed(t.run(ctx, m, "token", "--interactive", "never"), 6)
	t.counted(m, "refresh_token", 0)
	t.opened(m, 1)
	free()
	t.answered([]*process{t.run(ctx, m, "token", "--interactive", "never")})
	t.counted(m, "refresh_token", 1)
	t.counted(m, "reuse", 0)
}

// readOnly runs the program as an ordinary user: file modes do not apply to root.
func readOnly(ctx context.Context, t *trial) {
	m := t.loggedIn(ctx, oauthtest.Config{})
	us, them := os.Geteuid(), os.Geteuid()
	if us == 0 {
		them = 65534 // the user nobody
		t.as = &syscall.Credential{Uid: uint32(them), Gid: uint32(them)}
	}
	belongs := func(to int, mode os.FileMode) {
		files, _ := filepath.Glob(filepath.Join(m.State(), "*")) // its one error is a bad pattern
		err := errors.Join(os.Chmod(m.Dir, 0o711), os.Chmod(filepath.Dir(m.State()), 0o711), os.Chmod(m.State(), mode))
		for _, path := range append(files, m.State()) {
			err = errors.Join(err, os.Chown(path, to, -1))
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
	belongs(them, 0o500)
	t.unwritable(ctx, m, func() { belongs(them, 0o700) }, func() {
		belongs(us, 0o700)
		t.age(ctx, m, 10*time.Minute)
		belongs(them, 0o500)
	})
}

// homeless has no directory to keep anything in.
func homeless(ctx context.Context, t *trial) {
	t.needsRoot() // as root the program could create a directory that should not exist
	m := t.machine(oauthtest.Config{})
	m.Env = slices.DeleteFunc(m.Env, func(pair string) bool { return strings.HasPrefix(pair, "HOME=") || strings.HasPrefix(pair, "XDG_") })
	p := t.run(ctx, m, "token")
	t.failed(p, 6)
	if p.took() > soon {
		t.Errorf("it ended after %s", p.took())
	}
	t.opened(m, 0)
	if exists("/.local/state/flyte-credential-helper") {
		t.Errorf("the root directory has become a home")
	}
}
