package gitea

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/kballard/go-shellquote"
)

// browseCommand is the argument by which a program that uses this package is the
// browser's command: "PROGRAM gitea-browser LOG ADDRESS".
const browseCommand = "gitea-browser"

// browseLimit is how long the browser may take for a login.
const browseLimit = time.Minute

// Browser is the command that opens Alice's browser, quoted for a shell. The address
// comes after it, and is added to the file log as a line. The browser trusts whom
// the system trusts.
func Browser(log string) (string, error) {
	self, err := os.Executable()
	return shellquote.Join(self, browseCommand, log), err
}

// Browse is the browser, and ends the process, where it was started as one. It
// returns where it was not.
func Browse() {
	if len(os.Args) != 4 || os.Args[1] != browseCommand {
		return
	}
	if err := browse(os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func browse(log, address string) error {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, address)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), browseLimit)
	defer cancel()
	return SignIn(ctx, nil, address)
}
