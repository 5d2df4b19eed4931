package main

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// detach keeps cmd from our console and its Ctrl-C.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}

// closeOnExec has nothing to do: os/exec names the handles that a child gets.
func closeOnExec() {}

func noCore() {}

// parent is not known: the one that Windows names may have ended, and its id be
// another's.
func parent() string { return "" }

func openRecord(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o600) }

// stream is f: no signal comes here when its reader has gone.
func stream(f *os.File) io.Writer { return f }

// private relies on the access list that a profile's files inherit.
func private(fs.FileInfo) bool { return true }
