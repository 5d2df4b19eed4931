package system

import "os"

// LinkName is the name of the file that makes the command name available on PATH.
func LinkName(name string) string { return name + ".exe" }

// Link makes path a name for the file self. It is a hard link: symbolic links
// need a right that most users do not have.
func Link(self, path string) error { return os.Link(self, path) }
