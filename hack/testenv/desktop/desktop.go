// Package desktop starts a session bus with a real gnome-keyring, and a real browser, for
// tests.
//
// They share no bus, keyring or browser profile with the user of this computer. They end with
// their context, with Close, or with the process that started them. The package works on
// Linux; on other systems, [Missing] and [Chromium] report that nothing is installed.
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
