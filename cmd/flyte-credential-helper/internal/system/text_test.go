package system

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"plain\ntwo lines\n":          "plain\ntwo lines\n",
		"a\x1b[31mb":                  "a[31mb",
		"a\x00\x07\x08\x7fb":          "ab",
		"C1 \u009b31m \u0085":         "C1 31m  ",
		"bidi \u202e\u2066\u200f!":    "bidi !",
		"joined\u200d\ufeff":          "joined",
		"tab\tand\rCR":                "tab and CR",
		"wide\u3000space":             "wide space",
		"Zoë ▀█ 漢字":                   "Zoë ▀█ 漢字",
		strings.Repeat("x", 12_000):   strings.Repeat("x", longestLine) + "…",
		strings.Repeat("é\n", 12_000): strings.Repeat("é\n", 12_000),
		strings.Repeat("y", longestLine) + "\nnext": strings.Repeat("y", longestLine) + "\nnext",
		strings.Repeat("z", longestLine+5) + "\nw":  strings.Repeat("z", longestLine) + "…\nw",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%.40q: %.60q, not %.60q", in, got, want)
		}
	}
}

// Write returns the length of its argument, although it may write less.
func TestTextWriter(t *testing.T) {
	var b strings.Builder
	if n, err := (TextWriter{&b}).Write([]byte("a\x1b\n")); n != 3 || err != nil || b.String() != "a\n" {
		t.Errorf("%d, %v, %q", n, err, b.String())
	}
}
