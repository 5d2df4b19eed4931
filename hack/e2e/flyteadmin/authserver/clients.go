package authserver

import (
	"context"

	"github.com/ory/fosite"
	"golang.org/x/crypto/bcrypt"
)

// The clients that every flyteadmin knows.
const (
	// PublicClient is the one that flyteadmin tells its clients to be. There is a
	// second public client, flyte-cli, which may do the same.
	PublicClient = "flytectl"
	// SecretClient may use the client credentials and refresh token grants, with
	// Secret.
	SecretClient = "flytepropeller"
	// Secret is flyteadmin's default, which everybody is told to change.
	Secret = "foobar"
)

// Redirects are flyteadmin's own redirect URIs of the public clients; the first is
// the one that it tells.
func Redirects() []string {
	return []string{"http://localhost:53593/callback", "http://localhost:12345/callback"}
}

// The scopes that flyteadmin knows. It marks a token that it gave to a person with
// accessScope, and what may be refreshed with offlineScope.
const (
	allScope     = "all"
	offlineScope = "offline"
	accessScope  = "access_token"
)

func newClients(redirects []string) (map[string]fosite.Client, error) {
	if len(redirects) == 0 {
		redirects = Redirects()
	}
	hasher := fosite.BCrypt{WorkFactor: bcrypt.MinCost} // a test has no time for more
	secret, err := hasher.Hash(context.Background(), []byte(Secret))
	if err != nil {
		return nil, err
	}
	clients := map[string]fosite.Client{SecretClient: &fosite.DefaultClient{
		ID:            SecretClient,
		Secret:        secret,
		RedirectURIs:  []string{"http://localhost:3846/callback"},
		ResponseTypes: []string{"token"},
		GrantTypes:    []string{"refresh_token", "client_credentials"},
		Scopes:        []string{allScope, offlineScope, accessScope},
	}}
	for _, id := range []string{PublicClient, "flyte-cli"} {
		clients[id] = &fosite.DefaultClient{
			ID:            id,
			Public:        true,
			RedirectURIs:  redirects,
			ResponseTypes: []string{"code", "token"},
			GrantTypes:    []string{"refresh_token", "authorization_code"},
			Scopes:        []string{allScope, offlineScope, accessScope},
		}
	}
	return clients, nil
}
