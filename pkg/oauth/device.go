package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"
	"unicode/utf8"
)

// What a device endpoint may make us wait, and show.
const (
	defaultInterval = 5 * time.Second // RFC 8628 §3.2
	leastInterval   = time.Second
	mostInterval    = time.Minute
	defaultLifetime = 15 * time.Minute
	mostUserCode    = 64 // characters
)

// DeviceLifetime is how long a device code is good at the most, whatever the server
// says: so long a login by one may take.
const DeviceLifetime = 30 * time.Minute

// device is a device endpoint's answer (RFC 8628 §3.2): a code that we hold, and
// the one that the person enters in a browser elsewhere. Its texts are fit for a
// terminal.
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
func (c *Client) requestDevice(ctx context.Context, m *Metadata) (*device, error) {
	form := c.wanted(m)
	c.extend(form, nil)
	asked := c.now() // the codes may be as old as that
	resp, body, err := c.send(ctx, m, m.DeviceEndpoint, form, requestTimeout)
	if err != nil {
		return nil, err
	}
	fields, err := decodeAnswer(resp, body, asked)
	if err != nil {
		return nil, err
	}
	host := resp.Request.URL.Host
	if resp.StatusCode/100 != 2 {
		return nil, temporary("%s answered %s without a device code", host, status(resp))
	}
	d, err := newDevice(fields, asked)
	if err != nil {
		return nil, fmt.Errorf("%s answered %s", host, err)
	}
	return d, nil
}

// newDevice reads a device endpoint's answer. What it says of times counts as
// absent where it cannot be; a complete address that cannot be opened, too.
func newDevice(fields map[string]json.RawMessage, asked time.Time) (*device, error) {
	d := &device{
		code:     Secret(text(fields["device_code"])),
		userCode: Printable(text(fields["user_code"])),
		address:  cmp.Or(text(fields["verification_uri"]), text(fields["verification_url"])), // as Google calls it
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
		return nil, errors.New("with a user_code that nobody can enter")
	case d.address == "":
		return nil, errors.New("without a verification_uri")
	case !opens(d.address):
		return nil, errors.New("with a verification_uri that must not be opened: " + Printable(d.address))
	}
	if !opens(d.complete) {
		d.complete = ""
	}
	return d, nil
}

// pollInterval reads interval. The default stands for 0 too: whoever sends that
// has left it unset, and would be asked without a pause.
func pollInterval(raw json.RawMessage) time.Duration {
	said := cmp.Or(seconds(raw), defaultInterval)
	return min(max(said, leastInterval), mostInterval)
}

// opens reports whether a person may be sent to an address: https, or http on
// loopback, and just as it is shown.
func opens(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && Printable(address) == address &&
		(u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
}

// link is the address that asks the least of a person.
func (d *device) link() string { return cmp.Or(d.complete, d.address) }
