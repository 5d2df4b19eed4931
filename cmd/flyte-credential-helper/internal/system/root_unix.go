//go:build unix

package system

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
)

// RootError means that root would write into a directory of another user, as under sudo -E: the
// owner could not change or delete what root writes.
type RootError struct{ Dir string }

func (e *RootError) Error() string {
	return fmt.Sprintf("%s belongs to another user, and root writes nothing there", e.Dir)
}

// RootHome returns root's own home directory.
func RootHome() string {
	if root, err := user.LookupId("0"); err == nil {
		return root.HomeDir
	}
	return "/root"
}

// RootState returns root's own directory for state.
func RootState() string { return filepath.Join(RootHome(), ".local", "state") }

// CheckRoot returns a [RootError] if we are root, and the file at path would be in a directory
// of another user. The nearest directory that exists counts. If path is a link, its own
// directory counts.
func CheckRoot(path string) error { return checkRoot(os.Geteuid(), path) }

func checkRoot(euid int, path string) error {
	if euid != 0 {
		return nil
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil && dir != filepath.Dir(dir) {
			continue
		}
		if s, ok := sysStat(info); ok && s.Uid != 0 {
			return &RootError{dir}
		}
		return nil
	}
}

func sysStat(info os.FileInfo) (s *syscall.Stat_t, ok bool) {
	if info == nil {
		return nil, false
	}
	s, ok = info.Sys().(*syscall.Stat_t)
	return s, ok
}
