package system

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// Terminal is the user's terminal itself, whatever the standard streams are: those belong
// to the caller. It is opened when it is first needed. The zero value is ready to use, and
// nil is no terminal.
type Terminal struct {
	open    sync.Once
	in, out *os.File // nil: there is none, or this process is not in its foreground
	start   sync.Once
	lines   chan string
	restore func()
}

// Usable reports whether there is a terminal to ask at.
func (t *Terminal) Usable() bool {
	if t == nil {
		return false
	}
	t.open.Do(func() { t.in, t.out = openTerminal() })
	return t.out != nil
}

// Show writes the text of a login unchanged, because it may have a QR code in colors.
// pkg/oauth has made text from outside printable.
func (t *Terminal) Show(text string) { _, _ = io.WriteString(t.out, text) }

// Say writes any other text.
func (t *Terminal) Say(text string) { t.Show(Printable(text)) }

// ReadLine waits for a line that is typed or pasted.
func (t *Terminal) ReadLine(ctx context.Context) (string, error) {
	t.start.Do(func() {
		t.restore = disableLineMode(t.in)
		t.lines = make(chan string)
		go t.read()
	})
	select {
	case line, ok := <-t.lines:
		if !ok {
			return "", errors.New("the terminal has closed")
		}
		return line, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// maxLine is more than any redirect URL.
const maxLine = 64 << 10

// read collects lines byte by byte. A read cannot be cancelled, so it continues in a
// goroutine that ends with the process.
func (t *Terminal) read() {
	defer close(t.lines)
	var line []byte
	buffer := make([]byte, 4096)
	for {
		n, err := t.in.Read(buffer)
		if err != nil || n == 0 {
			return
		}
		for _, b := range buffer[:n] {
			switch {
			case b == '\n' || b == '\r':
				t.lines <- string(line)
				line = nil
			case b == 0x7f || b == '\b':
				line = line[:max(len(line)-1, 0)]
			case b == 0x04: // Ctrl-D
				return
			case len(line) < maxLine:
				line = append(line, b)
			}
		}
	}
}

// Close restores the terminal's mode.
func (t *Terminal) Close() {
	if t.restore != nil {
		t.restore()
	}
}
