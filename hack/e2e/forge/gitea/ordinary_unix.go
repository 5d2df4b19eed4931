//go:build unix

package gitea

import (
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// unprivilegedUID is the user ID that Gitea gets from a test that runs as root, because
// Gitea refuses to run as root.
const unprivilegedUID = 65534

// ordinary returns the name of the user that Gitea runs as.
func ordinary() string {
	id := os.Getuid()
	if id == 0 {
		id = unprivilegedUID
	}
	u, err := user.LookupId(strconv.Itoa(id))
	if err != nil {
		return strconv.Itoa(id) // Gitea reports the error
	}
	return u.Username
}

// giveAway makes that user the owner of the files in dir.
func giveAway(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, unprivilegedUID, unprivilegedUID)
	})
}

// asOrdinary makes cmd run as that user.
func asOrdinary(cmd *exec.Cmd) {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivilegedUID, Gid: unprivilegedUID}}
	}
}
