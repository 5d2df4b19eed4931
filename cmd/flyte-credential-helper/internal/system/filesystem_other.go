//go:build !linux

package system

// FileSystem returns "": the type is not known.
func FileSystem(string) string { return "" }
