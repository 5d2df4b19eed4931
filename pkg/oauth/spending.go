package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
)

// Spending is a token request that uses up what a server gives only once: a
// code or a refresh token. It holds all that the request needs but the client,
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
func (s *Spending) Refreshes() bool { return s.Form.Get("grant_type") == "refresh_token" }

// Spend makes s, once. old is the set that a refresh renews; nil for a code.
func (c *Client) Spend(ctx context.Context, s *Spending, old *Token) (*Token, error) {
	r, err := c.post(ctx, &s.Server, s.Form)
	if err != nil {
		return nil, err
	}
	t := r.token(&s.Server, s.Scopes)
	if s.Refreshes() && old != nil {
		t.inherit(old)
	}
	if r.idToken == "" {
		return t, nil
	}
	if err := c.verify(ctx, t, r.idToken, s.Keys, s.Nonce); err != nil {
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
