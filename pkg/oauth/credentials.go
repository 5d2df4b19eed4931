package oauth

import (
	"context"
	"net/url"
	"strings"
)

// ClientCredentials gets a token for the client itself by its secret (RFC 6749 §4.4).
// The secret is not used up, and the next token is obtained in the same way, so a
// refresh token in the answer is dropped. An ID token that no scope requested is
// dropped too.
func (c *Client) ClientCredentials(ctx context.Context) (*Token, error) {
	client := *c
	client.Grant = GrantClientCredentials
	if err := client.Check(); err != nil {
		return nil, err
	}
	if c.ClientSecret == "" {
		return nil, ConfigError("client-secret-file", "the client credentials grant needs the client's secret, and none is set")
	}
	m, err := client.Discover(ctx)
	if err != nil {
		return nil, err
	}
	r := &TokenRequest{Server: *m, Form: client.wanted(m), Scopes: client.scopes(m)}
	r.Form.Set("grant_type", machineGrant)
	client.extend(r.Form, c.TokenParams)
	if r.Keys, err = client.verifier().keysFor(ctx, m, r.Scopes, Auto); err != nil {
		return nil, err
	}
	t, err := client.Redeem(ctx, r, nil, Journal{})
	if err != nil {
		return nil, err
	}
	t.RefreshToken = ""
	return t, nil
}

// wanted returns the parameters of a request that follows no authorization request.
func (c *Client) wanted(m *Metadata) url.Values {
	form := url.Values{}
	if scopes := c.scopes(m); len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
	if c.Audience != "" {
		form.Set("audience", c.Audience)
	}
	return form
}
