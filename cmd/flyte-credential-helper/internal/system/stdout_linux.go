package system

import (
	"os"

	"golang.org/x/sys/unix"
)

// ClosedAtStart reports whether f was closed when the program started. Go's runtime has
// then opened the null device in its place, for reading and writing; a shell's >/dev/null
// opens it for writing only. Daemons open it for reading and writing too, but once for all
// three standard streams.
func ClosedAtStart(f *os.File) bool {
	if !isReadWriteNull(f.Fd()) {
		return false
	}
	for standard := range uintptr(3) {
		if standard != f.Fd() && isReadWriteNull(standard) && isOpenedOnce(f.Fd(), standard) {
			return false
		}
	}
	return true
}

func isReadWriteNull(fd uintptr) bool {
	var s unix.Stat_t
	if unix.Fstat(int(fd), &s) != nil || s.Mode&unix.S_IFMT != unix.S_IFCHR || s.Rdev != unix.Mkdev(1, 3) {
		return false
	}
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
}

// isOpenedOnce reports whether two descriptors are duplicates: then they have their status flags in
// common. O_APPEND means nothing for the null device.
func isOpenedOnce(a, b uintptr) bool {
	before, err := unix.FcntlInt(b, unix.F_GETFL, 0)
	if err != nil {
		return false
	}
	if _, err := unix.FcntlInt(a, unix.F_SETFL, before^unix.O_APPEND); err != nil {
		return false
	}
	after, err := unix.FcntlInt(b, unix.F_GETFL, 0)
	_, _ = unix.FcntlInt(a, unix.F_SETFL, before)
	return err == nil && after != before
}
