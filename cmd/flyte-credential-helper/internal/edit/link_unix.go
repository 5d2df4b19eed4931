//go:build unix

package edit

import "os"

// makeLink makes path a name of the file to.
func makeLink(to, path string) error { return os.Symlink(to, path) }
