//go:build unix

package main

import "os"

// linkFile is the file by which others find name on PATH.
func linkFile(name string) string { return name }

// makeLink makes path a name for the file self.
func makeLink(self, path string) error { return os.Symlink(self, path) }
