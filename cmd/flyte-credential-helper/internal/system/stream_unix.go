//go:build unix

package system

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Stream returns a writer to a standard stream. A reader that has gone is an error like any
// other. With os.File, SIGPIPE would end the process unless it is caught, and to catch it
// takes a tenth of the time of a warm answer.
func Stream(f *os.File) io.Writer { return unsignalled{f} }

type unsignalled struct{ file *os.File }

// Write implements [io.Writer].
func (u unsignalled) Write(p []byte) (n int, err error) {
	conn, err := u.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	waiting := conn.Write(func(fd uintptr) bool {
		for n < len(p) {
			var m int
			m, err = unix.Write(int(fd), p[n:])
			switch n += max(m, 0); err {
			case unix.EAGAIN:
				return false // the caller made it non-blocking
			case nil, unix.EINTR:
			default:
				return true
			}
		}
		return true
	})
	if err == nil {
		err = waiting
	}
	return n, err
}
