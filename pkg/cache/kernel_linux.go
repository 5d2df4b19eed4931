package cache

import (
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel's keyring holds keys in memory that no file system ever sees:
// keyrings(7). Ours are of type "user" in the user keyring, which all of a
// user's processes share, linked into the process keyring for as long as we
// live: without that link a process outside of a login session, such as one of
// cron's, finds the key and may not read it.

// errKernel means that the kernel keeps no keys for us, as in most containers.
var errKernel = errors.New("the kernel's keyring is not available")

// kernelGet returns the key of that description, or errNoKey.
func kernelGet(description string) ([]byte, error) {
	get := func() ([]byte, error) {
		id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", description, 0)
		if err != nil {
			return nil, kernelError(err)
		}
		key := make([]byte, keySize)
		n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, key, 0)
		if err != nil {
			return nil, kernelError(err)
		}
		if n != keySize {
			return nil, errNoKey
		}
		return key, nil
	}
	// To lock the thread makes Go start another one. Three calls in a row are on
	// one thread nearly always, and fail where they are not.
	if key, err := withLinkedKeyring(get); err == nil {
		return key, nil
	}
	return withUserKeyring(get)
}

// kernelSet keeps a key for so long, 0 for as long as the kernel lives. One whose
// time cannot be limited is not kept.
func kernelSet(description string, key []byte, limit time.Duration) error {
	_, err := withUserKeyring(func() ([]byte, error) {
		id, err := unix.AddKey("user", description, key, unix.KEY_SPEC_USER_KEYRING)
		if err != nil || limit == 0 {
			return nil, err
		}
		if _, err = unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, int(limit.Seconds()), 0, 0); err != nil {
			_, _ = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
		}
		return nil, err
	})
	if err != nil {
		return errKernel
	}
	return nil
}

func kernelDelete(description string) {
	_, _ = withUserKeyring(func() ([]byte, error) {
		id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", description, 0)
		if err == nil {
			_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
		}
		return nil, err
	})
}

// withUserKeyring runs f on a thread that possesses the user keyring: keyrings belong
// to threads.
func withUserKeyring(f func() ([]byte, error)) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return withLinkedKeyring(f)
}

// withLinkedKeyring gives the thread it is on the user keyring, and runs f.
func withLinkedKeyring(f func() ([]byte, error)) ([]byte, error) {
	if _, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0); err != nil {
		return nil, errKernel
	}
	return f()
}

// kernelError tells "no such key" from "no keys here".
func kernelError(err error) error {
	if errors.Is(err, unix.ENOKEY) || errors.Is(err, unix.EKEYEXPIRED) || errors.Is(err, unix.EKEYREVOKED) {
		return errNoKey
	}
	return errKernel
}
