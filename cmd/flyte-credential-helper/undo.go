package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/kballard/go-shellquote"
)

// undo is what setup has changed: files as they were before, and what they are
// to be recognized by. It lies in the state directory, since a kubeconfig may
// hold secrets.
type undo struct {
	path  string
	Files []undoFile `json:"files"`
	was   []undoFile // Files as they were read
	now   []undoFile // what this run has changed
}

type undoFile struct {
	Path   string `json:"path"`
	Before []byte `json:"before"` // null: there was none
	After  string `json:"after"`  // SHA-256; empty: there is none
}

// readUndo reads what the setup of that name has changed.
func (c *call) readUndo(setup string) (*undo, error) {
	if c.stateDir() == "" {
		return nil, usage("export XDG_STATE_HOME=/a/directory/of/yours", "there is no home directory to keep in what setup changes")
	}
	u := &undo{path: filepath.Join(string(c.stateDir()), "setup."+setup)}
	text, err := os.ReadFile(u.path)
	if errors.Is(err, fs.ErrNotExist) {
		return u, nil
	}
	if err == nil {
		err = json.Unmarshal(text, u)
	}
	if err != nil {
		return nil, fmt.Errorf("what setup changed before cannot be read: %w", err)
	}
	u.was = slices.Clone(u.Files)
	return u, nil
}

// orBack does what a setup does. Where that fails, all goes back that watch has seen
// it change, but for what somebody else has changed since.
func (u *undo) orBack(f func() error) error {
	err := f()
	if err == nil || len(u.now) == 0 {
		return err
	}
	for _, f := range slices.Backward(u.now) {
		now, failed := readOr(f.Path)
		switch {
		case failed != nil:
		case sum(now) == f.After:
			failed = putBack(f.Path, f.Before)
		case sum(now) != sum(f.Before):
			failed = fmt.Errorf("%s has changed meanwhile, and stays as it is", f.Path)
		}
		if failed != nil {
			err = fmt.Errorf("%w; and %w", err, failed)
		}
	}
	u.Files = u.was
	return errors.Join(err, u.save())
}

// watch reads files before f and after it, and notes what it has changed, even where
// it fails. A file that setup changed before goes back to what it was before that.
func (u *undo) watch(paths []string, f func() error) error {
	before := map[string][]byte{}
	for _, path := range paths {
		text, err := readOr(path)
		if err != nil {
			return err
		}
		before[path] = text
	}
	failed := f()
	for _, path := range paths {
		after, err := readOr(path)
		if err == nil && sum(after) != sum(before[path]) {
			u.now = append(u.now, undoFile{path, before[path], sum(after)})
			u.add(path, before[path], after)
		}
		failed = errors.Join(failed, err)
	}
	return errors.Join(failed, u.save())
}

// save keeps the record, or none where there is nothing to take back.
func (u *undo) save() error {
	if len(u.Files) == 0 {
		return putBack(u.path, nil)
	}
	text, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return writeFile(u.path, text)
}

func (u *undo) add(path string, before, after []byte) {
	for i, f := range u.Files {
		if f.Path == path {
			if f.After == sum(before) {
				before = f.Before
			}
			u.Files[i] = undoFile{path, before, sum(after)}
			return
		}
	}
	u.Files = append(u.Files, undoFile{path, before, sum(after)})
}

// restore puts every file back, or none where one is not as setup left it: then
// what that was before lies beside the record, for the person to take from.
func (u *undo) restore() error {
	if len(u.Files) == 0 {
		return nil
	}
	for i, f := range u.Files {
		now, err := readOr(f.Path)
		switch {
		case err != nil:
			return err
		case sum(now) == sum(f.Before): // somebody has put it back
		case sum(now) != f.After:
			before := u.copyOf(i)
			if err := writeFile(before, f.Before); err != nil {
				return err
			}
			return usage(shellquote.Join("diff", before, f.Path), "%s has changed since setup wrote it, so nothing was undone: what it was before is in %s", f.Path, before)
		}
	}
	for i, f := range u.Files {
		_ = os.Remove(u.copyOf(i)) // of an undo that could not be
		if err := putBack(f.Path, f.Before); err != nil {
			return err
		}
	}
	return putBack(u.path, nil)
}

// copyOf is where a file as it was before is laid for the person.
func (u *undo) copyOf(i int) string { return fmt.Sprintf("%s.%d", u.path, i) }

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
