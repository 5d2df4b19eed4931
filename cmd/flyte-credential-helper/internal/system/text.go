package system

import (
	"io"
	"strings"
	"unicode"
)

// All text for users passes through Printable: on stderr, at the terminal, and on the
// stdout of the commands for users. Answers to callers do not.

// longestLine is more than any hint or login address needs, in characters. A single value
// from outside is cut earlier, by oauth.Printable.
const longestLine = 8192

// Printable removes control, C1, format and bidirectional characters from text, and cuts
// long lines. Line feeds stay.
func Printable(text string) string {
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

// TextWriter writes text for users to W. Each Write has whole lines.
type TextWriter struct{ W io.Writer }

// Write implements [io.Writer].
func (t TextWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(t.W, Printable(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
