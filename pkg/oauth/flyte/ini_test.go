package flyte

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestINI(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want map[string]string // by section and name
		err  string
	}{
		"nothing":                {"", nil, ""},
		"both delimiters":        {"[platform]\nurl = a:1\ninsecure: b=c\n", map[string]string{"platform url": "a:1", "platform insecure": "b=c"}, ""},
		"names in any case":      {"[platform]\nURL=a\n", map[string]string{"platform url": "a"}, ""},
		"sections as they are":   {"[Platform]\nurl=a\n", nil, ""},
		"comments":               {"# a\n; b\n[platform]\n  # c\nurl = a # no comment\n;url = b\n", map[string]string{"platform url": "a # no comment"}, ""},
		"a value goes on":        {"[credentials]\nscopes = all,\n   offline,\n\n # between\n\tx\ncommand = a\n", map[string]string{"credentials scopes": "all,\noffline,\nx", "credentials command": "a"}, ""},
		"begins on the next":     {"[credentials]\nscopes =\n  all\n", map[string]string{"credentials scopes": "all"}, ""},
		"indented options":       {"[platform]\n  url = a\n  insecure = b\n", map[string]string{"platform url": "a", "platform insecure": "b"}, ""},
		"a section that goes on": {"[platform]\nurl = a\n[x]\ny = z\n[platform]\ninsecure = b\n", map[string]string{"platform url": "a", "platform insecure": "b"}, ""},
		"an indented section":    {"[x]\ny = z\n [platform]\nurl = a\n", nil, ""},
		"the last of two":        {"[platform]\nurl = a\nurl = b\n", map[string]string{"platform url": "b"}, ""},
		"defaults":               {"[DEFAULT]\nurl = a\ninsecure = x\n[platform]\ninsecure = b\n", map[string]string{"platform url": "a", "platform insecure": "b"}, ""},
		"defaults of nothing":    {"[DEFAULT]\nurl = a\n", nil, ""},
		"Windows' lines":         {"[platform]\r\nurl = a\r\n", map[string]string{"platform url": "a"}, ""},
		"a percent sign":         {"[platform]\nurl = a%%b\n", map[string]string{"platform url": "a%b"}, ""},
		"a reference":            {"[platform]\nurl = %(x)s\n", nil, "f:2: [platform] url: % must be written %%"},
		"an empty value":         {"[platform]\nurl =\n", nil, ""},
		"no section":             {"\nurl = a\n", nil, "f:2: there must be a [section] first"},
		"no delimiter":           {"[platform]\nurl\n", nil, "f:2: must be a [section] or name = value"},
		"no name":                {"[platform]\n= a\n", nil, "f:2: must be a [section] or name = value"},
		"an open section":        {"[platform\nurl = a\n", nil, "f:1: there must be a [section] first"},
		"an empty section":       {"[]\n", nil, "f:1: there must be a [section] first"},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			file, err := parseINI("f", test.text)
			if err == nil {
				var values map[string]value
				values, err = file.values("f")
				for option, v := range values {
					section, name := v1Name(option)
					got[section+" "+name] = v.text
				}
			}
			if test.want == nil {
				test.want = map[string]string{}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err != nil) != (test.err != "") || err != nil && err.Error() != test.err {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
		})
	}
}

// FuzzINI: whatever the text, it is read or refused with a line of its own, and
// what is written as one option comes back as one.
func FuzzINI(f *testing.F) {
	for _, seed := range []string{"", everyINI, "[a]\n b\n", "[platform]\nurl = a\n  b\n", "[platform]\nurl == %%\n", "[[a]]]\n=:", "\r\r\n[a]\r:", "\x00", "[a]\n\u2028x = 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parseINI("f", text)
		if err != nil {
			var line int
			if _, scan := fmt.Sscanf(err.Error(), "f:%d:", &line); scan != nil || line < 1 || line > 1+strings.Count(text, "\n")+strings.Count(text, "\r") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		_, _ = file.values("f")
		word := strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), "")
		again, err := parseINI("f", "[platform]\nurl = x"+strings.ReplaceAll(word, "%", "%%"))
		if err != nil {
			t.Fatalf("%q: %v", word, err)
		}
		if got, line, err := again.get("platform", "url"); got != "x"+word || line != 2 || err != nil {
			t.Fatalf("%q came back as %q of line %d: %v", "x"+word, got, line, err)
		}
	})
}
