//go:build unix

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// detach gives cmd a session of its own.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// closeOnExec keeps every descriptor from a child, those too that our caller
// left open for us: who holds a pipe's end keeps its reader waiting.
func closeOnExec() {
	if closeRange() == nil {
		return
	}
	for fd := 3; fd < 1024; fd++ {
		unix.CloseOnExec(fd)
	}
}

// noCore keeps what is in our memory out of core files.
func noCore() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &limit)
	}
	undumpable()
}

// openRecord opens a file that is no link and nobody's pipe.
func openRecord(path string, flag int) (*os.File, error) {
	return os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}

// private reports whether a file is ours, or the administrator's, and closed to
// other users.
func private(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(s.Uid) == os.Geteuid() || s.Uid == 0) && info.Mode().Perm()&0o077 == 0
}
