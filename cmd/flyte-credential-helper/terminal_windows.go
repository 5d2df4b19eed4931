package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// openTerminal opens the console, if the process has one.
func openTerminal() *terminal {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return &terminal{}
	}
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		_ = in.Close()
		return &terminal{}
	}
	return &terminal{in: in, out: out}
}

func isTerminal(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}

// unlimit has nothing to do: a console's line may be as long as our buffer asks.
func unlimit(*os.File) func() { return nil }
