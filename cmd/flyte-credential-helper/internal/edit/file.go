// Package edit changes the files of other programs and our own configuration: it writes
// them, and finds the lines of YAML that are to change.
package edit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ChangedError means that a file is not any more as it was when its new text was made.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return e.Path + " has changed meanwhile, so nothing was changed there: run this once more"
}

// Sum tells texts apart, and an empty file from none.
func Sum(text []byte) string {
	if text == nil {
		return ""
	}
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// Read returns a file's text, or nil if there is no file.
func Read(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if text == nil && err == nil {
		text = []byte{}
	}
	return text, err
}

// Write replaces a file's text, or makes the file, for its owner only. If path is a link,
// the file that it leads to is replaced.
func Write(path string, text []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	mode := os.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".setup-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if e := f.Chmod(mode); err == nil {
		err = e
	}
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// WriteOrDelete makes a file say text, or deletes it if text is nil.
func WriteOrDelete(path string, text []byte) error {
	if text != nil {
		return Write(path, text)
	}
	if err := removeFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Replace writes text if the file still is what it was when text was made of it. If not, it
// returns a [ChangedError].
func Replace(path string, was, text []byte) error {
	now, err := Read(path)
	if err == nil && Sum(now) != Sum(was) {
		err = &ChangedError{path}
	}
	if err != nil {
		return err
	}
	return Write(path, text)
}

// Change makes a file that was now say text, or deletes it if text is nil.
func Change(path string, now, text []byte) error {
	switch {
	case Sum(text) == Sum(now):
		return nil
	case text == nil:
		return WriteOrDelete(path, nil)
	}
	return Replace(path, now, text)
}
