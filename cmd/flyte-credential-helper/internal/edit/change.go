package edit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Change is one change of one file: an entry gets a new value. It is complete when it is made,
// and is what the journal keeps.
type Change struct {
	Path string   `json:"path"`          // absolute
	Kind string   `json:"kind"`          // the name of the file's format
	Key  []string `json:"key,omitempty"` // the entry, in the words of the format
	// Old is the value that New replaces. It is put back if New is still there. Nil: there was
	// none, and the entry is removed.
	Old *string `json:"old,omitempty"`
	New string  `json:"new"`
	// For are the hosts or contexts that need the change. It is taken back with the last of
	// them.
	For []string `json:"for,omitempty"`
}

// Same reports whether two changes are of the same entry.
func (c Change) Same(other Change) bool {
	return c.Path == other.Path && c.Kind == other.Kind && slices.Equal(c.Key, other.Key)
}

// A Format finds and changes the entries of one kind of file. A nil text is a file that does not
// exist. Errors do not name the file.
type Format interface {
	// Get returns the value of an entry, or nil if there is none.
	Get(ctx context.Context, text []byte, key []string) (*string, error)
	// Set returns the text with another value of an entry, or without the entry if value is
	// nil. It keeps everything else.
	Set(ctx context.Context, text []byte, key []string, value *string) ([]byte, error)
	// Keys returns the keys of all entries that can be ours.
	Keys(ctx context.Context, text []byte) ([][]string, error)
}

// A Reverter is a format that can take back a change even if others have changed the entry since.
type Reverter interface {
	Revert(ctx context.Context, text []byte, c Change) ([]byte, error)
}

// ChangedError means that a file has changed since its change was shown to the user.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return e.Path + " was changed by another program in the meantime, so setup has changed nothing: run setup again"
}

// The kinds of change that every file can have.
const (
	KindFile = "file" // the file itself, which did not exist; New is the [Sum] of its text
	KindLink = "link" // a symbolic link (on Windows a hard link); New is where it leads
)

// Sum returns the SHA-256 of a text, which stands for it in a journal.
func Sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// Formats are the formats of a program's files, by kind.
type Formats map[string]Format

// Current returns the value that the entry of a change has now, or nil.
func (f Formats) Current(ctx context.Context, c Change) (*string, error) {
	if c.Kind == KindLink {
		return linkTarget(c.Path, c.New), nil
	}
	text, err := Read(c.Path)
	switch {
	case err != nil:
		return nil, err
	case c.Kind == KindFile && text == nil:
		return nil, nil
	case c.Kind == KindFile:
		sum := Sum(string(text))
		return &sum, nil
	}
	value, err := f[c.Kind].Get(ctx, text, c.Key)
	return value, named(c.Path, err)
}

// Same reports whether a value says what a change makes of it.
func (f Formats) Same(c Change, value string) bool {
	_, isYAML := f[c.Kind].(YAML)
	return value == c.New || isYAML && SameValue(value, c.New)
}

// Preview returns the text of a file after the changes.
func (f Formats) Preview(ctx context.Context, path string, changes []Change) ([]byte, error) {
	text, err := Read(path)
	for _, c := range changes {
		if err == nil && c.Path == path && f[c.Kind] != nil {
			text, err = f[c.Kind].Set(ctx, text, c.Key, &c.New)
			err = named(path, err)
		}
	}
	return text, err
}

// Apply makes the changes, one write for each file.
func (f Formats) Apply(ctx context.Context, changes []Change) error {
	for i, c := range changes {
		switch {
		case c.Kind == KindLink:
			if err := setLink(c.Path, c.New); err != nil {
				return err
			}
		case f[c.Kind] == nil || slices.ContainsFunc(changes[:i], func(d Change) bool { return d.Path == c.Path && f[d.Kind] != nil }):
			// The file is written when the first of its entries is changed.
		default:
			if err := f.write(ctx, c.Path, changes); err != nil {
				return err
			}
		}
	}
	return nil
}

// write makes the changes of one file.
func (f Formats) write(ctx context.Context, path string, changes []Change) error {
	unlock, err := lockFile(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	text, err := f.Preview(ctx, path, changes)
	if err != nil {
		return err
	}
	now, err := Read(path)
	if err != nil || now != nil && bytes.Equal(now, text) {
		return err
	}
	return Write(path, text)
}

// Revert takes a change back if what it made is still there. done is false if it is not.
func (f Formats) Revert(ctx context.Context, c Change) (done bool, err error) {
	if c.Kind != KindLink {
		unlock, err := lockFile(ctx, c.Path)
		if err != nil {
			return false, err
		}
		defer unlock()
	}
	if c.Kind == KindLink || c.Kind == KindFile {
		_ = os.Remove(draftOf(c.Path)) // of an interrupted call
		now, err := f.Current(ctx, c)
		switch {
		case err != nil || now == nil || *now != c.New:
			return false, err
		case c.Kind == KindFile:
			return true, remove(c.Path)
		case c.Old != nil:
			return true, setLink(c.Path, *c.Old)
		}
		return true, removeFile(c.Path)
	}
	removeDraft(c.Path)
	text, err := Read(c.Path)
	if err != nil || text == nil {
		return false, err
	}
	after, err := f.revertEntry(ctx, text, c)
	if err != nil || bytes.Equal(after, text) {
		return false, named(c.Path, err)
	}
	return true, Write(c.Path, after)
}

func (f Formats) revertEntry(ctx context.Context, text []byte, c Change) ([]byte, error) {
	format, found := f[c.Kind]
	if !found {
		return nil, fmt.Errorf("the journal has a change of an unknown kind, %q", c.Kind)
	}
	if r, ok := format.(Reverter); ok {
		return r.Revert(ctx, text, c)
	}
	now, err := format.Get(ctx, text, c.Key)
	if err != nil || now == nil || *now != c.New {
		return text, err
	}
	return format.Set(ctx, text, c.Key, c.Old)
}

// linkTarget returns where a link leads: want if it is the same file, "" if path is not a link,
// nil if there is none.
func linkTarget(path, want string) *string {
	is, err := os.Stat(path)
	wanted, wantedErr := os.Stat(want)
	if err == nil && wantedErr == nil && os.SameFile(is, wanted) {
		return &want
	}
	to, err := os.Readlink(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return &to
}

// named adds the path of a file to an error.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}

// setLink makes path a link to the file to. Another link of that name is replaced.
func setLink(path, to string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	draft := draftOf(path)
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeLink(to, draft); err != nil {
		return err
	}
	return os.Rename(draft, path)
}
