package oauth

import (
	"context"
	"crypto"
	"errors"
	"net/url"
	"slices"
)

// Refresh spends t's refresh token (RFC 6749 §6) at the server that issued it
// and returns the renewed set: with the old refresh token where the server
// gave no other, and with the old ID token where it gave none. An error for
// which [LoggedOut] holds means that only a login helps.
func (c *Client) Refresh(ctx context.Context, t *Token) (*Token, error) {
	spend, err := c.PrepareRefresh(ctx, t)
	if err != nil {
		return nil, err
	}
	return spend(ctx)
}

// PrepareRefresh does everything for a refresh that spends nothing, and
// returns the rest of it.
func (c *Client) PrepareRefresh(ctx context.Context, t *Token) (func(context.Context) (*Token, error), error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if t.RefreshToken == "" {
		return nil, errors.New("there is no refresh token")
	}
	var keys []crypto.PublicKey
	if t.IDToken != "" || slices.Contains(t.Scopes, "openid") {
		var err error
		if keys, err = c.keys(ctx, &t.Server); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) (*Token, error) { return c.refresh(ctx, t, keys) }, nil
}

func (c *Client) refresh(ctx context.Context, t *Token, keys []crypto.PublicKey) (*Token, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.RefreshToken.Reveal()}}
	c.extend(form, c.RefreshParams)
	r, err := c.post(ctx, &t.Server, form)
	if err != nil {
		return nil, err
	}
	renewed := r.token(&t.Server, t.Scopes)
	renewed.IDToken, renewed.IDExpiry, renewed.IDObtained = t.IDToken, t.IDExpiry, t.IDObtained
	renewed.Subject, renewed.Account = t.Subject, t.Account
	if renewed.RefreshToken == "" {
		renewed.RefreshToken = t.RefreshToken
	}
	if r.idToken == "" {
		return renewed, nil
	}
	if err := c.verify(ctx, renewed, r.idToken, keys, ""); err != nil {
		return nil, err
	}
	if t.Subject != "" && renewed.Subject != t.Subject {
		return nil, errors.New("the server answered a refresh with the token of another person (OpenID Connect Core §12.2)")
	}
	return renewed, nil
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
