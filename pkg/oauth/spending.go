package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Spending is a token request that uses up what a server gives only once: a
// code, a device's code or a refresh token. It holds all that the request needs but the client,
// so that another process can make it, and so it marshals with its secrets.
type Spending struct {
	Server Metadata        `json:"server"`
	Form   url.Values      `json:"form"`            // without the client's credentials
	Keys   json.RawMessage `json:"keys,omitempty"`  // the server's, fetched before
	Nonce  string          `json:"nonce,omitempty"` // that the ID token must have
	Scopes []string        `json:"scopes,omitempty"`
}

// Spender makes a [Spending] and returns what the server gave for it.
type Spender func(context.Context, *Spending) (*Token, error)

// Refreshes reports whether s is a refresh, and not the exchange of a code.
func (s *Spending) Refreshes() bool { return s.Form.Get("grant_type") == refreshGrant }

// repeats reports whether s may be made again: it is a refresh, or the client's
// credentials, which are not used up.
func (s *Spending) repeats() bool { return s.Refreshes() || s.Form.Get("grant_type") == machineGrant }

// patience is how long to wait for a server that says when to ask again.
const patience = 10 * time.Second

// send makes the request. A code is never sent twice; what repeats is, in two cases
// only: where the server says that it did nothing and when to come back, soon;
// and, at once, where the answer broke off. By then the server may have replaced a refresh
// token, and many accept the old one for a moment longer.
func (s *Spending) send(ctx context.Context, c *Client) (*reply, error) {
	r, err := c.post(ctx, &s.Server, s.Form)
	if s.deadAtFlyteadmin(err) {
		if r, err = c.post(ctx, &s.Server, s.Form); s.deadAtFlyteadmin(err) {
			u, _ := url.Parse(s.Server.TokenEndpoint) // asked just now
			return nil, &Error{Code: "invalid_grant", Description: "flyteadmin's way is HTTP 500, twice", Host: u.Host}
		}
	}
	var later *TemporaryError
	if !errors.As(err, &later) {
		return r, err
	}
	switch {
	case later.cut && s.repeats():
		return c.post(ctx, &s.Server, s.Form)
	case later.after > 0 && later.after <= patience && s.repeats():
		select {
		case <-time.After(later.after):
			return c.post(ctx, &s.Server, s.Form)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	case later.after > patience:
		later.Err = fmt.Errorf("%w, and to ask again in %s", later.Err, later.after)
	}
	return nil, err
}

// deadAtFlyteadmin reports whether err is how the authorization server that is a part
// of flyteadmin refuses a refresh token: HTTP 500 and server_error, where RFC 6749
// §5.2 has 400 and invalid_grant.
func (s *Spending) deadAtFlyteadmin(err error) bool {
	var said *Error
	u, bad := url.Parse(s.Server.TokenEndpoint)
	return errors.As(err, &said) && said.Code == "server_error" && s.Refreshes() && bad == nil &&
		strings.HasSuffix(u.Path, "/oauth2/token") && strings.Count(s.Form.Get("refresh_token"), ".") == 2
}

// Spend makes s. old is the set that a refresh renews; nil for a code.
func (c *Client) Spend(ctx context.Context, s *Spending, old *Token) (*Token, error) {
	r, err := s.send(ctx, c)
	if err != nil {
		return nil, err
	}
	t := r.token(&s.Server, s.Scopes)
	if s.Refreshes() && old != nil {
		t.inherit(old)
	}
	if unasked := s.repeats() && s.Keys == nil && s.Server.KeysURI != ""; r.idToken == "" || unasked { // and so cannot be checked
		return t, nil
	}
	if err := c.verify(ctx, t, r, s); err != nil {
		return nil, err
	}
	if s.Refreshes() && old != nil && old.Subject != "" && t.Subject != old.Subject {
		return nil, errors.New("the server answered a refresh with the token of another person (OpenID Connect Core §12.2)")
	}
	return t, nil
}

// inherit keeps what a refresh did not renew (RFC 6749 §6, OpenID Connect Core
// §12.2).
func (t *Token) inherit(old *Token) {
	t.IDToken, t.IDExpiry, t.IDObtained = old.IDToken, old.IDExpiry, old.IDObtained
	t.Subject, t.Account = old.Subject, old.Account
	if t.RefreshToken == "" {
		t.RefreshToken = old.RefreshToken
	}
}
