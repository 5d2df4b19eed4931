//go:build unix

package system

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func readFile(name string, most int, protected bool) ([]byte, error) {
	text, err := readOpen(name, most, protected)
	var unsafe *UnsafeFileError
	if err == nil || errors.As(err, &unsafe) {
		return text, err
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: err}
}

func readOpen(name string, most int, protected bool) ([]byte, error) {
	fd, err := openForReading(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return nil, err
	}
	kind := uint32(s.Mode) & unix.S_IFMT
	switch kind {
	case unix.S_IFREG, unix.S_IFIFO, unix.S_IFSOCK:
	case unix.S_IFDIR:
		return nil, syscall.EISDIR
	default:
		return nil, errDevice
	}
	if protected && kind != unix.S_IFSOCK { // the mode of a socket says nothing
		if problem, mode := writableByOthers(fd, name, &s); problem != "" {
			return nil, &UnsafeFileError{Path: name, Problem: problem, Mode: mode}
		}
	}
	return readAll(fd, int(s.Size), most, kind != unix.S_IFREG)
}

// openForReading opens a file without waiting for the other end of a pipe. It keeps the file
// out of the runtime's poller, whose setup takes as long as reading a small file. A descriptor
// of this process that cannot be opened by its name, such as a socket, is duplicated.
func openForReading(name string) (fd int, err error) {
	for {
		fd, err = unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if n, ok := descriptor(name); ok && err != nil {
		return unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 3)
	}
	return fd, err
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

// readAll reads to the end. If waits, it waits for data, but not longer than readTime in all.
func readAll(fd, size, most int, waits bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	end, _ := ctx.Deadline()
	text := make([]byte, 0, min(size, most)+512)
	for {
		if waits {
			if err := awaitData(fd, end); err != nil {
				return nil, err
			}
		}
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
		n, err := unix.Read(fd, text[len(text):cap(text)])
		switch {
		case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.EAGAIN):
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return text, nil
		}
		if text = text[:len(text)+n]; len(text) > most {
			return nil, tooLarge(most)
		}
	}
}

// awaitData waits until fd has data or has ended.
func awaitData(fd int, end time.Time) error {
	for {
		left := time.Until(end)
		if left <= 0 {
			return errTooSlow
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if n > 0 {
			return nil
		}
	}
}
