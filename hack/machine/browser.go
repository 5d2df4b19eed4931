package machine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// browseCommand is the argument by which a program that uses this package is
// the browser's command: "PROGRAM machine-browser LOG CA HABIT ADDRESS". CA is a
// file, or empty.
const browseCommand = "machine-browser"

// browseLimit is how long the browser may take for a login.
const browseLimit = time.Minute

// Habit is what the person at the browser does.
type Habit string

// The habits.
const (
	SaysYes Habit = "says-yes" // logs in
	Closes  Habit = "closes"   // closes the tab at once
	Stays   Habit = "stays"    // logs in, and the browser does not end before [Machine.Release]
	Dawdles Habit = "dawdles"  // logs in only after [Machine.Release]
	Strays  Habit = "strays"   // logs in after other pages have been at the listener: see [Machine.Strays]
)

// Browse is the browser, and ends the process, where it was started as one. It
// returns where it was not.
func Browse() {
	if len(os.Args) != 6 || os.Args[1] != browseCommand {
		return
	}
	if err := browse(os.Args[2], os.Args[3], Habit(os.Args[4]), os.Args[5]); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func browse(log, ca string, habit Habit, address string) error {
	if err := appendLine(log, address); err != nil || habit == Closes {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), browseLimit)
	defer cancel()
	client, err := trusting(ca)
	if err != nil {
		return err
	}
	switch habit {
	case Strays:
		err = stray(ctx, log+strays, address)
	case Dawdles:
		err = stay(ctx, log)
	}
	if err != nil {
		return err
	}
	if _, err := oauthtest.SignIn(ctx, client, address); err != nil || habit != Stays {
		return err
	}
	if err := stay(ctx, log); err != nil {
		return err
	}
	return appendLine(log+left, "")
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// trusting is an HTTP client that trusts the certificate in the file ca, or nil
// without one.
func trusting(ca string) (*http.Client, error) {
	if ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}, nil
}

// What is written to the file whose name has this at its end.
const (
	released = ".released" // by [Machine.Release]
	left     = ".left"     // by a browser that stayed, in the end
)

// stay waits for [Machine.Release].
func stay(ctx context.Context, log string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(log + released); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Log is the file with a line for each browser that opened: its address.
func (m *Machine) Log() string { return filepath.Join(m.Dir, "opened") }

// BrowserOf is Browser for a person with this habit.
func (m *Machine) BrowserOf(habit Habit) string {
	self, _ := os.Executable() // New has asked before
	ca := ""
	if m.Server.CA != nil {
		ca = m.ca()
	}
	return shellquote.Join(self, browseCommand, m.Log(), ca, string(habit))
}

// Browser is the command that opens the machine's browser, quoted for a shell. The
// address comes after it.
func (m *Machine) Browser() string { return m.BrowserOf(SaysYes) }

// Browsers is how many browsers have opened so far.
func (m *Machine) Browsers() int { return lines(m.Log()) }

// BrowsersLeft is how many of those that stay have ended.
func (m *Machine) BrowsersLeft() int { return lines(m.Log() + left) }

func lines(path string) int {
	text, _ := os.ReadFile(path)
	return strings.Count(string(text), "\n")
}

// Release lets browsers go on that stay or dawdle.
func (m *Machine) Release() error { return appendLine(m.Log()+released, "") }

// CloseTabs makes the person close every tab from now on, without logging in.
func (m *Machine) CloseTabs() { m.Env = append(m.Env, "BROWSER="+m.BrowserOf(Closes)) }
