package oauthtest

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// authRequest is an authorization request. It has no subject until the user has
// signed in. It is a value that is replaced and not changed, because the provider
// reads it without the store's lock.
type authRequest struct {
	grant
	id string
	*oidc.AuthRequest
}

// GetID implements [op.AuthRequest], as do the methods below and some of the
// embedded request's.
func (r authRequest) GetID() string                      { return r.id }
func (r authRequest) GetACR() string                     { return "" }
func (r authRequest) GetNonce() string                   { return r.Nonce }
func (r authRequest) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r authRequest) Done() bool                         { return r.subject != "" }

func (r authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// CreateAuthRequest requires S256 (RFC 7636 §4.4.1): the provider accepts plain too,
// and no challenge at all from a client with a secret. The provider has checked the
// redirect URI before, and sends the error there.
func (s *store) CreateAuthRequest(ctx context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	const length = 43 // of a SHA-256 in base64url
	if r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 || len(r.CodeChallenge) != length {
		return nil, oidc.ErrInvalidRequest().WithDescription("a code_challenge with code_challenge_method S256 is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	scopes := s.granted(r.Scopes)
	if s.config.Google {
		if slices.Contains(scopes, oidc.ScopeOfflineAccess) {
			return nil, oidc.ErrInvalidScope().WithDescription("offline_access is not a scope here")
		}
		if requestFrom(ctx).Form.Get("access_type") == "offline" {
			scopes = append(scopes, oidc.ScopeOfflineAccess) // with which the provider issues a refresh token
		}
	}
	request := authRequest{
		grant:       grant{client: r.ClientID, scopes: scopes, audience: audience(ctx, r.ClientID)},
		id:          rand.Text(),
		AuthRequest: r,
	}
	s.authRequests[request.id] = request
	return request, nil
}

// granted returns scopes without the one that is not granted (RFC 6749 §3.3).
func (s *store) granted(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool {
		return scope == oidc.ScopeOfflineAccess && s.config.NoOfflineAccess
	})
}

// signIn stores the user of an authorization request.
func (s *store) signIn(request authRequest, user string) authRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	request.subject, request.time = subject(user), time.Now()
	s.authRequests[request.id] = request
	return request
}

// authRequest returns the request with an id.
func (s *store) authRequest(id string) (authRequest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, ok := s.authRequests[id]
	return request, ok
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	request, ok := s.authRequest(id)
	if !ok {
		return nil, errors.New("no such authorization request")
	}
	return request, nil
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = s.authRequests[id]
	delete(s.authRequests, id)
	return nil
}

// AuthRequestByCode deletes the code at once, so that only the first of two requests
// with the same code gets tokens.
func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, ok := s.codes[code]
	if !ok {
		return nil, errors.New("no such code")
	}
	delete(s.codes, code)
	return request, nil
}

func (s *store) DeleteAuthRequest(context.Context, string) error { return nil }
