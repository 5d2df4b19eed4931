//go:build unix

package flyte

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openFile opens a file to read it. It does not wait for the other end of a pipe, and
// keeps the file from the runtime's poller, which costs as much to set up as the
// file to read.
func openFile(path string) (*os.File, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	for errors.Is(err, syscall.EINTR) {
		fd, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	_ = syscall.SetNonblock(fd, false) // or it goes to the poller
	return os.NewFile(uintptr(fd), path), nil
}
