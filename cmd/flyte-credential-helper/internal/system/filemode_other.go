//go:build unix && !linux

package system

import "os"

// hasModes reports whether the file system of f keeps owners and modes.
func hasModes(*os.File) bool { return true }
