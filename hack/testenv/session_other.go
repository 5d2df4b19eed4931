//go:build !unix

package testenv

import "os/exec"

// OwnSession does nothing: there are no sessions.
func OwnSession(*exec.Cmd) {}

func leaveTerminal() {}

func reapAll() {}
