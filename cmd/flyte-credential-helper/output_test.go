package main

import (
	"errors"
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
		if got := printable(in); got != want {
			t.Errorf("%.40q: %.60q, not %.60q", in, got, want)
		}
	}
}

// Each Write reports what it was given, although less may be written.
func TestTextWriter(t *testing.T) {
	var b strings.Builder
	if n, err := (textWriter{&b}).Write([]byte("a\x1b\n")); n != 3 || err != nil || b.String() != "a\n" {
		t.Errorf("%d, %v, %q", n, err, b.String())
	}
}

func TestSentenceIsShort(t *testing.T) {
	if got := []rune(sentence(errors.New(strings.Repeat("ä", 12_000)))); len(got) != longestSentence+1 || got[longestSentence] != '…' {
		t.Errorf("%d characters", len(got))
	}
}

func TestPasted(t *testing.T) {
	for _, row := range []struct {
		words []string
		want  string
	}{
		{[]string{"p", "--header", "A=1", "--header=B=2=3"}, "p --header A=… --header=B=…"},
		{[]string{"--auth-param", "a=1", "--token-param", "b=2", "--refresh-param=c=3"}, "--auth-param a=… --token-param b=… --refresh-param=c=…"},
		{[]string{"--http-proxy", "http://u:p@h:1", "http://u@h/"}, "--http-proxy http://h:1 http://h/"},
		{[]string{"--scope", "a=b", "--scope=c=d"}, "--scope a=b --scope=c=d"},
		{[]string{"--header"}, "--header"},
		{[]string{"--header", "no pair"}, "--header 'no pair=…'"},
	} {
		if got := pasted(row.words); got != row.want {
			t.Errorf("%q: %s, not %s", row.words, got, row.want)
		}
	}
}
