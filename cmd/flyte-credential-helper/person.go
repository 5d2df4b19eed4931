package main

import (
	"runtime"
)

// whyNoLogin says why no login may start here, or "" if one may.
func (c *call) whyNoLogin() string {
	if c.never != nil {
		if why := c.never(); why != "" {
			return why
		}
	}
	return c.loginForbidden()
}

// loginForbidden says why the settings and the environment let no login start, or "" if
// they do.
func (c *call) loginForbidden() string {
	switch {
	case c.interactive == "never":
		return "--interactive is never"
	case c.interactive == "always":
		return ""
	case c.inCI():
		return "CI is set, so nobody is there (a machine logs in with --grant client-credentials)"
	case c.terminal() == nil && !c.opensBrowser():
		return "there is no terminal and no display"
	}
	return ""
}

// inCI reports whether the variable that CI systems set is there, and not false.
func (c *call) inCI() bool {
	ci := c.getenv("CI")
	return ci != "" && !isFalse(ci)
}

// opensBrowser reports whether a login opens a browser by itself.
func (c *call) opensBrowser() bool { return !c.noBrowser && c.display() }

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
