package oauth

import (
	"context"
	"errors"
	"net/url"
)

// Refresh sends t's refresh token (RFC 6749 §6) to the server that issued it and returns
// the renewed set: with the old refresh token if the server gave no other, and with the
// old ID token if it gave none. The [Error] says by its Saved whether the refresh token is
// still of use.
func (c *Client) Refresh(ctx context.Context, t *Token) (*Token, error) {
	r, err := c.PrepareRefresh(ctx, t, Auto)
	if err != nil {
		return nil, err
	}
	return c.Redeem(ctx, r, t, Journal{})
}

// PrepareRefresh does everything for a refresh that uses nothing up, and returns the rest
// of it. want is the kind of credential that the caller needs: without keys, a refresh goes
// on only if that is the access token.
func (c *Client) PrepareRefresh(ctx context.Context, t *Token, want Kind) (*TokenRequest, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if t.RefreshToken == "" {
		return nil, errors.New("there is no refresh token")
	}
	r := &TokenRequest{Server: t.Server, Form: url.Values{"grant_type": {refreshGrant}, "refresh_token": {t.RefreshToken.Reveal()}}, Scopes: t.Scopes}
	c.extend(r.Form, c.RefreshParams)
	if want = want.of(t); t.IDToken == "" && !r.wantsID() {
		return r, nil
	}
	var err error
	r.Keys, err = c.verifier().keysFor(ctx, &t.Server, []string{"openid"}, want)
	return r, err
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
