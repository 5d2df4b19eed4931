//go:build unix

package main

import "os"

// makeLink makes path a name for the file self.
func makeLink(self, path string) error { return os.Symlink(self, path) }
