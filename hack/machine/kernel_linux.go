package machine

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"golang.org/x/sys/unix"
)

// ForgetKeys makes the kernel forget the keys of the logins that are kept, as it
// does after an hour or at reboot. That it has none is an error.
func (m *Machine) ForgetKeys() error {
	runtime.LockOSThread() // keyrings belong to threads
	defer runtime.UnlockOSThread()
	if _, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(m.State(), "*"))
	if err != nil {
		return err
	}
	name := regexp.MustCompile(`"key":"([^"]+)"`)
	forgotten := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, key := range name.FindAllSubmatch(text, -1) {
			id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", string(key[1]), 0)
			if err == nil {
				_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
			}
			if err != nil {
				return err
			}
			forgotten++
		}
	}
	if forgotten == 0 {
		return errors.New("the kernel has no key to forget")
	}
	return nil
}
