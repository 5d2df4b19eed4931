package system

import (
	"os"
	"runtime"
)

// SameFile reports whether two paths lead to one file.
func SameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	two, err := os.Stat(b)
	return err == nil && os.SameFile(one, two)
}

// LinkName is the name of the file that makes the command name available on PATH.
func LinkName(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// LinkCommand is the command that makes path a link to the file to. On Windows it is a hard link.
func LinkCommand(to, path string) []string {
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/c", "mklink", "/H", path, to}
	}
	return []string{"ln", "-s", to, path}
}
