package edit

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Set changes one value and no other byte, and setting the replaced value restores the bytes.
func TestSet(t *testing.T) {
	for name, test := range map[string]struct{ before, key, value, after, old string }{
		"empty file":             {"", "a/b", "x", "a:\n  b: x\n", ""},
		"only a comment":         {"# top\n", "a", "x", "# top\na: x\n", ""},
		"only a document header": {"---\n", "a", "x", "---\na: x\n", ""},
		"new key":                {"a: 1\n\n# end\n", "b", "x", "a: 1\nb: x\n\n# end\n", ""},
		"new key below":          {"a: # of a\n  # of b\n  b: 1\n\nz: 2 # z\n", "a/c", "x", "a: # of a\n  # of b\n  b: 1\n  c: x\n\nz: 2 # z\n", ""},
		"replaced":               {"a:\n  b: old # it's b\n  c: 1\n", "a/b", "x", "a:\n  b: x # it's b\n  c: 1\n", "old"},
		"number sign in a value": {"a: \"x # y\"\n", "a", "z", "a: z\n", `"x # y"`},
		"list of the same indent": {
			"a:\n  b:\n  - p # one\n  # two\n  - q\n  c: 1\n", "a/b", "[x]",
			"a:\n  b: [x]\n  c: 1\n", "\n- p # one\n# two\n- q",
		},
		"literal":                  {"a: |\n  # text\n\n  more\n\nb: 1\n", "a", "x", "a: x\n\nb: 1\n", "|\n  # text\n\n  more"},
		"null":                     {"a: # of a\nb: 1\n", "a/c", "x", "a: # of a\n  c: x\nb: 1\n", ""},
		"null with a comment":      {"a:\n  # nothing yet\nb: 1\n", "a/c", "x", "a:\n  # nothing yet\n  c: x\nb: 1\n", ""},
		"tilde":                    {"a: ~ # of a\n", "a/c", "x", "a: # of a\n  c: x\n", ""},
		"empty braces":             {"a: {}\n", "a/c/d", "x", "a:\n  c:\n    d: x\n", ""},
		"null replaced":            {"a:\nb: 1\n", "a", "x", "a: x\nb: 1\n", "null"},
		"CR LF":                    {"a:\r\n  b: 1\r\n\r\nc: 2\r\n", "a/d", "x", "a:\r\n  b: 1\r\n  d: x\r\n\r\nc: 2\r\n", ""},
		"CR LF, with comments":     {"a: [p] # of a\r\nb: 1 # of b\r\nc: # of c\r\n  d: 1\r\n", "b", "x", "a: [p] # of a\r\nb: x # of b\r\nc: # of c\r\n  d: 1\r\n", "1"},
		"CR LF after a comment":    {"# top\r\na:\r\n  b: 1\r\n", "a/d", "x", "# top\r\na:\r\n  b: 1\r\n  d: x\r\n", ""},
		"CR LF before a comment":   {"# top\r\na:\r\n  b: old # of b\r\n  c: 1\r\n", "a/b", "x", "# top\r\na:\r\n  b: x # of b\r\n  c: 1\r\n", "old"},
		"CR LF, block":             {"a:\r\n  b: 1\r\n", "a/d", "\n  e: x\n  f: y", "a:\r\n  b: 1\r\n  d:\r\n    e: x\r\n    f: y\r\n", ""},
		"one line with CR LF":      {"a: 1\r\nb: 2\nc: 3\r\n", "c", "x", "a: 1\r\nb: 2\nc: x\r\n", "3"},
		"no final newline":         {"a: 1", "b", "x", "a: 1\nb: x\n", ""},
		"no final newline, CR LF":  {"z: 0\r\na: 1", "a", "x", "z: 0\r\na: x\r\n", "1"},
		"four blanks":              {"a:\n    b: 1\n", "a/c", "\n    d: x", "a:\n    b: 1\n    c:\n        d: x\n", ""},
		"byte order mark":          {"\ufeffa: 1\n", "a", "x", "\ufeffa: x\n", "1"},
		"quoted key":               {"\"a b\": 1 # é\n", "a b", "x", "\"a b\": x # é\n", "1"},
		"letters outside of ASCII": {"é: ü # ö\nb: 1\n", "é", "x", "é: x # ö\nb: 1\n", "ü"},
		"after other anchors":      {"base: &b {x: 1}\na:\n  <<: *b\n", "a/c", "x", "base: &b {x: 1}\na:\n  <<: *b\n  c: x\n", ""},
		"before a document end":    {"a: 1\n...\n", "b", "x", "a: 1\nb: x\n...\n", ""},
		"in a list":                {"u:\n- name: a\n  user: {}\n- name: b # of b\n  user:\n    t: 1 # t\nz: 1\n", "u/[name=b]/user", "\n  e: x", "u:\n- name: a\n  user: {}\n- name: b # of b\n  user:\n    e: x\nz: 1\n", "\n  t: 1 # t"},
		"before the name":          {"u:\r\n  - user: {} # x\r\n    name: b\r\n", "u/[name=b]/user", "\n  e: x", "u:\r\n  - user: # x\r\n      e: x\r\n    name: b\r\n", "{}"},
		"new in a list":            {"u:\n- name: a\n  user: {}\nz: 1\n", "u/[name=b c]/user", "\n  e: x", "u:\n- name: a\n  user: {}\n- name: \"b c\"\n  user:\n    e: x\nz: 1\n", ""},
		"new in an empty list":     {"u: []\n", "u/[name=b]/user", "x", "u:\n  - name: b\n    user: x\n", ""},
		"new in a null list":       {"u: null\nz: 1\n", "u/[name=b]/user", "x", "u:\n  - name: b\n    user: x\nz: 1\n", ""},
		"new list":                 {"z: 1\n", "u/[name=b]/user", "x", "z: 1\nu:\n  - name: b\n    user: x\n", ""},
		"number as a name":         {"z: 1\n", "u/[name=1e3]/user", "x", "z: 1\nu:\n  - name: \"1e3\"\n    user: x\n", ""},
		"other case":               {"a: 1\nA: 2\n", "A", "x", "a: 1\nA: x\n", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			y, key := YAML{}, strings.Split(test.key, "/")
			old := get(t, y, test.before, key)
			after, err := y.Set(t.Context(), []byte(test.before), key, &test.value)
			if err != nil || string(after) != test.after || old != cmp.Or(test.old, "absent") {
				t.Fatalf("Set: %v\n%s\nold %q, want\n%s", err, after, old, test.after)
			}
			if now := get(t, y, test.after, key); now != test.value {
				t.Errorf("Get: %q, want %q", now, test.value)
			}
			if again, err := y.Set(t.Context(), after, key, &test.value); err != nil || string(again) != test.after {
				t.Errorf("Set once more: %v\n%s", err, again)
			}
			switch old {
			case "absent":
				return
			case "null":
				old = ""
			}
			back, err := y.Set(t.Context(), after, key, &old)
			if err != nil || strings.TrimRight(string(back), "\r\n") != strings.TrimRight(test.before, "\r\n") {
				t.Errorf("Set to the old value: %v\n%s\nwant\n%s", err, back, test.before)
			}
		})
	}
}

