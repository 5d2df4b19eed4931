//go:build unix && !linux

package system

// hasModes reports whether the file system of fd keeps owners and modes.
func hasModes(int) bool { return true }
