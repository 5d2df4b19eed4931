package system

import (
	"bytes"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func closeRange() error { return unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) }

func disableDump() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// ParentID is our parent's id and when it started, in the kernel's ticks: IDs are
// reused. See proc_pid_stat(5).
func ParentID() string {
	pid := strconv.Itoa(os.Getppid())
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // the name may contain anything
	const start = 22 - 3
	if len(fields) <= start {
		return ""
	}
	return pid + "." + string(fields[start])
}
