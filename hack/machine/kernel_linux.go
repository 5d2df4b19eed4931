package machine

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
)

// ForgetKeys makes the kernel forget the keys of the logins that are kept, as it
// does after an hour or at reboot. That it has none is an error.
func (m *Machine) ForgetKeys() error { return ForgetKeys(cache.Dir(m.State())) }

// ForgetKeys makes the kernel forget the keys of the logins that are kept in dir.
func ForgetKeys(dir cache.Dir) error {
	runtime.LockOSThread() // keyrings belong to threads
	defer runtime.UnlockOSThread()
	if _, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0); err != nil {
		return err
	}
	stores, err := cache.List(dir, &cache.Keyring{})
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
