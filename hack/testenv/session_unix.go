//go:build unix

package testenv

import (
	"os/exec"
	"syscall"
)

// OwnSession runs cmd in a session of its own, without a terminal.
func OwnSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// leaveTerminal makes this process the leader of a session without a terminal. It fails
// for the leader of a process group; go test does not start a test as one.
func leaveTerminal() { _, _ = syscall.Setsid() }

// reapAll waits for every child that is left.
func reapAll() {
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			return
		}
	}
}
