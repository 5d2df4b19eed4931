//go:build unix

package cache

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags keep an open from following a link, or waiting for the other end of a pipe.
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// openRead opens a file for reading. It keeps the file out of the runtime's poller, whose
// setup takes as long as reading the file.
func openRead(path string) (*os.File, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|openFlags, 0)
	for errors.Is(err, syscall.EINTR) {
		fd, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|openFlags, 0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	_ = syscall.SetNonblock(fd, false) // a non-blocking file is added to the poller
	return os.NewFile(uintptr(fd), path), nil
}

// ownedByUser reports whether the file is this user's own, under one name at the most:
// it has none where it was replaced since it was opened.
func ownedByUser(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid() && (info.IsDir() || s.Nlink <= 1)
}

// accessibleToOthers reports whether other users can get at a file with that mode.
func accessibleToOthers(mode fs.FileMode) bool { return mode.Perm()&0o077 != 0 }

// rootInUserDir reports whether we are root, and the directory is a user's.
func rootInUserDir(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && os.Geteuid() == 0 && s.Uid != 0
}

// writable reports whether this process may create files in a directory.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }
