package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// inspectionLock is the lock that Inspect takes to find out whether locks work.
const inspectionLock = "doctor.lock"

// inspectionLimit is how long Inspect waits for it.
const inspectionLimit = 2 * time.Second

// Inspect returns why no login can be kept in the directory, or nil. If the directory does
// not exist, Inspect judges the directory in which it would be created, and creates nothing.
// Otherwise it writes a file, takes a lock, and deletes the files of both.
func (d Dir) Inspect(ctx context.Context) error {
	if !filepath.IsAbs(string(d)) {
		return errNoHome()
	}
	info, err := os.Lstat(string(d))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.inspectParent(filepath.Dir(string(d)))
	case err != nil:
		return d.unusable(err)
	case rootInUserDir(info):
		return d.unusable(&notOwnerError{string(d)})
	}
	file, err := d.replace("doctor", preflightSuffix, 0)
	if err != nil {
		return err
	}
	file.discard()
	ctx, cancel := context.WithTimeoutCause(ctx, inspectionLimit, d.unsuitable("does not answer when a file is locked"))
	defer cancel()
	unlock, err := d.lock(ctx, inspectionLock)
	if err != nil {
		return err
	}
	unlock()
	_ = os.Remove(d.path(inspectionLock)) // it guards nothing
	return nil
}

// inspectParent is Inspect for a directory in which d would be created.
func (d Dir) inspectParent(parent string) error {
	info, err := os.Stat(parent)
	switch {
	case errors.Is(err, fs.ErrNotExist) && parent != filepath.Dir(parent):
		return d.inspectParent(filepath.Dir(parent))
	case err != nil:
		return d.unusable(err)
	case rootInUserDir(info):
		return d.unusable(&notOwnerError{parent})
	case !writable(parent):
		return d.unusable(fs.ErrPermission)
	}
	return nil
}

// Inspect returns why the keyring cannot be used, or nil. It does not prompt if
// [Keyring.Attended] is nil.
func (k *Keyring) Inspect(ctx context.Context) error {
	if _, err := k.lookup(ctx, "doctor"); err != nil && !errors.Is(err, errNoKey) {
		return err
	}
	return nil
}

// HasKernelKeyring reports whether this process can use the kernel's keyring.
func HasKernelKeyring() bool {
	_, err := kernelGet(service + ":doctor")
	return errors.Is(err, errNoKey)
}

// IsAbsent reports whether the error means that the machine has no OS keyring at all.
func (e *StoreError) IsAbsent() bool { return e.absent }

// InKernel reports whether the kernel's keyring has the key of the login.
func (s *Store) InKernel() bool {
	file, err := s.Dir.read(s.ID + suffixes()[s.CurrentKind()])
	if err != nil {
		return false
	}
	h, _, _, err := split(file)
	if err != nil {
		return false
	}
	key, err := kernelGet(h.Key)
	return err == nil && keyDescription(key) == h.Key
}

// Damaged reports whether the last Load found a file that no token can be read from.
func (s *Store) Damaged() bool { return s.damaged }

// Failure is a saved failure of a login's renewals.
type Failure struct {
	Err error
	At  time.Time
	// Until is when the failure ends: until then no call makes the attempt again. Zero: the
	// failure does not stop calls any more.
	Until time.Time
	// Login says that it is a failed login, which only an explicit login ignores. Otherwise
	// it is a failed refresh, or a failure before the user saw anything.
	Login bool
}

// Failures returns the failures that are recorded since the last success, the last one
// first.
func (s *Source) Failures() []Failure {
	r := s.store.readRecord()
	settings := s.settings
	if settings == nil {
		settings = func() string { return "" }
	}
	var found []Failure
	add := func(f *failedCall, login bool) {
		if f == nil {
			return
		}
		failure := Failure{Err: f.Failure.err(), At: f.At, Login: login}
		if f.inEffect(s.now(), settings) != nil {
			failure.Until = f.Until
		}
		found = append(found, failure)
	}
	if r.Login != nil {
		add(&r.Login.failedCall, true)
	}
	add(r.RefreshRefused, false)
	add(r.Failed, false)
	return found
}
