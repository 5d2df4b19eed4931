package system

import (
	"fmt"
	"io/fs"
	"os"
)

// writableByOthers says why another user may have written an open file, or returns "". It
// follows the name of the file in a sentence. mode says that chmod go-w repairs it. Readers do
// not matter, because mounted secrets are readable by others.
func writableByOthers(f *os.File, info fs.FileInfo) (problem string, mode bool) {
	uid, gid, ok := ownerID(info)
	if !ok {
		return "", false
	}
	readOnly := func() bool { return !canWrite(f.Name()) }
	problem, mode = writtenBy(uid, gid, info.Mode().Perm(), readOnly, os.Geteuid(), os.Getegid())
	if problem != "" && !hasModes(f) {
		return "", false
	}
	return problem, mode
}

// writtenBy is writableByOthers for a file's owner, group and mode, and for our own user and
// group. readOnly reports whether we cannot write the file. If root owns the file, root's
// group may write it.
func writtenBy(uid, gid int, mode fs.FileMode, readOnly func() bool, euid, egid int) (problem string, chmod bool) {
	switch {
	case uid == overflowUID && readOnly():
		return "", false
	case uid != euid && uid != 0:
		return fmt.Sprintf("belongs to the user %d", uid), false
	case mode&0o002 != 0:
		return "can be written by every user", true
	case mode&0o020 != 0 && gid != egid && !(uid == 0 && gid == 0):
		return fmt.Sprintf("can be written by the group %d", gid), true
	}
	return "", false
}

// overflowUID is the owner of files whose owner a user namespace does not know, unless an
// administrator has changed /proc/sys/kernel/overflowuid.
const overflowUID = 65534
