package cache

import (
	"io/fs"
	"os"
)

const openFlags = 0

func openRead(path string) (*os.File, error) { return os.Open(path) }

// ownedByUser relies on the profile directory's access list, which everything below
// inherits.
func ownedByUser(fs.FileInfo) bool { return true }

func accessibleToOthers(fs.FileMode) bool { return false }

func rootInUserDir(fs.FileInfo) bool { return false }

// writable leaves the answer to the first write.
func writable(string) bool { return true }
