package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Program is another program to run.
type Program struct {
	Name        string
	Args        []string
	Environ     []string
	Stdin       []byte
	Descriptor3 string // what the program reads from descriptor 3; empty: it is not open
}

// ProgramError means that a program ended with another status than 0.
type ProgramError struct {
	Name string
	Exit *exec.ExitError
}

func (e *ProgramError) Error() string { return e.Name + ": " + e.LastLine() }

// Unwrap returns the error of the process.
func (e *ProgramError) Unwrap() error { return e.Exit }

// LastLine returns the last line that the program wrote to stderr or, if it wrote none, its
// status.
func (e *ProgramError) LastLine() string {
	text := strings.TrimSpace(string(e.Exit.Stderr))
	if text == "" {
		return e.Exit.Error()
	}
	return Printable(text[strings.LastIndexByte(text, '\n')+1:])
}

// Output runs the program and returns its stdout. It waits for limit at most, also if the
// program leaves processes behind that keep its pipes. A status other than 0 is a
// [ProgramError]; a program that is not on PATH is [exec.ErrNotFound].
func (p Program) Output(ctx context.Context, limit time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s does not answer", p.Name))
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Name, p.Args...)
	cmd.Env, cmd.WaitDelay = p.Environ, limit/10
	if p.Descriptor3 != "" {
		read, write, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer read.Close()
		go func() {
			_, _ = write.WriteString(p.Descriptor3)
			_ = write.Close()
		}()
		cmd.ExtraFiles = []*os.File{read}
	}
	if p.Stdin != nil {
		cmd.Stdin = bytes.NewReader(p.Stdin)
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &exit):
		return out, &ProgramError{p.Name, exit}
	}
	return out, err
}
