package authserver

import (
	"crypto/rsa"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"
)

// compose makes the provider of what flyteadmin makes its own: the grants it
// serves, PKCE that it does not insist on, and refresh tokens for offline only.
func (s *Server) compose(key *rsa.PrivateKey) (fosite.OAuth2Provider, error) {
	forms, err := newSealer()
	if err != nil {
		return nil, err
	}
	signer := &jwt.RS256JWTStrategy{PrivateKey: key}
	memory := storage.NewMemoryStore()
	memory.Clients = s.clients
	return compose.Compose(
		&compose.Config{RefreshTokenScopes: []string{offlineScope}},
		store{memory, signer, forms},
		&compose.CommonStrategy{
			CoreStrategy: tokens{compose.NewOAuth2JWTStrategy(key, nil), forms, s.current},
			JWTStrategy:  signer,
		},
		&fosite.BCrypt{WorkFactor: bcrypt.MinCost},
		compose.OAuth2AuthorizeExplicitFactory,
		compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2PKCEFactory,
	), nil
}
