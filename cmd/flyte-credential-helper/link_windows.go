package main

import "os"

// makeLink makes path a name for the file self. Symbolic links need a right here that
// most people do not have.
func makeLink(self, path string) error { return os.Link(self, path+".exe") }
