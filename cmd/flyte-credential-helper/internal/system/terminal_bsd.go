//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package system

import "golang.org/x/sys/unix"

// The requests of ioctl(2) that read and set the mode of a terminal.
const (
	GetTermios = unix.TIOCGETA
	SetTermios = unix.TIOCSETA
)
