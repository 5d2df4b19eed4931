//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// ownSession takes the terminal from cmd: it prints no prompt there, and a
// Ctrl-C is the demo's to handle.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
