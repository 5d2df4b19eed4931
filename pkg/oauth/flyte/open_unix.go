//go:build unix

package flyte

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openFile opens a file for reading. It does not wait for the other end of a pipe. It keeps
// the file out of the runtime's poller, whose setup takes as long as reading the file.
func openFile(path string) (*os.File, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	for errors.Is(err, syscall.EINTR) {
		fd, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	_ = syscall.SetNonblock(fd, false) // a non-blocking file is added to the poller
	return os.NewFile(uintptr(fd), path), nil
}
