package system

import (
	"os"

	"golang.org/x/sys/windows"
)

// openTerminal opens the console, if the process has one.
func openTerminal() (in, out *os.File) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return nil, nil
	}
	out, err = os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		_ = in.Close()
		return nil, nil
	}
	return in, out
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}

// disableLineMode does nothing: the length of a console's line is limited only by the
// reader's buffer.
func disableLineMode(*os.File) func() { return nil }
