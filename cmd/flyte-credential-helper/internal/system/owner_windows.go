package system

import (
	"io/fs"
	"os"
)

// ownerID is not known: the access lists of the user's profile take the place of owners.
func ownerID(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }

func canWrite(string) bool { return true }

func openFile(path string) (*os.File, error) { return os.Open(path) }
