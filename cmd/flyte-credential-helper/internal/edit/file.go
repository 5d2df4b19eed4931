// Package edit changes files of other programs, and our own configuration. It has one writer, a
// format for each kind of file, and the journal of what was changed.
package edit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFile is the limit in bytes for a file that is edited. A kubeconfig with a thousand clusters
// has about 3 MiB.
const maxFile = 16 << 20

// Read returns the text of a file, or nil if the file does not exist. A file that is not
// regular cannot be edited, and reading it may wait for another program.
func Read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxFile>>20)
	}
	return os.ReadFile(path)
}

// Write replaces the text of a file, and syncs it. The file keeps its owner, group and mode. If
// path is a symbolic link, the file that it leads to is written, even if that does not exist
// yet. A new file is readable by its owner only.
//
// The file is replaced by rename. It is written in place if a rename would change more than the
// text (a hard link, another owner) or is impossible (a bind mount, a directory that cannot be
// written).
func Write(path string, text []byte) error {
	path, err := FollowLinks(path)
	if err != nil {
		return err
	}
	if err := MakeDir(filepath.Dir(path)); err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return replaceFile(path, nil, text)
	case err != nil:
		return err
	case linkCount(info) > 1 || replaceFile(path, info, text) != nil:
		return writeInPlace(path, text)
	}
	return nil
}

// remove removes a file, and keeps a symbolic link to it. It may not exist.
func remove(path string) error {
	path, err := FollowLinks(path)
	if err != nil {
		return err
	}
	_ = os.Remove(draftOf(path))
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// MakeDir makes a directory and its parents, for this user only.
func MakeDir(path string) error { return os.MkdirAll(path, 0o700) }

// FollowLinks returns the path of the file to which symbolic links lead. That file may not
// exist.
func FollowLinks(path string) (string, error) {
	for range 40 { // Linux follows as many
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil // not a link
		}
		if !filepath.IsAbs(to) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

// draftOf returns the name of the new file that replaces path. An interrupted call leaves it
// behind, and the next one removes it.
func draftOf(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".setup")
}

// replaceFile writes a new file and renames it to path. old is nil if path does not exist.
func replaceFile(path string, old fs.FileInfo, text []byte) error {
	draft := draftOf(path)
	_ = os.Remove(draft)
	err := writeDraft(draft, old, text)
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		_ = os.Remove(draft)
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

func writeDraft(draft string, old fs.FileInfo, text []byte) error {
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil && old != nil {
		err = errors.Join(keepOwner(f, old), f.Chmod(old.Mode().Perm()))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// writeInPlace writes the whole text with one call, and then cuts off what is left of a longer
// one, so that a kill in between loses nothing of the new text.
func writeInPlace(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// readLink returns where a link leads: want if it is the same file, an empty text if path is not a
// link, nil if there is none.
func readLink(path, want string) []byte {
	is, err := os.Stat(path)
	wanted, wantedErr := os.Stat(want)
	if err == nil && wantedErr == nil && os.SameFile(is, wanted) {
		return []byte(want)
	}
	to, err := os.Readlink(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return []byte(to)
}

// setLink makes path a link to the file to. Another link of that name is replaced.
func setLink(path, to string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	draft := draftOf(path)
	_ = os.Remove(draft)
	if err := makeLink(to, draft); err != nil {
		return err
	}
	return os.Rename(draft, path)
}

// CheckWritable returns why the file at path could not be written, or nil.
func CheckWritable(ctx context.Context, path string) error {
	file, err := FollowLinks(path)
	if err != nil {
		return err
	}
	for _, lock := range locksOf(path, file) {
		if err := await(ctx, lock, func() bool { return !isLocked(lock) }); err != nil {
			return err
		}
	}
	inPlace := checkAccess(file)
	if inPlace == nil {
		return nil
	}
	dir := filepath.Dir(file)
	info, err := os.Stat(dir)
	for errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case checkAccess(dir) == nil:
		return nil // a rename
	case errors.Is(inPlace, fs.ErrNotExist):
		return fmt.Errorf("%s is not writable: %w", dir, checkAccess(dir))
	}
	return fmt.Errorf("%s is not writable: %w", file, inPlace)
}

// LineEnd returns the line end that a text uses.
func LineEnd(text []byte) string {
	if bytes.Contains(text, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// AppendLines returns text with more lines at its end, in the line ends of text.
func AppendLines(text []byte, lines string) []byte {
	end := LineEnd(text)
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(bytes.Clone(text), end...)
	}
	return append(bytes.Clone(text), strings.ReplaceAll(lines, "\n", end)...)
}
