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

// nobody is who root becomes: Gitea does not run as root.
const nobody = 65534

// ordinary is the name of the user that Gitea runs as.
func ordinary() string {
	id := os.Getuid()
	if id == 0 {
		id = nobody
	}
	u, err := user.LookupId(strconv.Itoa(id))
	if err != nil {
		return strconv.Itoa(id) // Gitea says what is wrong
	}
	return u.Username
}

// giveAway gives what is in dir to that user.
func giveAway(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
}

// asOrdinary makes cmd run as that user.
func asOrdinary(cmd *exec.Cmd) {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}
