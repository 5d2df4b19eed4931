//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// kernelCommand makes the kernel forget the keys of the logins that are kept,
// as it does after an hour or at reboot: "kernel forget".
func kernelCommand(ts *testscript.TestScript, neg bool, args []string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0)
	ts.Check(err)
	files, err := filepath.Glob(filepath.Join(ts.Getenv("STATE"), "*"))
	ts.Check(err)
	forgotten := 0
	for _, name := range files {
		text, _ := os.ReadFile(name)
		for _, key := range regexp.MustCompile(`"key":"([^"]+)"`).FindAllSubmatch(text, -1) {
			id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", string(key[1]), 0)
			if err == nil {
				_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
				ts.Check(err)
				forgotten++
			}
		}
	}
	if forgotten == 0 && !neg {
		ts.Fatalf("the kernel has none of the keys")
	}
}

// reapAll waits for every child that is left.
func reapAll() {
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			return
		}
	}
}
