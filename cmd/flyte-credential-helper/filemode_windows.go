package main

import (
	"io/fs"
	"os"
)

// notOurs relies on the access list that a profile's files inherit.
func notOurs(*os.File, fs.FileInfo) string { return "" }
