package script

import (
	"os"
	"os/exec"
)

// Init is a pid 1 as systems have it: it waits for its command, and then for the
// orphans that it inherited.
func Init() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	reapAll()
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}
