// Package desktop starts what a person's desktop has and a test machine lacks:
// a session bus with a real gnome-keyring on it, and a real browser.
//
// Everything started here is private: it shares no bus, keyring or browser
// profile with the person at this machine, and it ends with its context, with
// Close, or with the process that started it, whichever comes first. It works
// on Linux; elsewhere the package compiles, and [Missing] and [Chromium] say
// what is not there.
package desktop

import "os/exec"

// Missing names the Debian packages that [StartBus] and [Bus.StartKeyring] need
// and this machine does not have.
func Missing() []string {
	var missing []string
	for _, need := range []struct{ program, debian string }{
		{"dbus-daemon", "dbus"},
		{"gnome-keyring-daemon", "gnome-keyring"},
	} {
		if _, err := exec.LookPath(need.program); err != nil {
			missing = append(missing, need.debian)
		}
	}
	return missing
}
