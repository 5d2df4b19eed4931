package system

import (
	"io"
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

func OpenPrivate(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o600) }

// Stream returns f: Windows has no signal for a reader that has gone.
func Stream(f *os.File) io.Writer { return f }
