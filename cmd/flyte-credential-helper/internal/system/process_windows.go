package system

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// Detach keeps cmd from our console and its Ctrl-C.
func Detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
}

// CloseOnExec has nothing to do: os/exec names the handles that a child gets.
func CloseOnExec() {}

func DisableCoreDumps() {}

// ParentID is not known: the parent that Windows names may have ended, and another process
// may have its ID.
func ParentID() string { return "" }

func OpenPrivate(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o600) }

// Stream returns f: Windows has no signal for a reader that has gone.
func Stream(f *os.File) io.Writer { return f }

// IsPrivate reports whether a file is closed to other users. It relies on the access list
// that the files of a user profile inherit.
func IsPrivate(fs.FileInfo) bool { return true }
