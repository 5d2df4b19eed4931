package testenv

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
)

// ForgetKeys makes the kernel forget the keys of the stored logins, as it does after an
// hour or at reboot. It returns [ErrNoKey] if there is none.
func (m *Machine) ForgetKeys() error {
	runtime.LockOSThread() // keyrings belong to threads
	defer runtime.UnlockOSThread()
	if _, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0); err != nil {
		return err
	}
	stores, err := cache.List(cache.Dir(m.State()), &cache.Keyring{})
	if err != nil {
		return err
	}
	forgotten := 0
	for _, s := range stores {
		id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", s.Header.Key, 0)
		if err == nil {
			_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
			forgotten++
		}
		if err != nil && !errors.Is(err, unix.ENOKEY) {
			return err
		}
	}
	if forgotten == 0 {
		return ErrNoKey
	}
	return nil
}
