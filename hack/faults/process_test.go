//go:build linux && faults

package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// hung is how long a process may run before it counts as one that never ends.
const hung = 90 * time.Second

// soon is the limit for what must happen before any time limit of the program: a machine that
// is busy needs seconds for it.
const soon = 20 * time.Second

// process is the program under way.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	begun, over    time.Time
	ended          chan struct{}
	code           int // -1: a signal ended it
}

// String tells how it ended, for an error.
func (p *process) String() string {
	return fmt.Sprintf("status %d after %s: %s", p.code, seconds(p.took()), strings.TrimSpace(p.stderr.String()))
}

func (p *process) took() time.Duration { return p.over.Sub(p.begun) }

// start starts the program.
func (t *trial) start(ctx context.Context, m *testenv.Machine, args ...string) *process {
	return t.launch(m.Command(ctx, args...))
}

// run runs the program to its end.
func (t *trial) run(ctx context.Context, m *testenv.Machine, args ...string) *process {
	p := t.start(ctx, m, args...)
	t.wait(p)
	return p
}

// launch starts cmd, which is the program or something that runs it, in a
// session of its own.
func (t *trial) launch(cmd *exec.Cmd) *process { return t.launchFrom(time.Now(), cmd) }

// launchFrom is launch for one of many, which all count from the start of the
// first.
func (t *trial) launchFrom(begun time.Time, cmd *exec.Cmd) *process {
	p := &process{Cmd: cmd, begun: begun, ended: make(chan struct{}), code: -1}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	p.SysProcAttr.Credential = t.as
	if err := p.Start(); err != nil {
		t.Errorf("%v", err)
		p.over = time.Now()
		close(p.ended)
		return p
	}
	go func() {
		_ = p.Wait() // its status says it
		p.over = time.Now()
		p.code = p.ProcessState.ExitCode()
		t.add(p)
		close(p.ended)
	}()
	return p
}

// add counts a process that has ended.
func (t *trial) add(p *process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.processes++
	if p.code >= 0 {
		t.slowest = max(t.slowest, p.took())
	}
	if usage, ok := p.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.peak = max(t.peak, usage.Maxrss)
	}
}

// wait waits until p has ended. One that hangs is a problem, and is killed.
func (t *trial) wait(p *process) {
	select {
	case <-p.ended:
	case <-time.After(hung):
		t.Errorf("%s does not end", strings.Join(p.Args[1:], " "))
		_ = p.Process.Kill()
		<-p.ended
	}
}

// together runs n commands at once, as fast as they can be started.
func (t *trial) together(n int, command func(i int) *exec.Cmd) []*process {
	all, begun := make([]*process, n), time.Now()
	for i := range all {
		all[i] = t.launchFrom(begun, command(i))
	}
	for _, p := range all {
		t.wait(p)
	}
	return all
}

// crowdOf runs the program n times at once, with the same arguments.
func (t *trial) crowdOf(ctx context.Context, n int, m *testenv.Machine, args ...string) []*process {
	return t.together(n, func(int) *exec.Cmd { return m.Command(ctx, args...) })
}

// answered fails unless all ended well, with one and the same answer.
func (t *trial) answered(all []*process) {
	for _, p := range all {
		switch {
		case p.code != 0:
			t.Errorf("%s", p)
		case p.stdout.Len() == 0 || p.stdout.String() != all[0].stdout.String():
			t.Errorf("two callers have two answers")
		}
	}
}

// failed fails unless p ended with one of the statuses, printed an error, and wrote no
// answer.
func (t *trial) failed(p *process, codes ...int) {
	for _, code := range codes {
		if p.code == code && p.stderr.Len() > 0 && p.stdout.Len() == 0 {
			return
		}
	}
	t.Errorf("not status %v, a reason and no answer: %s", codes, p)
}

// says fails unless p's stderr has the words.
func (t *trial) says(p *process, words string) {
	if !strings.Contains(p.stderr.String(), words) {
		t.Errorf("it does not say %q: %s", words, p)
	}
}

// kill kills p, or its process group. Processes that it has started in sessions of their
// own continue.
func kill(p *process, group bool) {
	pid := p.Process.Pid
	if group {
		pid = -pid
	}
	_ = syscall.Kill(pid, syscall.SIGKILL) // or it has just ended
}

// blocked reports whether a process waits for a file lock.
func blocked(p *process) bool {
	locks, _ := os.ReadFile("/proc/locks")
	for line := range strings.Lines(string(locks)) {
		if strings.Contains(line, "->") && strings.Contains(line, fmt.Sprintf(" %d ", p.Process.Pid)) {
			return true
		}
	}
	return false
}

// spender returns the worker that p has started, or 0.
func spender(p *process) int {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // its one error is a bad pattern
	for _, dir := range dirs {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
		// proc_pid_stat(5): "pid (comm) state ppid …", and comm may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 2 || !bytes.HasPrefix(line, []byte("flyte-credential-helper\x00spend\x00")) || string(fields[1]) != strconv.Itoa(p.Process.Pid) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir)) // digits
		return pid
	}
	return 0
}
