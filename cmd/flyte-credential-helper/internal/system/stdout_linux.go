package system

import (
	"os"

	"golang.org/x/sys/unix"
)

// ClosedAtStart reports whether f was closed when the program started. Go's runtime has
// then opened the null device in its place, for reading and writing; a shell's >/dev/null
// opens it for writing only.
func ClosedAtStart(f *os.File) bool {
	var s unix.Stat_t
	if unix.Fstat(int(f.Fd()), &s) != nil || s.Mode&unix.S_IFMT != unix.S_IFCHR || s.Rdev != unix.Mkdev(1, 3) {
		return false
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
}
