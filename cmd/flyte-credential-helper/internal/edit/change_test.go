package edit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Changes of all kinds are made once and taken back, and leave nothing beside the files: no lock, and
// no draft of an interrupted call.
func TestFormats(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{"program": "p", "old": "o", ".new.setup": "draft", ".link.setup": "draft"} {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := makeLink(path("old"), path("moved")); err != nil {
		t.Fatal(err)
	}
	old, before := path("old"), "o"
	formats := Formats{"text": Text{}, "yaml": YAML{}, KindFile: File{}, KindLink: Text{}}
	changes := []Change{
		{Path: path("new"), Kind: KindFile, New: Sum("")},
		{Path: path("new"), Kind: "text", New: "a: 1\n"},
		{Path: path("new"), Kind: "yaml", Key: []string{"b"}, New: "2"},
		{Path: path("old"), Kind: "text", Old: &before, New: "n"},
		{Path: path("link"), Kind: KindLink, New: path("program")},
		{Path: path("moved"), Kind: KindLink, Old: &old, New: path("program")},
	}
	for range 2 {
		if err := formats.Apply(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range changes[3:] {
		if now, err := formats.Current(t.Context(), c); err != nil || now == nil || *now != c.New {
			t.Errorf("%s: %v, %v", c.Path, now, err)
		}
	}
	if text, err := os.ReadFile(path("new")); err != nil || string(text) != "a: 1\nb: 2\n" {
		t.Errorf("%q, %v", text, err)
	}
	for _, i := range []int{5, 4, 3, 2, 1, 0} {
		if done, err := formats.Revert(t.Context(), changes[i]); err != nil || !done {
			t.Errorf("%d: %v, %v", i, done, err)
		}
		if done, err := formats.Revert(t.Context(), changes[i]); err != nil || done {
			t.Errorf("%d once more: %v, %v", i, done, err)
		}
	}
	if to := readLink(path("moved"), old); string(to) != old {
		t.Errorf("moved leads to %q", to)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if text, _ := os.ReadFile(path("old")); err != nil || len(left) != 3 || len(hidden) > 0 || string(text) != "o" {
		t.Errorf("%q, %q, %q, %v", left, hidden, text, err)
	}
	if _, err := formats.Current(t.Context(), Change{Path: path("old"), Kind: "unknown"}); err == nil {
		t.Error("an unknown kind has a value")
	}
}

// No value is read from a file that another program is writing: it may be empty for a moment.
func TestLocked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := Change{Path: filepath.Join(t.TempDir(), "config"), Kind: "yaml", Key: []string{"a"}, New: "1"}
	if err := os.WriteFile(c.Path+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if now, err := (Formats{"yaml": YAML{}}).Current(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", now, err)
	}
}
