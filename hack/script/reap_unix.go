//go:build unix

package script

import "syscall"

// reapAll waits for every child that is left.
func reapAll() {
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			return
		}
	}
}
