//go:build unix

package system

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openTerminal opens the controlling terminal if we are in its foreground and
// no full-screen program has taken it over.
func openTerminal() (in, out *os.File) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil
	}
	foreground, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	mode, modeErr := unix.IoctlGetTermios(int(f.Fd()), GetTermios)
	if err != nil || modeErr != nil || foreground != unix.Getpgrp() || mode.Lflag&unix.ICANON == 0 {
		_ = f.Close()
		return nil, nil
	}
	return f, f
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), GetTermios)
	return err == nil
}

// disableLineMode ends the terminal's line mode, in which a line has at most 4,096
// bytes, and returns a function that restores it.
func disableLineMode(f *os.File) func() {
	before, err := unix.IoctlGetTermios(int(f.Fd()), GetTermios)
	if err != nil {
		return nil
	}
	mode := *before
	mode.Lflag &^= unix.ICANON
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(int(f.Fd()), SetTermios, &mode) != nil {
		return nil
	}
	return func() { _ = unix.IoctlSetTermios(int(f.Fd()), SetTermios, before) }
}
