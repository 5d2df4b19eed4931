package machine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// browseCommand is the argument by which a program that uses this package is
// the browser's command: "PROGRAM machine-browser LOG [closed] ADDRESS".
const browseCommand = "machine-browser"

// browseLimit is how long the browser may take for a login.
const browseLimit = time.Minute

// Browse is the browser, and ends the process, where it was started as one. It
// returns where it was not.
func Browse() {
	if len(os.Args) < 4 || os.Args[1] != browseCommand {
		return
	}
	log, err := os.OpenFile(os.Args[2], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(log, os.Args[len(os.Args)-1])
	_ = log.Close()
	if os.Args[3] == "closed" {
		os.Exit(0)
	}
	ctx, cancel := context.WithTimeout(context.Background(), browseLimit)
	defer cancel()
	if _, err := oauthtest.SignIn(ctx, nil, os.Args[len(os.Args)-1]); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func (m *Machine) log() string { return filepath.Join(m.Dir, "opened") }

// Browser is the command that opens the machine's browser, quoted for a shell. The
// address comes after it.
func (m *Machine) Browser() string {
	self, _ := os.Executable() // New has asked before
	return shellquote.Join(self, browseCommand, m.log())
}

// Browsers is how many browsers have opened so far.
func (m *Machine) Browsers() int {
	text, _ := os.ReadFile(m.log())
	return strings.Count(string(text), "\n")
}

// CloseTabs makes the person close every tab from now on, without logging in.
func (m *Machine) CloseTabs() {
	m.Env = append(m.Env, "BROWSER="+m.Browser()+" closed")
}
