//go:build unix

package system

// LinkName is the name of the file that makes the command name available on PATH.
func LinkName(name string) string { return name }
