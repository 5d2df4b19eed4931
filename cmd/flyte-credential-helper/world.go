package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// world is all that the program takes from outside, but files and the network.
type world struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	stdoutClosed   func() bool // stdout was closed when the program started
	stderrTerminal func() bool // stderr is a terminal
	getenv         func(string) string
	environ        func() []string
	executable     func() (string, error)
	getwd          func() (string, error)
	now            func() time.Time
	configHome     string
	stateHome      string
	home           string
	runtimeDir     string        // gone when the person logs out of the machine; may not exist
	tempDir        string        // everybody's
	parent         func() string // tells one parent process from every other; empty: not known
}

// configPath is where the configuration may be.
func (w world) configPath() string { return filepath.Join(w.configHome, program, "config.yaml") }

// interruptError is the cause of a context that a signal ended.
type interruptError struct{ signal syscall.Signal }

func (e interruptError) Error() string { return "interrupted: " + e.signal.String() }

// Is reports Ctrl-C as the user's own decision. Another signal comes from a program, such
// as timeout(1).
func (e interruptError) Is(target error) bool {
	return target == oauth.ErrCanceled && e.signal == syscall.SIGINT
}

// interruptible returns a context that the first signal to stop ends. It catches
// signals from when somebody first waits for its end: to catch them would be a tenth
// of a warm answer, which waits for nothing. Until then a signal ends the process
// itself.
func interruptible() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	return waitable{ctx, sync.OnceFunc(func() {
		stop := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
		if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
			stop = append(stop, syscall.SIGHUP)
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, stop...)
		go func() {
			if s, ok := (<-signals).(syscall.Signal); ok {
				cancel(interruptError{s})
			}
		}()
	})}
}

// waitable is a context that is told when somebody is going to wait for its end.
type waitable struct {
	context.Context
	waited func()
}

func (w waitable) Done() <-chan struct{} {
	w.waited()
	return w.Context.Done()
}
