//go:build unix

package main

import (
	"os"
	"syscall"
)

// peak is the peak RSS of a process that has ended: KiB on Linux, see getrusage(2).
func peak(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int64(usage.Maxrss)
}
