package edit

import (
	"bytes"
	"context"
	"fmt"
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

// The kinds of change that every file can have.
const (
	KindFile = "file" // the file itself, which did not exist; New is the [Sum] of its text
	KindLink = "link" // a symbolic link (on Windows a hard link); New is where it leads
)

// Same reports whether two changes are of the same entry.
func (c Change) Same(other Change) bool {
	return c.Path == other.Path && c.Kind == other.Kind && slices.Equal(c.Key, other.Key)
}

// read returns the text of the file, or where the link leads. Nil: there is none.
func (c Change) read(ctx context.Context) ([]byte, error) {
	if c.Kind == KindLink {
		return readLink(c.Path, c.New), nil
	}
	return ReadWhole(ctx, c.Path, Read)
}

// write is the inverse of read.
func (c Change) write(text []byte) error {
	switch {
	case c.Kind == KindLink && len(text) == 0:
		return removeFile(c.Path)
	case c.Kind == KindLink:
		return setLink(c.Path, string(text))
	case text == nil:
		return remove(c.Path)
	}
	return Write(c.Path, text)
}

// ChangedError means that a file has changed since its change was shown to the user.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return e.Path + " was changed by another program in the meantime, so setup has changed nothing: run setup again"
}

// Formats are the formats of a program's files, by kind.
type Formats map[string]Format

// Current returns the value that the entry of a change has now, or nil.
func (f Formats) Current(ctx context.Context, c Change) (*string, error) {
	format, found := f[c.Kind]
	if !found {
		return nil, fmt.Errorf("the journal has a change of an unknown kind, %q", c.Kind)
	}
	text, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	value, err := format.Get(ctx, text, c.Key)
	return value, named(c.Path, err)
}

// Same reports whether a value says what a change makes of it.
func (f Formats) Same(c Change, value string) bool {
	_, isYAML := f[c.Kind].(YAML)
	return value == c.New || isYAML && SameValue(value, c.New)
}

// Preview returns the text of a file after the changes.
func (f Formats) Preview(ctx context.Context, path string, changes []Change) (text []byte, err error) {
	first := slices.IndexFunc(changes, func(c Change) bool { return c.Path == path })
	if first < 0 {
		return Read(path)
	}
	text, err = changes[first].read(ctx)
	for _, c := range changes[first:] {
		if err == nil && c.Path == path {
			text, err = f[c.Kind].Set(ctx, text, c.Key, &c.New)
			err = named(path, err)
		}
	}
	return text, err
}

// Apply makes the changes, one write for each file.
func (f Formats) Apply(ctx context.Context, changes []Change) error {
	for i, c := range changes {
		if slices.ContainsFunc(changes[:i], func(d Change) bool { return d.Path == c.Path }) {
			continue
		}
		if _, err := f.update(ctx, c, func([]byte) ([]byte, error) { return f.Preview(ctx, c.Path, changes) }); err != nil {
			return err
		}
	}
	return nil
}

// Revert takes a change back if what it made is still there. done is false if it is not.
func (f Formats) Revert(ctx context.Context, c Change) (done bool, err error) {
	return f.update(ctx, c, func(text []byte) ([]byte, error) {
		if r, ok := f[c.Kind].(Reverter); ok {
			text, err := r.Revert(ctx, text, c)
			return text, named(c.Path, err)
		}
		now, err := f[c.Kind].Get(ctx, text, c.Key)
		if err == nil && now != nil && f.Same(c, *now) {
			text, err = f[c.Kind].Set(ctx, text, c.Key, c.Old)
		}
		return text, named(c.Path, err)
	})
}

// update changes the file of a change under the file's lock. done is false if it has the new text
// already.
func (f Formats) update(ctx context.Context, c Change, edit func(text []byte) ([]byte, error)) (done bool, err error) {
	file := c.Path
	if c.Kind != KindLink {
		file, err = FollowLinks(c.Path)
	}
	if err != nil {
		return false, err
	}
	unlock, err := lockFile(ctx, c.Path, file)
	if err != nil {
		return false, err
	}
	defer unlock()
	text, err := c.read(ctx)
	if err != nil {
		return false, err
	}
	after, err := edit(text)
	if err != nil || bytes.Equal(text, after) && (text == nil || after != nil) {
		return false, err
	}
	return true, c.write(after)
}

// named adds the path of a file to an error.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}
