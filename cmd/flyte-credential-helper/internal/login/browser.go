package login

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
	systembrowser "github.com/pkg/browser"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// BrowserCommand is the command, not for users, that starts the process that opens the
// system's browser.
const BrowserCommand = "open-browser"

// browser opens addresses in the user's browser.
type browser struct {
	command    []string // the setting; empty: the variable BROWSER, else the system's browser
	variable   string
	executable func() (string, error)
	environ    []string // without secrets
	terminal   *system.Terminal
	console    Console
	server     string
	where      string // the browsers that can complete the login
}

func (s *Session) browser() *browser {
	where := "a browser on this machine"
	if s.settings.Listen != "" {
		where = "a browser that can reach " + s.settings.Listen
	}
	return &browser{
		command: s.settings.Browser, variable: s.env.Getenv("BROWSER"), executable: s.env.Executable,
		environ: childEnviron(s.settings, s.env), terminal: s.env.Terminal, console: s.Console, server: s.settings.Server(), where: where,
	}
}

// BrowserWords returns the words of the command that opens a browser, or none if the system's
// browser is opened.
func BrowserWords(r *config.Resolved, env system.Env) ([]string, error) {
	return browserWords(r.Browser, env.Getenv("BROWSER"))
}

func browserWords(setting []string, variable string) ([]string, error) {
	if len(setting) > 0 || variable == "" {
		return setting, nil
	}
	words, err := shellquote.Split(variable)
	if err != nil || len(words) == 0 {
		return nil, errors.New("BROWSER is not a command")
	}
	return words, nil
}

// open opens address, in a process of its own session that shares nothing with us: its
// output, its descriptors and its end do not touch the answer, and Ctrl-C here does not end
// it.
func (b *browser) open(_ context.Context, address string) error {
	if err := checkAddress(address); err != nil {
		return err
	}
	if !b.terminal.Usable() {
		b.console.Note("waiting for a login to %s in the browser", b.server)
	}
	words, err := browserWords(b.command, b.variable)
	switch {
	case err != nil:
		return err
	case len(words) == 0:
		return b.openSystem(address)
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
	return b.start(exec.Command(words[0], words[1:]...), address)
}

// openSystem opens the system's browser in a second process of ours: pkg/browser waits for
// it, and writes to our stdout. The address goes through a pipe, so that it is in no
// argument list but the browser's.
func (b *browser) openSystem(address string) error {
	self, err := b.executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, BrowserCommand)
	cmd.Args[0] = config.Program
	cmd.Stdin = strings.NewReader(address)
	return b.start(cmd, address)
}

// start starts cmd, which opens address, with the null device for its streams.
func (b *browser) start(cmd *exec.Cmd, address string) error {
	system.CloseOnExec()
	system.Detach(cmd)
	cmd.Env = b.environ
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		if err := cmd.Wait(); err != nil { // it may have opened all the same
			b.failed(address, err)
		}
	}()
	return nil
}

// failed shows the address that the browser's command may not have opened. The login
// continues.
func (b *browser) failed(address string, err error) {
	words := fmt.Sprintf("The browser command failed: %v.", err)
	if b.terminal.Usable() {
		b.terminal.Say(words + " If no browser has opened, open the address above.\n")
		return
	}
	b.console.Notify(words + " If no browser has opened, open this address in " + b.where + ":\n\n  " + address + "\n")
}

// checkAddress accepts only addresses of the web: an operating system opens anything that
// looks like a file or an option to some program.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return errors.New("the address is not an http or https URL")
	}
	return nil
}

// OpenBrowser is the second process: it reads the address and opens it.
func OpenBrowser(in io.Reader) error {
	address, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err != nil {
		return err
	}
	if err := checkAddress(string(address)); err != nil {
		return config.Errorf(config.Hint{}, "%v", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	systembrowser.Stdout, systembrowser.Stderr = null, null
	return systembrowser.OpenURL(string(address))
}
