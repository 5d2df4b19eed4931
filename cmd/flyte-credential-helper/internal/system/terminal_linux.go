package system

import "golang.org/x/sys/unix"

// The requests of ioctl(2) that read and set the mode of a terminal.
const (
	GetTermios = unix.TCGETS
	SetTermios = unix.TCSETS
)
