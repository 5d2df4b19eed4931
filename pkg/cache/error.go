package cache

import "errors"

// StoreError means that the store cannot be used: it is locked, missing, not writable or
// not trustworthy. It never means that there is no login.
type StoreError struct {
	Problem string    // a sentence that can be understood alone
	Hint    string    // a shell command that helps; may be empty
	Store   StoreKind `json:",omitempty"` // another kind of store with which the call would work; empty: none is known

	absent bool // the machine has no OS keyring at all
}

func (e *StoreError) Error() string { return e.Problem }

// ErrBusy means that another process had the lock until the deadline.
var ErrBusy = errors.New("another process has been renewing this login for too long")

// errDamaged means that a file contains no token set that this program can read. It counts
// as no login.
var errDamaged = errors.New("damaged")
