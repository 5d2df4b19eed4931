package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"
	"unicode/utf8"
)

// Limits of a device endpoint's answer, and its defaults.
const (
	defaultInterval = 5 * time.Second // RFC 8628 §3.2
	leastInterval   = time.Second     // a shorter one counts as absent
	mostInterval    = time.Minute
	defaultLifetime = 15 * time.Minute
	mostUserCode    = 64 // characters
)

// DeviceLifetime is the longest time for which a device code is used, whatever the server
// says. A login by device code takes no longer.
const DeviceLifetime = 30 * time.Minute

// device is a device endpoint's answer (RFC 8628 §3.2): the code that this program sends,
// and the one that the user enters in a browser. Its texts are fit for a terminal.
type device struct {
	code     Secret
	userCode string
	address  string // verification_uri
	complete string // verification_uri_complete; empty: none

	interval time.Duration // between polls
	lifetime time.Duration
	end      time.Time // of the codes
}

// requestDevice asks for a device's codes (RFC 8628 §3.1). It uses nothing up.
func (c wire) requestDevice(ctx context.Context, m *Metadata) (*device, error) {
	if err := m.checkEndpoint("device-endpoint", m.DeviceEndpoint); err != nil {
		return nil, err
	}
	form := c.wanted(m)
	c.extend(form, nil)
	asked := c.now() // the codes may be as old as that
	ctx, cancel := withTimeout(ctx, deviceTimeout)
	defer cancel()
	resp, body, err := c.send(ctx, m, m.DeviceEndpoint, form)
	if err != nil {
		return nil, err
	}
	a, err := newAnswer(resp, body, append(sentValues(form), c.ClientSecret.Reveal()), asked)
	if err != nil {
		return nil, err
	}
	if e := a.failure(); e != nil {
		return nil, e
	}
	if resp.StatusCode/100 != 2 {
		return nil, a.temporary("without a device code")
	}
	d, err := newDevice(a.fields, a.clean, asked)
	if err != nil {
		return nil, invalid("%s answered %s", a.host(), err)
	}
	return d, nil
}

// newDevice reads a device endpoint's answer. clean makes its texts safe to show. A
// time that cannot be read or used counts as absent, and so does a complete address that
// cannot be opened.
func newDevice(fields map[string]json.RawMessage, clean func(string) string, asked time.Time) (*device, error) {
	d := &device{
		code:     Secret(text(fields["device_code"])),
		userCode: clean(textOrNumber(fields["user_code"])),
		address:  cmp.Or(text(fields["verification_uri"]), text(fields["verification_url"]), text(fields["verification_uri_complete"])), // the second is Google's
		complete: text(fields["verification_uri_complete"]),
		interval: pollInterval(fields["interval"]),
		lifetime: min(cmp.Or(seconds(fields["expires_in"]), defaultLifetime), DeviceLifetime),
	}
	d.end = asked.Round(0).Add(d.lifetime) // by the wall clock, as deadline goes
	switch {
	case d.code == "":
		return nil, errors.New("without a device_code")
	case d.userCode == "":
		return nil, errors.New("without a user_code")
	case utf8.RuneCountInString(d.userCode) > mostUserCode:
		return nil, errors.New("with a user_code of more than 64 characters")
	case d.address == "":
		return nil, errors.New("without a verification_uri")
	case clean(d.address) != d.address || !opens(d.address):
		return nil, errors.New("with a verification_uri that must not be opened: " + clean(d.address))
	}
	if clean(d.complete) != d.complete || !opens(d.complete) {
		d.complete = ""
	}
	return d, nil
}

// pollInterval reads interval. The default replaces one that is absent, cannot be read or
// is shorter than a second: some servers send 0 or a fraction for "not set".
func pollInterval(raw json.RawMessage) time.Duration {
	interval := seconds(raw)
	if interval < leastInterval {
		return defaultInterval
	}
	return min(interval, mostInterval)
}

// opens reports whether a user may be sent to an address: https, or http on loopback,
// without characters that are not shown.
func opens(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && Printable(address) == address &&
		(u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
}

// link is the address to open: the complete one if there is one.
func (d *device) link() string { return cmp.Or(d.complete, d.address) }
