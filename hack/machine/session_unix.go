//go:build unix

package machine

import (
	"os/exec"
	"syscall"
)

// OwnSession takes the terminal from cmd: it finds none to ask at, and a Ctrl-C there
// is not meant for it.
func OwnSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
