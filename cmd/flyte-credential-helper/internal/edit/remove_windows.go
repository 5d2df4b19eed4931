package edit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

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
