package oauth

import (
	"fmt"
	"strings"
	"time"
)

// invitation tells the user how to log in. opens says whether a browser opens at address.
// Only at a terminal it has a QR code, and asks for the address at which the browser ends.
func (a *loginFlow) invitation(address string, opens bool) string {
	c := a.client
	draws := c.Prompt != nil && !c.NoQRCode
	end := ""
	if c.Prompt != nil {
		end = "\n" + ending(a)
	}
	switch {
	case a.device != nil && address == "":
		return a.device.invitation(c.endpoint(a.server), draws)
	case a.device != nil && c.Prompt != nil:
		return a.device.invitation(c.endpoint(a.server), draws) + "\nOr open\n\n  " + address + "\n" + end
	case a.device != nil:
		return a.device.invitation(c.endpoint(a.server), false) + "\nOr, in a browser on this machine, open\n\n  " + address + "\n"
	}
	where := "a browser"
	switch {
	case opens:
		where = "the browser that opens"
	case c.Prompt == nil:
		where = "a browser on this machine"
	}
	return "Log in to " + c.endpoint(a.server) + " in " + where + ", within " + short(c.loginTimeout()) + ".\n\n  " + address + "\n" + end
}

// invitation says how to log in to endpoint with the code. draws adds a QR code.
func (d *device) invitation(endpoint string, draws bool) string {
	text := "Log in to " + endpoint + " in a browser, here or on another machine, within " + short(d.lifetime.Round(time.Second)) + "."
	if picture := qrCode(d.link()); draws && picture != "" {
		text += " Scan this\n\n" + picture + "\nor open\n\n  "
	} else {
		text += " Open\n\n  "
	}
	if d.complete != "" {
		return text + d.complete + "\n\nand check that the page shows " + d.userCode + ".\n"
	}
	return text + d.address + "\n\nand enter the code " + d.userCode + ".\n"
}

// ending says at which address the browser ends, and what to do then.
func ending(a *loginFlow) string {
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

// unanswered is the error of a login that the user did not complete within limit.
func (a *loginFlow) unanswered(limit time.Duration) *Error {
	c := a.client
	problem := fmt.Sprintf("the login to %s was not completed within %s (if the browser showed an error: the client is %s, the redirect URI is %s)", c.endpoint(a.server), short(limit), c.id(a.server), a.redirectURI)
	if a.device != nil {
		problem = fmt.Sprintf("the login to %s was not completed within %s, while the code was valid", c.endpoint(a.server), short(limit.Round(time.Second)))
	}
	if words := a.unmatched.Load(); words != nil {
		problem += "; " + *words
	}
	return &Error{Class: ClassUnanswered, Problem: problem}
}
