//go:build !linux

package system

import "os"

// hasModes reports whether the file system of f keeps owners and modes.
func hasModes(*os.File) bool { return true }

// FileSystem returns "": the type is not known.
func FileSystem(string) string { return "" }

// ClosedAtStart is not known: writes to a closed stdout fail, or go to the null device.
func ClosedAtStart(*os.File) bool { return false }
