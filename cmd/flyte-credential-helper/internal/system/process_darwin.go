package system

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ParentID is our parent's id and when it started: IDs are reused.
func ParentID() string {
	pid := os.Getppid()
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", pid, info.Proc.P_starttime.Sec, info.Proc.P_starttime.Usec)
}
