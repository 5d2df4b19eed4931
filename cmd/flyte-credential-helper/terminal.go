package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// terminal is the person's terminal itself, whatever the standard streams are:
// those belong to the protocol.
type terminal struct {
	in, out *os.File // nil: there is none, or it is not ours to write on
	restore func()
	start   sync.Once
	lines   chan string
}

func (t *terminal) usable() bool { return t.out != nil }

// Show writes the text of a login as it is: it may have a QR code in colors, and pkg/oauth
// has made what is from outside printable.
func (t *terminal) Show(text string) { _, _ = io.WriteString(t.out, text) }

// say writes any other text.
func (t *terminal) say(text string) { t.Show(printable(text)) }

// ReadLine waits for a line that is typed or pasted.
func (t *terminal) ReadLine(ctx context.Context) (string, error) {
	t.start.Do(func() {
		t.restore = unlimit(t.in)
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

// read collects lines byte by byte. A read cannot be cancelled, so it goes on in
// a goroutine that ends with the process.
func (t *terminal) read() {
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

func (t *terminal) close() {
	if t.restore != nil {
		t.restore()
	}
}
