//go:build !windows

package edit

import "os"

func removeFile(path string) error { return os.Remove(path) }
