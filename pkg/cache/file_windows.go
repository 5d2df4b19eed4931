package cache

import (
	"io/fs"
	"os"
)

const openFlags = 0

func openRead(path string) (*os.File, error) { return os.Open(path) }

// ours relies on the profile directory's access list, which everything below
// inherits.
func ours(fs.FileInfo) bool { return true }

func exposed(fs.FileMode) bool { return false }

func foreign(fs.FileInfo) bool { return false }
