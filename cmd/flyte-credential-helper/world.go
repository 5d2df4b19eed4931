package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// world is all that the program takes from outside, but files and the network.
type world struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	environ        func() []string
	executable     func() (string, error)
	now            func() time.Time
	configHome     string
	stateHome      string
	home           string
	runtimeDir     string        // gone when the person logs out of the machine; may not exist
	parent         func() string // tells one parent process from every other; empty: not known
}

// configPath is where the configuration may be.
func (w world) configPath() string { return filepath.Join(w.configHome, program, "config.yaml") }

// interruptError is the cause of a context that a signal ended.
type interruptError struct{ signal syscall.Signal }

func (e interruptError) Error() string { return "interrupted: " + e.signal.String() }

// interruptible returns a context that the first signal to stop ends. SIGPIPE is
// caught so that a reader who has gone is an error like any other. The handlers
// stay until the process ends: to take them back would cost every answer more
// than to set them.
func interruptible() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		stop = append(stop, syscall.SIGHUP)
	}
	signals, pipes := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(signals, stop...)
	signal.Notify(pipes, syscall.SIGPIPE)
	go func() {
		if s, ok := (<-signals).(syscall.Signal); ok {
			cancel(interruptError{s})
		}
	}()
	return ctx
}
