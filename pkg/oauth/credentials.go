package oauth

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// ClientCredentials gets a token for the client itself, by its secret and
// without a person (RFC 6749 §4.4). It spends nothing: whoever needs another
// token asks again, so a refresh token that comes along is dropped, as is an ID
// token that no scope asked for.
func (c *Client) ClientCredentials(ctx context.Context) (*Token, error) {
	machine := *c
	machine.Grant = GrantClientCredentials
	if err := machine.Check(); err != nil {
		return nil, err
	}
	if c.ClientSecret == "" {
		return nil, &ConfigError{Setting: "client-secret-file", Problem: "the client credentials grant needs the client's secret, and none is set"}
	}
	m, err := machine.Discover(ctx)
	if err != nil {
		return nil, err
	}
	s := &Spending{Server: *m, Form: machine.wanted(m), Scopes: machine.scopes(m)}
	s.Form.Set("grant_type", machineGrant)
	machine.extend(s.Form, c.TokenParams)
	if slices.Contains(s.Scopes, "openid") {
		if s.Keys, err = machine.keys(ctx, m); err != nil {
			return nil, err
		}
	}
	t, err := machine.Spend(ctx, s, nil)
	if err != nil {
		return nil, err
	}
	t.RefreshToken = ""
	return t, nil
}

// wanted is what a request asks for that no authorization request came before.
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
