//go:build unix

package system

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Detach gives cmd a session of its own.
func Detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// CloseOnExec keeps all descriptors from child processes, also those that our caller left
// open: a child that holds the end of a pipe keeps its reader waiting.
func CloseOnExec() {
	if closeRange() == nil {
		return
	}
	for fd := 3; fd < 1024; fd++ {
		unix.CloseOnExec(fd)
	}
}

// DisableCoreDumps prevents core files, which would contain secrets.
func DisableCoreDumps() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &limit)
	}
	disableDump()
}

// OpenPrivate opens a file that is not a link, and does not wait for a pipe.
func OpenPrivate(path string, flag int) (*os.File, error) {
	return os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}
