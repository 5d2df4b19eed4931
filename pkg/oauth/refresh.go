package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"
)

// Refresh spends t's refresh token (RFC 6749 §6) at the server that issued it
// and returns the renewed set: with the old refresh token where the server
// gave no other, and with the old ID token where it gave none. An error for
// which [LoggedOut] holds means that only a login helps.
func (c *Client) Refresh(ctx context.Context, t *Token) (*Token, error) {
	s, err := c.PrepareRefresh(ctx, t)
	if err != nil {
		return nil, err
	}
	return c.Spend(ctx, s, t)
}

// PrepareRefresh does everything for a refresh that spends nothing, and
// returns the rest of it.
func (c *Client) PrepareRefresh(ctx context.Context, t *Token) (*Spending, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if t.RefreshToken == "" {
		return nil, errors.New("there is no refresh token")
	}
	s := &Spending{Server: t.Server, Form: url.Values{"grant_type": {refreshGrant}, "refresh_token": {t.RefreshToken.Reveal()}}, Scopes: t.Scopes}
	c.extend(s.Form, c.RefreshParams)
	if t.IDToken != "" || slices.Contains(t.Scopes, "openid") {
		var err error
		if s.Keys, err = c.keys(ctx, &t.Server); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// extend adds what every token request carries, and the caller's parameters.
func (c *Client) extend(form url.Values, params map[string]string) {
	for _, r := range c.Resource {
		form.Add("resource", r)
	}
	for k, v := range params {
		form.Set(k, v)
	}
}
