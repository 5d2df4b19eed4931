//go:build unix

package system

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownerID returns a file's owner and group.
func ownerID(info fs.FileInfo) (uid, gid int, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(s.Uid), int(s.Gid), true
}

func canWrite(path string) bool { return unix.Access(path, unix.W_OK) == nil }
