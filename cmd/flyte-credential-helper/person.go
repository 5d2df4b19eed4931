package main

import (
	"runtime"
)

// whyNoLogin says why no login may start here, or nothing where one may.
func (c *call) whyNoLogin() string {
	if c.never != nil {
		if why := c.never(); why != "" {
			return why
		}
	}
	switch {
	case c.interactive == "never":
		return "--interactive is never"
	case c.opensBrowser() && c.interactive == "always":
		return ""
	case c.interactive == "auto" && c.getenv("CI") != "":
		return "CI is set, so nobody is there (a machine logs in with --grant client-credentials)"
	case c.terminal() == nil && (c.noBrowser || !c.display()):
		return "there is no terminal and no display"
	}
	return ""
}

// opensBrowser reports whether a login opens a browser by itself. Where it must go on
// without a display it does so at a terminal, if there is one.
func (c *call) opensBrowser() bool {
	return !c.noBrowser && (c.display() || c.interactive == "always" && c.terminal() == nil)
}

// display reports whether a browser would have somewhere to show itself to the
// person who runs us.
func (c *call) display() bool {
	if len(c.browser) > 0 || c.getenv("BROWSER") != "" {
		return true
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	if c.getenv("SSH_CONNECTION") != "" || c.getenv("SSH_TTY") != "" {
		return false // it would be the screen of another machine
	}
	return c.getenv("DISPLAY") != "" || c.getenv("WAYLAND_DISPLAY") != "" || c.getenv("WSL_DISTRO_NAME") != ""
}

// terminal is the person's, or nil where there is none to ask at.
func (c *call) terminal() *terminal {
	if c.tty == nil {
		c.tty = openTerminal()
	}
	if !c.tty.usable() {
		return nil
	}
	return c.tty
}
