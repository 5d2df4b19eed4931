package oauth

import (
	"context"
	"net/url"
	"time"
)

// slowDown is by how much an interval grows each time the server says so: RFC
// 8628 §3.5.
const slowDown = 5 * time.Second

// pace is how fast a device asks for its token.
type pace struct {
	interval time.Duration // grows, and never shrinks
	failed   time.Duration // the last wait for a server that gives no answer; 0 when it gave one
}

// next returns how long to wait after a poll that ended with err, and false if that was
// the last: RFC 8628 §3.5.
func (p *pace) next(err error) (time.Duration, bool) {
	e := AsError(err)
	failed := p.failed
	p.failed = 0
	switch {
	case e == nil:
		return 0, false
	case e.Code == "authorization_pending": // with any status: Google has 428
	case e.Code == "slow_down":
		p.interval += slowDown
	case IsTemporary(err):
		p.failed = max(p.interval, min(2*max(failed, p.interval), mostInterval))
		return max(p.failed, e.RetryAfter), true
	default:
		return 0, false
	}
	return p.interval, true
}

// poll asks for the device's token until the user has answered or the login is over (RFC
// 8628 §3.4). If the server refuses this client, the login goes on if an address can be
// pasted or a browser can answer.
func (a *loginFlow) poll(ctx context.Context) {
	p := pace{interval: a.device.interval}
	wait, again := p.interval, true
	for again {
		select {
		case <-a.client.after(wait):
		case <-a.done:
			return
		case <-ctx.Done():
			return
		}
		a.settle(func() (*Token, error) {
			t, err := a.redeem(ctx, a.asking())
			switch wait, again = p.next(err); {
			case again || ctx.Err() != nil && err != nil: // the login has another outcome
				return nil, errOpen
			case err != nil && a.redirectURI != "" && refusesClient(err):
				a.client.tell("The code above cannot be used (" + err.Error() + ").\n")
				return nil, errOpen
			}
			return t, a.ranOut(err)
		})
	}
}

// asking is the request of one poll. It is a [TokenRequest], since the poll that gets
// the token uses up the code.
func (a *loginFlow) asking() *TokenRequest {
	form := url.Values{"grant_type": {deviceCodeGrant}, "device_code": {a.device.code.Reveal()}}
	a.client.extend(form, a.client.TokenParams)
	return &TokenRequest{Server: *a.server, Form: form, Keys: a.keys, Scopes: a.client.scopes(a.server)}
}

// refusesClient reports whether err is a refusal of this client, and not one by the user
// or the end of the code.
func refusesClient(err error) bool {
	e := AsError(err)
	return e != nil && !declined(e.Code) && !expired(e.Code)
}

// declined reports whether a code means that the user said no: RFC 8628 §3.5, and Entra's.
func declined(code string) bool { return code == "access_denied" || code == "authorization_declined" }

// expired reports whether a code means that the device code has ended: RFC 8628 §3.5, and
// that of older servers of Entra.
func expired(code string) bool { return code == "expired_token" || code == "code_expired" }

// ranOut turns the end of the device code into an unanswered login.
func (a *loginFlow) ranOut(err error) error {
	if e := AsError(err); e != nil && expired(e.Code) {
		return &Error{Class: ClassUnanswered, Problem: "the code expired before anyone logged in to " + a.client.endpoint(a.server) + " with it"}
	}
	return err
}