// get returns a value, or "absent", or "null".
func get(t *testing.T, y YAML, text string, key []string) string {
	value, err := y.Get(t.Context(), []byte(text), key)
	switch {
	case err != nil:
		t.Fatal(err)
	case value == nil:
		return "absent"
	case *value == "":
		return "null"
	}
	return *value
}

func TestFoldCase(t *testing.T) {
	key, value := []string{"admin", "authType"}, "X"
	after, err := YAML{FoldCase: true}.Set(t.Context(), []byte("admin:\n  authtype: Pkce\n"), key, &value)
	if err != nil || string(after) != "admin:\n  authtype: X\n" {
		t.Errorf("%v\n%s", err, after)
	}
}

// An entry is removed with the mappings that are empty then.
func TestRemove(t *testing.T) {
	for name, test := range map[string]struct{ before, key, after string }{
		"absent":                 {"a: 1\n", "b", "a: 1\n"},
		"absent below":           {"a:\n", "a/b", "a:\n"},
		"one of two":             {"a:\n  b: 1 # b\n  # of c\n  c: 2\n", "a/b", "a:\n  # of c\n  c: 2\n"},
		"the last":               {"a:\n  b: 1\n# end\nz: 1\n", "a/b", "# end\nz: 1\n"},
		"the last of the file":   {"a:\n  b:\n    c: 1\n", "a/b/c", ""},
		"the last, and comments": {"a:\n  # of b\n  b: 1\n", "a/b", "a:\n  # of b\n"},
		"a block":                {"a:\r\n  b:\r\n    c: 1\r\n    d: [1,\r\n      2]\r\n  e: 1\r\n", "a/b", "a:\r\n  e: 1\r\n"},
		"an item":                {"a: [x, y] # of a\n", "a/- y", "a: [x] # of a\n"},
		"an item, as a block":    {"a:\n  # of x\n  - x\n  # of y\n  - y: 1\n    z: 2\n  - z\n", "a/- {y: 1, z: 2}", "a:\n  # of x\n  - x\n  # of y\n  - z\n"},
		"the last item":          {"b: 1\na:\n- x\n", "a/- x", "b: 1\n"},
		"in a list":              {"u:\n- name: a\n  user: x\n- name: b\n  user:\n    e: x\nz: 1\n", "u/[name=b]/user", "u:\n- name: a\n  user: x\nz: 1\n"},
		"the last in a list":     {"u:\n  - name: b\n    user:\n      e: x\nz: 1\n", "u/[name=b]/user", "z: 1\n"},
		"one of two in a list":   {"u:\n- name: b\n  user: x\n  more: 1\n", "u/[name=b]/user", "u:\n- name: b\n  more: 1\n"},
		"an absent item":         {"a: [x]\n", "a/- y", "a: [x]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := YAML{}.Set(t.Context(), []byte(test.before), strings.Split(test.key, "/"), nil)
			if err != nil || string(after) != test.after {
				t.Errorf("%v\n%s\nwant\n%s", err, after, test.after)
			}
		})
	}
}

