// Package system is the process and its surroundings: environment, streams, terminal,
// signals and other processes, and all that differs between operating systems. It knows
// nothing of logins.
package system

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Env is all that the program takes from outside, except files and the network.
type Env struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	StdoutClosed   func() bool // stdout was closed when the program started
	StderrTerminal func() bool // stderr is a terminal
	Getenv         func(string) string
	Environ        func() []string
	Executable     func() (string, error)
	Getwd          func() (string, error)
	Now            func() time.Time
	ConfigHome     string
	ConfigDirs     []string // of the machine, the most important first
	StateHome      string   // empty: the user has no home directory
	Home           string
	RuntimeDir     string        // deleted when the user logs out of the machine; may not exist
	TempDir        string        // shared by all users
	ParentID       func() string // tells parent processes apart; empty: not known
	Terminal       *Terminal
}

// HomeWith returns the home directory in which git and kubectl find a file: on Windows, the first
// of %HOME%, %HOMEDRIVE%%HOMEPATH% and %USERPROFILE% that contains it, otherwise Home.
func (e Env) HomeWith(name string) string {
	if runtime.GOOS != "windows" {
		return e.Home
	}
	for _, dir := range []string{e.Getenv("HOME"), e.Getenv("HOMEDRIVE") + e.Getenv("HOMEPATH")} {
		if _, err := os.Stat(filepath.Join(dir, name)); dir != "" && err == nil {
			return dir
		}
	}
	return e.Home
}

// Answer writes the answer to a caller as it is. Its reader may have gone.
func (e Env) Answer(document []byte) error {
	if e.StdoutClosed() {
		return errors.New("the answer cannot be written: stdout is closed")
	}
	return e.print(document)
}

// Write writes text for users to stdout.
func (e Env) Write(text string) error {
	if text == "" {
		return nil
	}
	return e.print([]byte(Printable(text)))
}

func (e Env) print(text []byte) error {
	if _, err := e.Stdout.Write(text); err != nil {
		return fmt.Errorf("the answer cannot be written to stdout: %w", err)
	}
	return nil
}
