//go:build unix

package edit

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// linkCount returns how many names a file has.
func linkCount(info fs.FileInfo) uint64 {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(s.Nlink) //nolint:unconvert // its type differs by system
}

// keepOwner gives f the owner and group of old.
func keepOwner(f *os.File, old fs.FileInfo) error {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && is.Uid == was.Uid && is.Gid == was.Gid {
		return nil
	}
	return f.Chown(int(was.Uid), int(was.Gid))
}

// checkAccess returns why this user may not write path, or nil.
func checkAccess(path string) error { return unix.Access(path, unix.W_OK) }

// syncDir makes a rename in dir durable, if the file system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// makeLink makes path a name of the file to.
func makeLink(to, path string) error { return os.Symlink(to, path) }

func removeFile(path string) error { return os.Remove(path) }