// An item is added in the style of its list, and removing it restores the bytes.
func TestAddItem(t *testing.T) {
	key, value := []string{"a", "- x"}, ""
	for name, test := range map[string]struct{ before, after string }{
		"absent":          {"b: 1\n", "b: 1\na: [x]\n"},
		"flow style":      {"a: [\"p q\", {r: 1}] # of a\n", "a: [\"p q\", {r: 1}, x] # of a\n"},
		"block style":     {"a:\n  # of p\n  - p # p\n\n# of b\nb: 1\n", "a:\n  # of p\n  - p # p\n  - x\n\n# of b\nb: 1\n"},
		"the same indent": {"a:\r\n- p\r\nb: 1\r\n", "a:\r\n- p\r\n- x\r\nb: 1\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := YAML{}.Set(t.Context(), []byte(test.before), key, &value)
			if err != nil || string(after) != test.after || get(t, YAML{}, test.after, key) != "null" {
				t.Fatalf("%v\n%s\nwant\n%s", err, after, test.after)
			}
			if back, err := (YAML{}).Set(t.Context(), after, key, nil); err != nil || string(back) != test.before {
				t.Errorf("removed: %v\n%s\nwant\n%s", err, back, test.before)
			}
		})
	}
	for _, before := range []string{"a: # of a\nb: 1\n", "a: [] # of a\nb: 1\n"} {
		if after, err := (YAML{}).Set(t.Context(), []byte(before), key, &value); err != nil || string(after) != "a: [x] # of a\nb: 1\n" {
			t.Errorf("%v\n%s", err, after)
		}
	}
	if after, err := (YAML{}).Set(t.Context(), []byte("a: 1\n"), key, &value); err == nil {
		t.Errorf("a number became a list:\n%s", after)
	}
}

