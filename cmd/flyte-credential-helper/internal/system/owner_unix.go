//go:build unix

package system

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Owner returns the name of a file's owner, or the number if the owner has no name, and
// whether that is this user. If the system cannot say, it is.
func Owner(info fs.FileInfo) (name string, ours bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", true
	}
	name = strconv.FormatUint(uint64(s.Uid), 10)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return name, int(s.Uid) == os.Geteuid()
}

// IsRoot reports whether this process is the superuser's.
func IsRoot() bool { return os.Geteuid() == 0 }

// KeepsModes reports whether the file system of path keeps owners and modes. On others the
// owner of a file cannot be checked.
func KeepsModes(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	return hasModes(int(f.Fd()))
}
