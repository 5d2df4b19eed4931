package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func closeRange() error { return errors.ErrUnsupported }

func undumpable() {}

// parent is our parent's id and when it started: ids are used again.
func parent() string {
	pid := os.Getppid()
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", pid, info.Proc.P_starttime.Sec, info.Proc.P_starttime.Usec)
}