// A form that cannot be edited safely is refused, and the message names the line.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct{ before, words string }{
		"flow style":             {"z: 1\na: {b: 1}\n", "line 2: "},
		"top in flow style":      {"{a: {b: 1}}\n", "line 1: "},
		"top is null":            {"null\n", "line 1: "},
		"top is a list":          {"- a\n", "line 1: "},
		"not a mapping":          {"a: 1\n", "line 1: "},
		"anchor on the way":      {"a: &x\n  b: 1\nc: *x\n", "line 1: "},
		"alias on the way":       {"c: &x\n  b: 1\na: *x\n", "line 3: "},
		"anchor in the value":    {"a:\n  b: &x 1\nc: *x\n", "line 2: "},
		"alias without anchor":   {"a:\n  b: 1\n  c: *x\n", "line 3: could not find alias"},
		"tabs":                   {"a:\n\tb: 1\n", "line 2: "},
		"two documents":          {"a:\n  b: 1\n---\na:\n  b: 2\n", "more than one YAML document"},
		"flow lines to the left": {"a:\n  b: {c: 1,\nd: 2}\n", "line "},
		"complex key":            {"a:\n  ? b\n  : 1\n", "line "},
	} {
		t.Run(name, func(t *testing.T) {
			value := "x"
			after, err := YAML{}.Set(t.Context(), []byte(test.before), []string{"a", "b"}, &value)
			form := &YAMLError{}
			if !errors.As(err, &form) || !strings.Contains(err.Error(), test.words) {
				t.Errorf("%v\n%s", err, after)
			}
		})
	}
}

// The entries of an alias cannot be edited, and an item that is one gets no second item of its name.
func TestAlias(t *testing.T) {
	value, key := "x", []string{"a", "[name=y]", "b"}
	if after, err := (YAML{}).Set(t.Context(), []byte("z: &z {name: y}\na:\n- *z\n"), key, &value); err == nil || !strings.HasPrefix(err.Error(), "line ") {
		t.Errorf("%v\n%s", err, after)
	}
	const before = "a:\n- name: x\n  b: &x {t: 1}\n- name: y\n  b: *x\n- name: z\n  b: !secret 1\n"
	for name, want := range map[string]string{"y": strings.Replace(before, "*x", "x", 1), "z": strings.Replace(before, "!secret 1", "x", 1), "x": ""} {
		key[1] = "[name=" + name + "]"
		if after, err := (YAML{}).Set(t.Context(), []byte(before), key, &value); string(after) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %v\n%s", name, err, after)
		}
	}
}

// A quoted text comes back as it was, beside other values.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "a: b", "a #b", "#a", "- a", "'", `"`, "\\", "null", "~", "yes", "0x10", "1e3", "é", "\n", "a:", ":a", "@", "`", "%", "!x", "&x", "*x", "{", "a,b", "\u2028", "\x7f", "https://x/y?z=1&q"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ToValidUTF8(s, "") != s {
			t.Skip("YAML cannot contain it")
		}
		value, key := QuoteList([]string{s, "x"}), []string{"a", "key" + s}
		text, err := YAML{}.Set(t.Context(), []byte("z: 1\n"), key, &value)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		top, err := ParseYAML(text)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		a := top.(*ast.MappingNode).Values[1].Value.(*ast.MappingNode).Values[0]
		item, _ := Scalar(a.Value.(*ast.SequenceNode).Values[0])
		if a.Key.GetToken().Value != key[1] || item != s {
			t.Errorf("%q: %v\n%s", s, err, text)
		}
	})
}

// A text for which the parser needs minutes is an error after the limit.
func TestParseLimit(t *testing.T) {
	var text strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&text, "a%d: b\n", i)
	}
	_, err := parseYAML([]byte(text.String()), 10*time.Millisecond)
	if wrong := new(*YAMLError); !errors.As(err, wrong) || !strings.Contains(err.Error(), "not read within 10ms") {
		t.Error(err)
	}
	if _, err := parseYAML([]byte("a: b"), time.Minute); err != nil {
		t.Error(err)
	}
}
