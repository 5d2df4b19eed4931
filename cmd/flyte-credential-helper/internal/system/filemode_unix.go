//go:build unix

package system

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// WritableByOthers returns the reason why another user may have written the file f, or ""
// if none can. The contents of f decide which servers are trusted or what is sent. Readers
// do not matter: mounted secrets are readable by others.
func WritableByOthers(f *os.File, info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !hasModes(f) {
		return ""
	}
	readOnly := unix.Access(f.Name(), unix.W_OK) != nil
	return writtenBy(int(s.Uid), int(s.Gid), info.Mode().Perm(), readOnly, os.Geteuid(), os.Getegid())
}

// writtenBy is WritableByOthers for a file's owner, group and mode, and for our own user and group.
// readOnly says that we cannot write it. If root owns the file, root's group may write it.
func writtenBy(uid, gid int, mode fs.FileMode, readOnly bool, euid, egid int) string {
	switch {
	case mode&0o002 != 0:
		return "can be written by every user"
	case mode&0o020 != 0 && gid != egid && !(uid == 0 && gid == 0):
		return fmt.Sprintf("can be written by the group %d", gid)
	case uid == euid || uid == 0:
		return ""
	case uid == overflowUID && readOnly:
		return "" // an owner outside of our user namespace
	}
	return fmt.Sprintf("belongs to the user %d", uid)
}

// overflowUID is the owner of files whose owner a user namespace does not know, unless an
// administrator has changed /proc/sys/kernel/overflowuid.
const overflowUID = 65534
