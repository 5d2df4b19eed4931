//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openTerminal opens the controlling terminal if we are in its foreground and
// no full-screen program has taken it over.
func openTerminal() *terminal {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return &terminal{}
	}
	foreground, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	mode, modeErr := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	if err != nil || modeErr != nil || foreground != unix.Getpgrp() || mode.Lflag&unix.ICANON == 0 {
		_ = f.Close()
		return &terminal{}
	}
	return &terminal{in: f, out: f}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	return err == nil
}

// unlimit ends the terminal's line mode, in which a line has 4,096 bytes at the
// most, and returns what brings it back.
func unlimit(f *os.File) func() {
	before, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	if err != nil {
		return nil
	}
	mode := *before
	mode.Lflag &^= unix.ICANON
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(int(f.Fd()), setTermios, &mode) != nil {
		return nil
	}
	return func() { _ = unix.IoctlSetTermios(int(f.Fd()), setTermios, before) }
}
