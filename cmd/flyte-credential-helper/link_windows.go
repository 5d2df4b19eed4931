package main

import "os"

// linkFile is the file by which others find name on PATH.
func linkFile(name string) string { return name + ".exe" }

// makeLink makes path a name for the file self. Symbolic links need a right here that
// most people do not have.
func makeLink(self, path string) error { return os.Link(self, path) }
