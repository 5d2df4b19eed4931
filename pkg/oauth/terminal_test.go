package oauth_test

import (
	"context"
	"io"
	"strings"
	"sync"
)

// terminal is the terminal of a user: the test types at it and reads it.
type terminal struct {
	lines chan string

	mu  sync.Mutex
	out strings.Builder
}

func newTerminal() *terminal { return &terminal{lines: make(chan string, 100)} }

// Show implements [oauth.Prompt].
func (t *terminal) Show(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.WriteString(text)
}

// ReadLine implements [oauth.Prompt].
func (t *terminal) ReadLine(ctx context.Context) (string, error) {
	select {
	case line, open := <-t.lines:
		if !open {
			return "", io.EOF
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (t *terminal) shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.String()
}
