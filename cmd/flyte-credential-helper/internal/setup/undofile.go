package setup

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// undoFile is one change of a file: what it was before, and what setup made of it.
type undoFile struct {
	Path   string    `json:"path"`
	Before []byte    `json:"before"`         // null: there was none
	After  string    `json:"after"`          // SHA-256; empty: there is none
	Text   []byte    `json:"text,omitempty"` // what After is of; earlier builds did not keep it
	Link   bool      `json:"link,omitempty"` // a link to us, and Text is where it leads
	When   time.Time `json:"when,omitzero"`
}

// lookAt is a file as it is now, or a link to us.
func (u *undo) lookAt(path string) (f *undoFile, err error) {
	f = &undoFile{Path: path, Text: []byte(u.self), Link: system.SameFile(path, u.self)}
	f.Text, err = f.read()
	f.After = edit.Sum(f.Text)
	return f, err
}

// read returns what the file is now, as Text has it.
func (f undoFile) read() ([]byte, error) {
	if !f.Link {
		return edit.Read(f.Path)
	}
	to, err := os.Readlink(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil && system.SameFile(f.Path, string(f.Text)): // a hard link
		return f.Text, nil
	}
	return []byte(to), nil // empty: it is no link any more
}

// back is what the file was before setup, where it is now what now is. What others have
// changed since stays. ok is false where they have changed what setup wrote.
func (f undoFile) back(now []byte) (text []byte, ok bool) {
	switch {
	case edit.Sum(now) == f.After, edit.Sum(now) == edit.Sum(f.Before):
		return f.Before, true
	case now == nil, f.Link: // nothing of setup's is left
		return now, true
	case f.Text == nil:
		return nil, false
	case json.Valid(f.Text):
		return dockerConfig{f.Path, now}.without(f.Before, f.Text)
	}
	return withoutLines(now, f.Before, f.Text)
}
