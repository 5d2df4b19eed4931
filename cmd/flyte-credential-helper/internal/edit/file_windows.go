package edit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

func linkCount(fs.FileInfo) uint64 { return 1 }

// keepOwner does nothing: a new file inherits the access list of its directory.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// checkAccess returns why path is not writable, or nil. Only a write tells more.
func checkAccess(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && info.Mode().Perm()&0o200 == 0 {
		err = fs.ErrPermission
	}
	return err
}

func syncDir(string) {}

// makeLink makes path a name of the file to. It is a hard link: symbolic links need a right that
// most users do not have.
func makeLink(to, path string) error { return os.Link(to, path) }

// removeFile removes a file. Windows removes no name of a program that runs, such as a hard
// link to this one, and allows to move it: it then goes to the directory of temporary files.
func removeFile(path string) error {
	err := os.Remove(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	dir, tempErr := os.MkdirTemp("", "removed-")
	if tempErr != nil {
		return err
	}
	if os.Rename(path, filepath.Join(dir, filepath.Base(path))) != nil {
		_ = os.Remove(dir)
		return err
	}
	return nil
}
