package oauth

import (
	"context"
	"errors"
	"fmt"
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

// next returns how long to wait after a poll that ended with err, and false where
// that was the last: RFC 8628 §3.5.
func (p *pace) next(err error) (time.Duration, bool) {
	var e *Error
	var later *TemporaryError
	failed := p.failed
	p.failed = 0
	switch {
	case errors.As(err, &e) && e.Code == "authorization_pending":
	case errors.As(err, &e) && e.Code == "slow_down":
		p.interval += slowDown
	case errors.As(err, &later):
		p.failed = max(p.interval, min(2*max(failed, p.interval), mostInterval))
		return max(p.failed, later.after), true
	default:
		return 0, false
	}
	return p.interval, true
}

// poll asks for the device's token until the person has answered or the login is
// over (RFC 8628 §3.4). Where the server does not give it to this client, what is
// pasted may still be taken.
func (a *attempt) poll(ctx context.Context) {
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
			t, err := a.spend(ctx, a.asking())
			switch wait, again = p.next(err); {
			case again || ctx.Err() != nil && err != nil: // whoever ended it says why
				return nil, errOpen
			case err != nil && a.redirectURI != "" && refusesClient(err):
				a.client.Prompt.Show("The code above is of no use (" + err.Error() + ").\n")
				return nil, errOpen
			}
			return t, a.ranOut(err)
		})
	}
}

// asking is the request of one poll. It is a [Spending], since the poll that gets
// the token uses up the code.
func (a *attempt) asking() *Spending {
	form := url.Values{"grant_type": {deviceCodeGrant}, "device_code": {a.device.code.Reveal()}}
	a.client.extend(form, a.client.TokenParams)
	return &Spending{Server: *a.server, Form: form, Keys: a.keys, Scopes: a.client.scopes(a.server)}
}

// refusesClient reports whether err is the server's no to us, and not the
// person's, nor the end of the code.
func refusesClient(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code != "access_denied" && e.Code != "expired_token"
}

// ranOut makes of RFC 8628 §3.5's expired_token what it is: nobody answered.
func (a *attempt) ranOut(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) && e.Code == "expired_token" {
		return &TemporaryError{Err: fmt.Errorf("the code ran out before anybody logged in to %s with it", a.client.endpoint(a.server)), Person: true}
	}
	return err
}
