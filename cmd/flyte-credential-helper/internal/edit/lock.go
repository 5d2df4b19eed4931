package edit

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

// ourLock is where a lock of this program leads. An interrupted call leaves it behind, and the next
// one, which has the lock of setup, takes it over.
const ourLock = "flyte-credential-helper"

// LockedError means that another program has locked a file, or has left its lock there.
type LockedError struct{ Lock string }

func (e *LockedError) Error() string {
	return e.Lock + " exists: another program is writing the file, or it was interrupted"
}

// locksOf are the locks of a file: git makes one beside the file, and kubectl one beside the link to
// it.
func locksOf(link, file string) []string {
	return slices.Compact([]string{link + ".lock", file + ".lock"})
}

// lockFile takes the locks of a file as git and kubectl do: they make a file, which fails if it
// exists. There is no lock if it cannot be made, because then others cannot make it either.
func lockFile(ctx context.Context, link, file string) (unlock func(), err error) {
	locks := locksOf(link, file)
	unlock = func() {
		for _, lock := range locks {
			if isOurs(lock) {
				_ = os.Remove(lock)
			}
		}
	}
	for _, lock := range locks {
		err := await(ctx, lock, func() bool {
			err := os.Symlink(ourLock, lock)
			return isOurs(lock) || !errors.Is(err, fs.ErrExist) && !isLocked(lock)
		})
		if err != nil {
			unlock()
			return nil, err
		}
	}
	_ = os.Remove(draftOf(file)) // of an interrupted call
	return unlock, nil
}

func isOurs(lock string) bool {
	to, _ := os.Readlink(lock)
	return to == ourLock
}

// ReadWhole reads a file with read, which is [Read] or calls it, and not while another program writes
// the file: kubectl takes the lock, makes the file empty, and writes the text.
func ReadWhole(ctx context.Context, path string, read func(path string) ([]byte, error)) (text []byte, err error) {
	file, err := FollowLinks(path)
	if err != nil {
		return nil, err
	}
	for _, lock := range locksOf(path, file) {
		waiting := await(ctx, lock, func() bool {
			before, _ := os.Stat(file)
			text, err = read(path)
			locked := isLocked(lock)
			after, _ := os.Stat(file)
			return !locked && isUnchanged(before, after)
		})
		if waiting != nil {
			return nil, waiting
		}
	}
	return text, err
}

// isUnchanged compares what is known of a file, which is nil if it does not exist.
func isUnchanged(before, after fs.FileInfo) bool {
	if before == nil || after == nil {
		return before == nil && after == nil
	}
	return before.Size() == after.Size() && before.ModTime().Equal(after.ModTime())
}

// isLocked reports whether another program has a lock.
func isLocked(lock string) bool {
	_, err := os.Lstat(lock)
	return err == nil && !isOurs(lock)
}

// await waits until done returns true, for 2 s.
func await(ctx context.Context, lock string, done func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Second, &LockedError{lock})
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
