package authserver

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/ory/fosite"
	"github.com/ory/fosite/token/jwt"
)

const keyID = "flyteadmin"

func (s *Server) serveKeys(w http.ResponseWriter, _ *http.Request) {
	s.count("keys")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{ // fails only if the client has disconnected
		{Key: s.signingKey().Public(), KeyID: keyID, Algorithm: string(jose.RS256), Use: "sig"},
	}})
}

// RotateKey replaces the signing key, as a new deployment does. Everything issued so far is invalid then.
func (s *Server) RotateKey() error { return s.signWith(newKey()) }

func (s *Server) signWith(key *rsa.PrivateKey) error {
	engine, err := s.compose(key)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.engine = key, engine
	return nil
}

func (s *Server) signingKey() *rsa.PrivateKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}

func (s *Server) provider() fosite.OAuth2Provider {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine
}

// firstKey is shared by the servers of a process, because generating a key takes most of the time in which a server starts.
var firstKey = sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("authserver: %v", err)) // crypto/rand does not fail
	}
	return key
}

// Verify checks the signature and expiry of a token, as flyteadmin does, and returns its claims.
func (s *Server) Verify(ctx context.Context, token string) (map[string]any, error) {
	signer := jwt.RS256JWTStrategy{PrivateKey: s.signingKey()}
	decoded, err := signer.Decode(ctx, token)
	var invalid *jwt.ValidationError
	switch {
	case errors.As(err, &invalid) && invalid.Has(jwt.ValidationErrorExpired):
		//lint:ignore ST1005 these are flyteadmin's words
		return nil, errors.New("Token is expired")
	case err != nil:
		return nil, err
	}
	return decoded.Claims, nil
}
