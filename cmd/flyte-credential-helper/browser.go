package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
	"github.com/pkg/browser"
)

// openCommand is the command, not meant for people, by which we start the
// process that opens the system's browser.
const openCommand = "open-browser"

// open opens address in the person's browser, by a process in a session of its
// own that shares nothing with us: what it prints, keeps open or never ends does
// not touch the answer, and Ctrl-C here does not end it.
func (c *call) open(_ context.Context, address string) error {
	if err := checkAddress(address); err != nil {
		return err
	}
	if c.terminal() == nil {
		c.note("waiting for a login to %s in the browser", c.server())
	}
	words := c.browser
	if len(words) == 0 && c.getenv("BROWSER") != "" {
		var err error
		if words, err = shellquote.Split(c.getenv("BROWSER")); err != nil || len(words) == 0 {
			return errors.New("BROWSER is not a command")
		}
	}
	if len(words) == 0 {
		return c.openSystem(address)
	}
	words = slices.Clone(words)
	placed := false
	for i, word := range words[1:] {
		if strings.Contains(word, "%s") {
			words[i+1], placed = strings.ReplaceAll(word, "%s", address), true
		}
	}
	if !placed {
		words = append(words, address)
	}
	return c.start(exec.Command(words[0], words[1:]...), address)
}

// openSystem has a second process of ours open the system's browser: pkg/browser
// waits for it, and writes to our stdout. The address goes through a pipe, so
// that it stands in no argument list but the browser's.
func (c *call) openSystem(address string) error {
	self, err := c.executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, openCommand)
	cmd.Args[0] = program
	cmd.Stdin = strings.NewReader(address)
	return c.start(cmd, address)
}

// start starts cmd, which opens address, apart from us, with the null device for its
// streams and without the client's secret in its environment.
func (c *call) start(cmd *exec.Cmd, address string) error {
	closeOnExec()
	detach(cmd)
	cmd.Env = c.withoutClientSecret()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		if err := cmd.Wait(); err != nil { // it may have opened all the same
			c.browserFailed(address, err)
		}
	}()
	return nil
}

// browserFailed shows the address that the browser's command may not have opened. The
// login goes on.
func (c *call) browserFailed(address string, err error) {
	words := fmt.Sprintf("The browser's command ended with %v.", err)
	if tty := c.terminal(); tty != nil {
		tty.say(words + " Open the address above yourself.\n")
		return
	}
	c.notify(words + " If no browser has opened, open\n\n  " + address + "\n\nin a browser on this machine.\n")
}

// withoutClientSecret is our environment for another's program.
func (c *call) withoutClientSecret() []string {
	return slices.DeleteFunc(c.environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return c.clientSecretEnv != "" && name == c.clientSecretEnv
	})
}

// checkAddress lets only the web be opened: an operating system opens anything
// that looks like a file or an option to somebody.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return errors.New("that is not an address for a browser")
	}
	return nil
}

// openBrowser is the second process: it reads the address and opens it.
func openBrowser(w world) int {
	address, err := io.ReadAll(io.LimitReader(w.stdin, 64<<10))
	if err != nil || checkAddress(string(address)) != nil {
		return exitUsage
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return exitFailed
	}
	browser.Stdout, browser.Stderr = null, null
	if browser.OpenURL(string(address)) != nil {
		return exitFailed
	}
	return exitOK
}
