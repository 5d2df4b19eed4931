package main

import (
	"io"
	"strings"
	"unicode"
)

// All text for people passes through printable: on stderr, at the terminal, and on the
// stdout of the commands that people run. Answers to programs do not.

// longestLine is more than any hint or login address needs, in characters. A single value
// from outside is cut earlier, by [oauth.Printable].
const longestLine = 8192

// printable removes control, C1, format and bidirectional characters from text, and cuts
// long lines. Line feeds stay.
func printable(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		switch {
		case r == '\n':
			n = -1
		case n > longestLine:
			continue
		case n == longestLine:
			r = '…'
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsPrint(r):
			continue
		}
		n++
		b.WriteRune(r)
	}
	return b.String()
}

// textWriter writes text for people. Each Write has whole lines.
type textWriter struct{ w io.Writer }

// Write implements [io.Writer].
func (t textWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(t.w, printable(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// write writes text for people to stdout.
func (c *call) write(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	return c.print([]byte(printable(string(text))))
}

// note tells people something beside the answer. It is not shown to the callers that may
// take any text on stderr for a failure.
func (w world) note(quiet bool, text string) {
	if !quiet {
		_, _ = io.WriteString(w.stderr, program+": "+text+"\n")
	}
}

// notify shows where to log in, on stderr: there is no terminal, and no browser opened.
func (w world) notify(text string) { _, _ = io.WriteString(w.stderr, text) }

// quiet reports whether warnings are not written: the caller is a program, and its user
// neither sees stderr nor has asked for a log.
func (w world) quiet(s *settings) bool {
	return s.forProgram && !s.has("log-level") && !w.stderrTerminal()
}
