package testenv

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// Process is a command that a test has started. Stdout and Stderr may be read, and
// ProcessState is set, once it has ended.
type Process struct {
	*exec.Cmd
	Stdout, Stderr bytes.Buffer
	ended          chan struct{} // closed once it has ended and nothing holds its streams
}

// Start starts cmd, which is killed when the test ends.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.Stdout, &p.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // ProcessState has the result
		close(p.ended)
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-p.ended })
	return p
}

// Await waits until p has ended, and returns its exit status.
func (p *Process) Await(t testing.TB) (status int) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatalf("%v does not end", p.Args)
	}
	return p.Status()
}

// Status is the exit status of a process that has ended.
func (p *Process) Status() int { return p.ProcessState.ExitCode() }

// With returns the machine with more variables in its environment.
func (m *Machine) With(env ...string) *Machine {
	with := *m
	with.Env = append(slices.Clone(m.Env), env...)
	return &with
}

// Start starts the program.
func (m *Machine) Start(t testing.TB, args ...string) *Process {
	t.Helper()
	return Start(t, m.Command(context.WithoutCancel(t.Context()), args...)) // a cleanup may run it, too
}

// Run is Start, and waits until the program has ended.
func (m *Machine) Run(t testing.TB, args ...string) *Process {
	t.Helper()
	p := m.Start(t, args...)
	p.Await(t)
	return p
}

// Await polls done, for an effect of another process that sends no notice, and fails the
// test after half a minute.
func Await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
	}
}

// WaitsForLock reports whether a process for which is returns true waits for a file lock.
func WaitsForLock(is func(pid string) bool) bool {
	locks, _ := os.ReadFile("/proc/locks") // proc_locks(5): "N: -> KIND MODE ACCESS PID ..." for a process that waits
	for line := range strings.Lines(string(locks)) {
		fields := strings.Fields(line)
		if len(fields) > 5 && fields[1] == "->" && is(fields[5]) {
			return true
		}
	}
	return false
}
