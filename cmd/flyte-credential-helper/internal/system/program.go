package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Program is another program whose output this one reads.
type Program struct {
	Words       []string // its name or path, and its arguments
	Environ     []string
	Stdin       string
	Descriptor3 string // what the program reads from descriptor 3; empty: it is not open
	Limit       time.Duration
}

// ExitError means that a program has failed. Its text is the last line that the program wrote to
// stderr.
type ExitError struct {
	Status int
	Line   string
}

func (e *ExitError) Error() string { return e.Line }

// TimeoutError means that a program did not end in time.
type TimeoutError struct {
	Name  string
	Limit time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s did not answer within %s", e.Name, e.Limit)
}

// Output runs a program and returns what it wrote to stdout, also if it failed. The error is an
// [ExitError], a [TimeoutError], the cause of ctx, or wraps [exec.ErrNotFound].
func (p Program) Output(ctx context.Context) ([]byte, error) {
	name := p.Words[0]
	ctx, cancel := context.WithTimeoutCause(ctx, p.Limit, &TimeoutError{filepath.Base(name), p.Limit})
	defer cancel()
	cmd := exec.CommandContext(ctx, name, p.Words[1:]...)
	cmd.Env, cmd.Stdin = p.Environ, strings.NewReader(p.Stdin)
	cmd.WaitDelay = time.Second // its children may keep the pipes
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
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%s is not on PATH%w", name, untold{err})
	case errors.As(err, &exit):
		text := strings.TrimSpace(string(exit.Stderr))
		line := Printable(text[strings.LastIndexByte(text, '\n')+1:])
		if line == "" {
			line = exit.Error()
		}
		return out, &ExitError{exit.ExitCode(), line}
	}
	return out, err
}

// untold is an error whose text is in the message already.
type untold struct{ error }

func (untold) Error() string   { return "" }
func (u untold) Unwrap() error { return u.error }
