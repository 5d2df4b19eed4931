package setup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// What setup put in goes, what others wrote stays; what is not to be told apart is left
// alone.
func TestUndoLines(t *testing.T) {
	for name, test := range map[string]struct{ before, after, now, want string }{
		"beside":               {"a\nb\n", "a\nours: 1\nb\n", "a\nours: 1\nb\nc\n", "a\nb\nc\n"},
		"moved":                {"a\nb\n", "a\nours: 1\nb\n", "a\nb\nours: 1\n", "a\nb\n"},
		"between":              {"a: 1\nb\nc: 1\n", "a: 2\nb\nc: 2\n", "a: 2\nb\nd\nc: 2\n", "a: 1\nb\nd\nc: 1\n"},
		"twice":                {"a\nx\nb\n", "a\nx\nb\nx\n", "c\na\nx\nb\nx\n", "c\na\nx\nb\n"},
		"which":                {"a\n", "x\na\n", "x\nx\na\nx\na\n", ""},
		"taken away":           {"a\ntheirs\nb\n", "a\nb\n", "0\na\nb\n", "0\na\ntheirs\nb\n"},
		"put back":             {"a\ntheirs\nb\n", "a\nb\n", "a\ntheirs\nc\nb\n", "a\ntheirs\nc\nb\n"},
		"gone":                 {"a\n", "a\nours: 1\n", "a\nb\n", "a\nb\n"},
		"edited":               {"a\n", "a\nours: 1\nours: 2\n", "a\nours: 1\nours: 3\n", ""},
		"indented":             {"a\n", "a\nours: 1\n", "b\n  ours: 1\n", ""},
		"still named":          {"a\n", "a\nrun flyte-credential-helper\n", "a\nrun quietly flyte-credential-helper\n", ""},
		"at the end":           {"a", "a\nours: 1\n", "a\nours: 1\nb\n", "a\nb\n"},
		"under":                {"a:\n", "a:\nb:\n  ours: 1\n", "a:\nb:\n  ours: 1\n  # why\n  theirs: 2\n", "a:\nb:\n  # why\n  theirs: 2\n"},
		"in a list":            {"a:\n", "a:\nb:\n- ours: 1\n", "a:\nb:\n- ours: 1\n- theirs: 2\n", "a:\nb:\n- theirs: 2\n"},
		"under a key of ours":  {"a:\n", "a:\nb:\n  c:\n    ours: 1\n", "a:\nb:\n  c:\n    ours: 1\n    theirs: 2\n", ""},
		"beside a key of ours": {"", "b:\n  c:\n    ours: 1\n", "b:\n  c:\n    ours: 1\n  d:\n    theirs: 2\n", "b:\n  d:\n    theirs: 2\n"},
		"in a section":         {"", "[b]\n\tours = 1\n", "[b]\n\tours = 1\n\ttheirs = 2\n[c]\n", "[b]\n\ttheirs = 2\n[c]\n"},
		"under what it was":    {"a:\nb: []\n", "a:\nb:\n- ours: 1\n", "a:\nb:\n- ours: 1\n- theirs: 2\n", ""},
		"a deeper line first":  {"a:\n  b:\n", "a:\n  b:\n    ours: 1\n  d:\n", "a:\n  b:\n    ours: 1\n  d:\n    theirs: 2\n", ""},
		"another user":         {"users: null\n", "users:\n- name: me\n", "users:\n- name: me\n- name: zed\n", ""},
		"an item more":         {"users:\n- name: a\n", "users:\n- name: a\n- name: me\n", "users:\n- name: a\n- name: me\n- name: zed\n", "users:\n- name: a\n- name: zed\n"},
		"not under, but on":    {"a:\n", "a:\nb:\n  ours: 1\n", "a:\nb:\n  ours: 1\ntheirs: 2\n", "a:\ntheirs: 2\n"},
		"all of it is ours":    {"", "b:\n  ours: 1\n", "# theirs\nb:\n  ours: 1\n", "# theirs\n"},
		"ends as it does":      {"a\n", "a\nours: 1\n", "c\na\nours: 1", "c\na"},
		"emptied, and later":   {"a: 1\n", "a: 2\n", "a: 2\nb", "a: 1\nb"},
	} {
		got, ok := withoutLines([]byte(test.now), []byte(test.before), []byte(test.after))
		if ok != (test.want != "") || ok && string(got) != test.want {
			t.Errorf("%s: %v, %q, not %q", name, ok, got, test.want)
		}
	}
}

// A helper is an entry, however the file is written now.
func TestUndoDockerConfig(t *testing.T) {
	for before, tests := range map[string][][2]string{
		"": {
			{`{"credHelpers": {"a": "flyte"}}`, `{}`},
			{`{"auths": {}, "credHelpers": {"a": "flyte"}}`, `{"auths": {}}`},
			{`{"credHelpers": {"b": "x", "a": "flyte"}, "auths": {}}`, `{"credHelpers": {"b": "x"}, "auths": {}}`},
			{`{"credHelpers": {"a": "flyte", "b": "x"}}`, `{"credHelpers": { "b": "x"}}`},
			{`{"credHelpers": {"A": "x", "a": "flyte"}}`, `{"credHelpers": {"A": "x"}}`},
			{`{"credHelpers": {"a": "pass"}}`, `{"credHelpers": {"a": "pass"}}`},
			{`{"auths": {}}`, `{"auths": {}}`},
			{`{`, ""},
		},
		`{"credHelpers": {}}`:             {{`{"x": 1, "credHelpers": {"a": "flyte"}}`, `{"x": 1, "credHelpers": {}}`}},
		`{"credHelpers": {"a": "flyte"}}`: {{`{"x": 1, "credHelpers": {"a": "flyte"}}`, `{"x": 1, "credHelpers": {"a": "flyte"}}`}},
	} {
		for _, test := range tests {
			got, ok := dockerConfig{"config.json", []byte(test[0])}.without([]byte(before), []byte(`{"credHelpers": {"a": "flyte"}}`))
			if ok != (test[1] != "") || ok && string(got) != test[1] {
				t.Errorf("%q of %q: %v, %q, not %q", test[0], before, ok, got, test[1])
			}
		}
	}
}

// A link that setup made goes, of whichever kind it is, and nothing that stands there
// instead.
func TestUndoLink(t *testing.T) {
	for name, link := range map[string]func(string, string) error{"symbolic": os.Symlink, "hard": os.Link, "as setup makes it": system.Link} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			u := &undo{path: filepath.Join(dir, "record"), self: filepath.Join(dir, "self")}
			path := filepath.Join(dir, "name")
			write(t, u.self, "the program")
			if err := u.watch([]string{path}, func() error { return link(u.self, path) }); err != nil || len(u.Files) != 1 || !u.Files[0].Link {
				t.Fatalf("%+v, %v", u.Files, err)
			}
			back := func() ([]byte, bool) {
				now, err := u.Files[0].read()
				if err != nil {
					t.Fatal(err)
				}
				return u.Files[0].back(now)
			}
			if text, ok := back(); text != nil || !ok {
				t.Errorf("the link stays: %q, %v", text, ok)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			write(t, path, "another program")
			if text, ok := back(); text == nil || !ok {
				t.Errorf("another program goes: %q, %v", text, ok)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}
