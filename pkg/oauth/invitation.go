package oauth

import (
	"fmt"
	"strings"
	"time"
)

// invitation tells the person how to log in.
func (c *Client) invitation(a *attempt, address string) string {
	switch {
	case a.device != nil && address == "":
		return a.device.invitation(c.endpoint(a.server))
	case a.device != nil:
		return a.device.invitation(c.endpoint(a.server)) + "\nOr open\n\n  " + address + "\n\n" + ending(a)
	}
	where := "Log in to " + c.endpoint(a.server) + " in the browser that opens, within " + short(c.loginTimeout()) + "."
	if c.Open == nil {
		where = "Log in to " + c.endpoint(a.server) + " in a browser, within " + short(c.loginTimeout()) + "."
	}
	return where + "\n\n  " + address + "\n\n" + ending(a)
}

// invitation says how to log in to endpoint with the code.
func (d *device) invitation(endpoint string) string {
	text := "Log in to " + endpoint + " in a browser, here or on another machine, within " + short(d.lifetime.Round(time.Second)) + "."
	if picture := qrCode(d.link()); picture != "" {
		text += " Scan this\n\n" + picture + "\nor open\n\n  "
	} else {
		text += " Open\n\n  "
	}
	if d.complete != "" {
		return text + d.complete + "\n\nand see that the code there is " + d.userCode + ".\n"
	}
	return text + d.address + "\n\nand enter the code " + d.userCode + ".\n"
}

// ending says where the browser will be in the end, and what to do then.
func ending(a *attempt) string {
	last := "If it cannot reach that, paste the address it shows here:"
	if r, err := parseRedirect(a.redirectURI); err == nil && !r.loopback() {
		last = "Paste the address it shows then here:"
	}
	return "The browser ends at " + a.redirectURI + ". " + last + "\n"
}

// short writes 2m0s as 2m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return s
}

// nobody is the error of a person who did not come.
func (c *Client) nobody(a *attempt, limit time.Duration) error {
	err := fmt.Errorf("nobody logged in to %s within %s (if the browser showed an error: the client is %s, the redirect URI is %s)", c.endpoint(a.server), short(limit), c.id(a.server), a.redirectURI)
	if a.device != nil {
		err = fmt.Errorf("nobody logged in to %s within the %s that the code was good for", c.endpoint(a.server), short(limit.Round(time.Second)))
	}
	if e := a.alien.Load(); e != nil {
		err = fmt.Errorf("%v; what came was no answer to this login: %v", err, e)
	}
	return &TemporaryError{Err: err, Person: true}
}
