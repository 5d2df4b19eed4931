// Package edit changes files of other programs, and our own configuration. It has one writer, a
// format for each kind of file, and the journal of what was changed.
package edit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
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
	text, err := os.ReadFile(path)
	if text == nil && err == nil {
		text = []byte{}
	}
	return text, err
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
	if errors.Is(err, fs.ErrNotExist) {
		return replaceFile(path, nil, text)
	}
	if err != nil {
		return err
	}
	if linkCount(info) > 1 || replaceFile(path, info, text) != nil {
		return writeInPlace(path, text)
	}
	return nil
}

// remove removes a file, and keeps a symbolic link to it. It may not exist.
func remove(path string) error {
	removeDraft(path)
	path, err := FollowLinks(path)
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// removeDraft removes what an interrupted call has left of a new file.
func removeDraft(path string) {
	if path, err := FollowLinks(path); err == nil {
		_ = os.Remove(draftOf(path))
	}
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
func replaceFile(path string, old fs.FileInfo, text []byte) (err error) {
	draft := draftOf(path)
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(draft)
		}
	}()
	_, err = f.Write(text)
	if err == nil && old != nil {
		err = errors.Join(keepOwner(f, old), f.Chmod(old.Mode().Perm()))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
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

// ourLock is where a lock of this program leads. An interrupted call leaves it behind, and the next
// one, which has the lock of setup, takes it over.
const ourLock = "flyte-credential-helper"

// LockedError means that another program has locked a file, or has left its lock there.
type LockedError struct{ Lock string }

func (e *LockedError) Error() string {
	return e.Lock + " exists: another program is writing the file, or it was interrupted"
}

// awaitUnlocked waits until no other program has the lock of a file, for 2 s.
func awaitUnlocked(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Second, &LockedError{path + ".lock"})
	defer cancel()
	for {
		_, err := os.Lstat(path + ".lock")
		if to, _ := os.Readlink(path + ".lock"); err != nil || to == ourLock {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// lockFile takes the lock of a file as git and kubectl do: they make FILE.lock, beside the file or
// beside the link to it, which fails if it exists. There is no lock if it cannot be made, because
// then others cannot make it either.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	target, err := FollowLinks(path)
	if err != nil {
		return nil, err
	}
	var locks []string
	unlock = func() {
		for _, lock := range locks {
			_ = os.Remove(lock)
		}
	}
	for _, name := range slices.Compact([]string{path, target}) {
		for {
			if err := awaitUnlocked(ctx, name); err != nil {
				unlock()
				return nil, err
			}
			err := os.Symlink(ourLock, name+".lock")
			to, _ := os.Readlink(name + ".lock")
			if to == ourLock {
				locks = append(locks, name+".lock")
			}
			if to == ourLock || !errors.Is(err, fs.ErrExist) {
				break
			}
		}
	}
	return unlock, nil
}

// CheckWritable returns why the file at path could not be written, or nil.
func CheckWritable(ctx context.Context, path string) error {
	link := path
	path, err := FollowLinks(path)
	if err == nil {
		err = cmp.Or(awaitUnlocked(ctx, link), awaitUnlocked(ctx, path))
	}
	if err != nil {
		return err
	}
	inPlace := checkAccess(path)
	if inPlace == nil {
		return nil
	}
	dir := filepath.Dir(path)
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("%s is not a directory", dir)
		case err == nil && checkAccess(dir) == nil:
			return nil // a rename
		case err == nil && !errors.Is(inPlace, fs.ErrNotExist):
			return fmt.Errorf("%s is not writable: %w", path, inPlace)
		case err == nil:
			return fmt.Errorf("%s is not writable: %w", dir, checkAccess(dir))
		case !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir):
			return err
		}
		dir = filepath.Dir(dir)
	}
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
