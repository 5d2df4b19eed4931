package oauth

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// ErrNoRevocation means that the server cannot be asked to forget a token.
var ErrNoRevocation = errors.New("the server has no revocation endpoint")

// Remaining is an access token that a server does not revoke (RFC 7009 §2.2.1,
// unsupported_token_type), such as a JWT that services verify by themselves.
type Remaining struct {
	Until time.Time // when it ends; zero: not known
}

// Revoke asks the server to forget t's refresh token, then its access token
// (RFC 7009), five seconds each at the most. It returns the access token that remains
// valid, or nil. A server that does not revoke access tokens is not an error.
func (c *Client) Revoke(ctx context.Context, t *Token) (*Remaining, error) {
	if t.Server.RevocationEndpoint == "" {
		return nil, ErrNoRevocation
	}
	if err := t.Server.checkEndpoint("revocation-endpoint", t.Server.RevocationEndpoint); err != nil {
		return nil, err
	}
	if err := c.wire().revoke(ctx, t, t.RefreshToken, "refresh_token"); err != nil {
		return nil, err
	}
	err := c.wire().revoke(ctx, t, t.AccessToken, "access_token")
	if e := AsError(err); e != nil && e.Code == "unsupported_token_type" {
		return &Remaining{Until: t.Expiry}, nil
	}
	return nil, err
}

// revoke revokes one token. An answer without a body is as good as any other. A token that the
// server does not know any more needs no revocation (RFC 7009 §2.2): some servers say so with
// an error, for example Google for the access token after its refresh token.
func (c wire) revoke(ctx context.Context, t *Token, token Secret, hint string) error {
	if token == "" {
		return nil
	}
	form := url.Values{"token": {token.Reveal()}, "token_type_hint": {hint}}
	ctx, cancel := withTimeout(ctx, revokeTimeout)
	defer cancel()
	asked := c.now()
	resp, body, err := c.send(ctx, &t.Server, t.Server.RevocationEndpoint, form)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 == 2 {
		return nil
	}
	if a, err := newAnswer(resp, body, append(sentValues(form), c.ClientSecret.Reveal()), asked); err == nil {
		if e := a.failure(); e != nil && e.Code == "invalid_token" {
			return nil
		} else if e != nil {
			return e
		}
	}
	return Temporary("%s answered %s when asked to revoke the %s token", resp.Request.URL.Host, status(resp), hint[:len(hint)-len("_token")])
}
