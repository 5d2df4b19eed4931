package oauthtest

import (
	"context"
	"crypto/subtle"
	"errors"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// store is the storage of the provider, in memory. It implements [op.Storage],
// [op.ClientCredentialsStorage] and [op.DeviceAuthorizationStorage], which document
// the methods.
//
// An error is an [oidc.Error] if the provider does not wrap it in one, because the
// provider answers 500 to any other.
type store struct {
	requests requests // here for the count of reuse

	mu           sync.Mutex // guards the fields below
	config       Config
	user         string // the user that signs in; empty: the user on the page
	deny         bool
	key          signingKey
	authRequests map[string]authRequest // until a code is issued for them
	codes        map[string]authRequest
	access       map[string]accessToken // by the token's ID
	refresh      map[string]*refreshToken
	devices      map[string]*device // by device code
}

func newStore(c Config) *store {
	return &store{
		config:       c,
		key:          newKey(firstKey()),
		authRequests: map[string]authRequest{},
		codes:        map[string]authRequest{},
		access:       map[string]accessToken{},
		refresh:      map[string]*refreshToken{},
		devices:      map[string]*device{},
	}
}

func (s *store) settings() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != PublicClient && id != SecretClient {
		return nil, oidc.ErrInvalidClient().WithDescription("no such client")
	}
	return client{id, s.settings()}, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != SecretClient || subtle.ConstantTimeCompare([]byte(secret), []byte(Secret)) == 0 {
		return errors.New("no such client, or not its secret")
	}
	return nil
}

func (s *store) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	if err := s.AuthorizeClientIDSecret(ctx, id, secret); err != nil {
		return nil, err
	}
	return s.GetClientByClientID(ctx, id)
}

func (s *store) ClientCredentialsTokenRequest(ctx context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return grant{client: id, subject: id, scopes: scopes, audience: audience(ctx, id)}, nil
}

func (s *store) signingKey() signingKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.signingKey(), nil }

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{s.signingKey()}}, nil
}

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// The methods below belong to endpoints and grants that are not served.

var errNotServed = oidc.ErrUnsupportedGrantType().WithDescription("not served")

func (s *store) Health(context.Context) error                           { return nil }
func (s *store) TerminateSession(context.Context, string, string) error { return errNotServed }

func (s *store) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNotServed
}

func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotServed
}

func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotServed
}
