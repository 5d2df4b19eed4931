//go:build unix

package system

import "os"

// LinkName is the name of the file that makes the command name available on PATH.
func LinkName(name string) string { return name }

// Link makes path a name for the file self.
func Link(self, path string) error { return os.Symlink(self, path) }
