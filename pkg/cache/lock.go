package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// lock takes the lock of the file name and returns the function that releases it. If
// another process has it, lock waits until ctx ends. The file is never removed: a second
// process could lock a new one of that name.
func (d Dir) lock(ctx context.Context, name string) (unlock func(), err error) {
	if err := d.make(); err != nil {
		return nil, err
	}
	for ctx.Err() == nil {
		f := d.flock(name)
		if err := d.wait(ctx, f); err != nil {
			return nil, err
		}
		unlock := func() { _ = f.Unlock() }
		if same, err := d.same(f, name); err != nil || same {
			if err != nil {
				unlock()
			}
			return unlock, err
		}
		unlock() // the file was removed while we waited: this is not the lock
	}
	return nil, context.Cause(ctx)
}

// tryLock is lock that returns ErrBusy if another process has the lock.
func (d Dir) tryLock(name string) (unlock func(), err error) {
	if err := d.make(); err != nil {
		return nil, err
	}
	f := d.flock(name)
	if mine, err := f.TryLock(); err != nil || !mine {
		return nil, errors.Join(ErrBusy, err)
	}
	unlock = func() { _ = f.Unlock() }
	if same, err := d.same(f, name); err != nil || !same {
		unlock()
		return nil, errors.Join(ErrBusy, err)
	}
	return unlock, nil
}

func (d Dir) flock(name string) *flock.Flock {
	return flock.New(d.path(name), flock.SetFlag(os.O_CREATE|os.O_RDWR|openFlags), flock.SetPermissions(0o600))
}

// wait blocks in flock(2), which is fair and wakes at once, in a goroutine. If ctx ends,
// the goroutine releases the lock when it gets it.
func (d Dir) wait(ctx context.Context, f *flock.Flock) error {
	done := make(chan error, 1)
	go func() {
		err := f.Lock()
		for errors.Is(err, syscall.EINTR) {
			err = f.Lock()
		}
		done <- err
	}()
	select {
	case err := <-done:
		return d.lockError(err)
	case <-ctx.Done():
		go func() {
			if <-done == nil {
				_ = f.Unlock()
			}
		}()
		return context.Cause(ctx)
	}
}

func (d Dir) lockError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP):
		return d.unsuitable("has no locks")
	}
	return d.unusable(err)
}

// lockPort takes the lock of a TCP port. If another process has it, lockPort waits until ctx
// ends or, unless wait is set, returns [ErrBusy].
func (d Dir) lockPort(ctx context.Context, port int, wait bool) (unlock func(), err error) {
	name := fmt.Sprintf("port-%d.lock", port)
	if !wait {
		return d.tryLock(name)
	}
	return d.lock(ctx, name)
}

// same reports whether f is still the file of that name.
func (d Dir) same(f *flock.Flock, name string) (bool, error) {
	held, err := f.Stat()
	if err != nil {
		return false, d.unusable(err)
	}
	if !held.Mode().IsRegular() || !ownedByUser(held) {
		return false, &StoreError{Problem: d.path(name) + " is not a lock file of this program", Hint: "rm " + quote(d.path(name))}
	}
	if held.Mode().Perm() != 0o600 { // a umask that forbids even us to open it again
		_ = os.Chmod(d.path(name), 0o600)
	}
	named, err := os.Lstat(d.path(name))
	return err == nil && os.SameFile(held, named), nil
}
