//go:build unix

package system

import (
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFile opens a file for reading. A descriptor of this process that cannot be opened by its
// name, such as a socket, is duplicated.
func openFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOCTTY, 0)
	if n, ok := descriptor(name); ok && err != nil {
		fd, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), name), nil
	}
	return f, err
}

// descriptor returns the number of the descriptor that a path such as /dev/fd/63 names.
func descriptor(name string) (n int, ok bool) {
	name = path.Clean(name)
	if name == "/dev/stdin" {
		return 0, true
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if digits, found := strings.CutPrefix(name, dir); found {
			n, err := strconv.Atoi(digits)
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}
