//go:build unix

package script

import "syscall"

// leaveTerminal makes us the leader of a session without one. That fails for the
// leader of a process group, which go test does not make of a test.
func leaveTerminal() { _, _ = syscall.Setsid() }
