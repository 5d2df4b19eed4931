package oauth

import (
	"context"
	"errors"
	"net/url"
)

// ErrNoRevocation means that the server cannot be asked to forget a token.
var ErrNoRevocation = errors.New("the server has no revocation endpoint")

// Revoke asks the server to forget t's refresh token, then its access token
// (RFC 7009), five seconds each at the most.
func (c *Client) Revoke(ctx context.Context, t *Token) error {
	if t.Server.RevocationEndpoint == "" {
		return ErrNoRevocation
	}
	if err := c.revoke(ctx, t, t.RefreshToken, "refresh_token"); err != nil {
		return err
	}
	return c.revoke(ctx, t, t.AccessToken, "access_token")
}

func (c *Client) revoke(ctx context.Context, t *Token, token Secret, hint string) error {
	if token == "" {
		return nil
	}
	form := url.Values{"token": {token.Reveal()}, "token_type_hint": {hint}}
	resp, _, err := c.send(ctx, &t.Server, t.Server.RevocationEndpoint, form, revokeTimeout)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return temporary("%s answered %s when asked to revoke the %s token", resp.Request.URL.Host, status(resp), hint[:len(hint)-len("_token")])
	}
	return nil
}
