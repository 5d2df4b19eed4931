package cache

import (
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel's keyring holds keys in memory, outside of any file system (keyrings(7)). The
// keys of this package have the type "user". They are in the user keyring, which all
// processes of a user share. While the process runs, that is linked into the process
// keyring: without the link a process outside of a login session, such as one started by
// cron, finds the key but may not read it.

// errKernel means that the kernel's keyring cannot be used, as in most containers.
var errKernel = errors.New("the kernel's keyring is not available")

// kernelGet returns the key with a description, or errNoKey if there is none.
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
	// Locking the thread would make Go start another one. Three consecutive calls nearly
	// always run on the same thread, and fail if they do not.
	if key, err := withLinkedKeyring(get); err == nil {
		return key, nil
	}
	return withUserKeyring(get)
}

// kernelSet saves a key for the duration limit, or until the machine restarts if limit is 0.
// If the duration cannot be limited, the key is not saved.
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

// withUserKeyring runs f on a thread that possesses the user keyring. It locks the thread,
// because keyrings belong to threads.
func withUserKeyring(f func() ([]byte, error)) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return withLinkedKeyring(f)
}

// withLinkedKeyring links the user keyring for the current thread and runs f.
func withLinkedKeyring(f func() ([]byte, error)) ([]byte, error) {
	if _, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0); err != nil {
		return nil, errKernel
	}
	return f()
}

// kernelError returns errNoKey if err means that there is no such key, otherwise errKernel.
func kernelError(err error) error {
	if errors.Is(err, unix.ENOKEY) || errors.Is(err, unix.EKEYEXPIRED) || errors.Is(err, unix.EKEYREVOKED) {
		return errNoKey
	}
	return errKernel
}
