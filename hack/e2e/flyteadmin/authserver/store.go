package authserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
)

// store gives fosite back the requests that codes and refresh tokens are for, out of
// these themselves. What it says of one that does not verify is no error that fosite
// knows, which is why flyteadmin answers 500 to it.
type store struct {
	*storage.MemoryStore // the clients; what else fosite stores nobody asks for
	signer               jwt.JWTStrategy
	forms                sealer
}

// request reads the request out of what was made for it.
func (s store) request(ctx context.Context, token string) (*fosite.Request, error) {
	decoded, err := s.signer.Decode(ctx, token)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	r, ok := oauth2.AccessTokenJWTToRequest(decoded).(*fosite.Request)
	if !ok {
		return nil, errors.New("is for no request")
	}
	if r.Client, err = s.GetClient(ctx, r.Client.GetID()); err != nil {
		return nil, err
	}
	r.Form, err = s.form(r.Session)
	return r, err
}

func (s store) form(session fosite.Session) (url.Values, error) {
	form := url.Values{}
	sealed, _ := session.(*oauth2.JWTSession).JWTClaims.Extra[formClaim].(map[string]any)
	for name, value := range sealed {
		text, err := s.forms.open(fmt.Sprint(value))
		if err != nil {
			return nil, err
		}
		form.Set(name, text)
	}
	return form, nil
}

// code reads the request of a code, which asks for what was asked for in the
// beginning and is granted what the code says.
func (s store) code(ctx context.Context, code string) (fosite.Requester, error) {
	r, err := s.request(ctx, code)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(r.RequestedScope, accessScope) {
		return nil, errors.New("is no code")
	}
	scopes := r.RequestedScope
	r.RequestedScope = nil
	for _, scope := range scopes {
		if scope != accessScope {
			r.AppendRequestedScope(strings.TrimPrefix(scope, asked))
		}
	}
	return r, nil
}

func (s store) GetAuthorizeCodeSession(ctx context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	return s.code(ctx, code)
}

func (s store) GetPKCERequestSession(ctx context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	return s.code(ctx, code)
}

func (s store) GetRefreshTokenSession(ctx context.Context, token string, _ fosite.Session) (fosite.Requester, error) {
	r, err := s.request(ctx, token)
	if err != nil {
		return nil, err
	}
	scopes := r.GrantedScope
	r.GrantedScope, r.RequestedScope = nil, nil
	for _, scope := range scopes {
		r.AppendRequestedScope(strings.TrimPrefix(scope, asked))
		r.GrantScope(strings.TrimPrefix(scope, asked))
	}
	return r, nil
}

// What is given out cannot be taken back.

func (s store) InvalidateAuthorizeCodeSession(context.Context, string) error             { return nil }
func (s store) DeletePKCERequestSession(context.Context, string) error                   { return nil }
func (s store) DeleteRefreshTokenSession(context.Context, string) error                  { return nil }
func (s store) RevokeAccessToken(context.Context, string) error                          { return nil }
func (s store) RevokeRefreshToken(context.Context, string) error                         { return nil }
func (s store) RevokeRefreshTokenMaybeGracePeriod(context.Context, string, string) error { return nil }

// What is given out is not kept.

func (s store) CreateAuthorizeCodeSession(context.Context, string, fosite.Requester) error {
	return nil
}
func (s store) CreatePKCERequestSession(context.Context, string, fosite.Requester) error  { return nil }
func (s store) CreateAccessTokenSession(context.Context, string, fosite.Requester) error  { return nil }
func (s store) CreateRefreshTokenSession(context.Context, string, fosite.Requester) error { return nil }
