package system

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// Owner returns the name of a file's owner, or the number if the owner has no name, and
// whether that is this user. If the system cannot say, it is.
func Owner(info fs.FileInfo) (name string, ours bool) {
	uid, _, ok := ownerID(info)
	if !ok {
		return "", true
	}
	name = strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return name, uid == os.Geteuid()
}

// IsPrivate reports whether a file belongs to this user or to root, and other users have no
// access to it. On Windows it relies on the access list that the files of a user profile inherit.
func IsPrivate(info fs.FileInfo) bool {
	uid, _, ok := ownerID(info)
	return !ok || (uid == os.Geteuid() || uid == 0) && info.Mode().Perm()&0o077 == 0
}

// IsRoot reports whether this process is the superuser's. It is false on Windows, where files
// of an administrator inherit the access list of their folder.
func IsRoot() bool { return os.Geteuid() == 0 }

// RootError means that root would write into a directory of another user, as under sudo -E: the
// owner could not change or delete what root writes.
type RootError struct{ Dir string }

func (e *RootError) Error() string {
	return fmt.Sprintf("%s belongs to another user, and root writes nothing there", e.Dir)
}

// RootHome returns root's own home directory.
func RootHome() string {
	if root, err := user.LookupId("0"); err == nil {
		return root.HomeDir
	}
	return "/root"
}

// RootState returns root's own directory for state.
func RootState() string { return filepath.Join(RootHome(), ".local", "state") }

// CheckRoot returns a [RootError] if we are root, and the file at path would be in a directory
// of another user. The nearest directory that exists counts. If path is a link, its own
// directory counts.
func CheckRoot(path string) error {
	if !IsRoot() {
		return nil
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil && dir != filepath.Dir(dir) {
			continue
		}
		if err == nil {
			if uid, _, ok := ownerID(info); ok && uid != 0 {
				return &RootError{dir}
			}
		}
		return nil
	}
}

// KeepsModes reports whether the file system of path keeps owners and modes. On others the
// owner of a file cannot be checked.
func KeepsModes(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() && !info.IsDir() { // opening a pipe waits
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	return hasModes(f)
}
