package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"
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
	f = &undoFile{Path: path, Text: []byte(u.self), Link: sameFile(path, u.self)}
	f.Text, err = f.read()
	f.After = sum(f.Text)
	return f, err
}

// read returns what the file is now, as Text has it.
func (f undoFile) read() ([]byte, error) {
	if !f.Link {
		return readOr(f.Path)
	}
	to, err := os.Readlink(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil && sameFile(f.Path, string(f.Text)): // a hard link
		return f.Text, nil
	}
	return []byte(to), nil // empty: it is no link any more
}

// back is what the file was before setup, where it is now what now is. What others have
// changed since stays. ok is false where they have changed what setup wrote.
func (f undoFile) back(now []byte) (text []byte, ok bool) {
	switch {
	case sum(now) == f.After, sum(now) == sum(f.Before):
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

func putBack(path string, text []byte) error {
	if text != nil {
		return writeFile(path, text)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sum tells texts apart, and an empty file from none.
func sum(text []byte) string {
	if text == nil {
		return ""
	}
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// readOr returns a file's text, or nil where there is none.
func readOr(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if text == nil && err == nil {
		text = []byte{}
	}
	return text, err
}

// changeFile has a file that was now be text.
func changeFile(path string, now, text []byte) error {
	switch {
	case sum(text) == sum(now):
		return nil
	case text == nil:
		return putBack(path, nil)
	}
	return replaceFile(path, now, text)
}

// replaceFile writes text, if the file still is as it was when that was made of it.
func replaceFile(path string, was, text []byte) error {
	now, err := readOr(path)
	if err == nil && sum(now) != sum(was) {
		err = usage("", "%s has changed meanwhile, so nothing was changed there: run this once more", path)
	}
	if err != nil {
		return err
	}
	return writeFile(path, text)
}
