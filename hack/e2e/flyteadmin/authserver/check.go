package authserver

import (
	"context"
	"errors"

	"github.com/ory/fosite/token/jwt"
)

// Verify checks the signature and expiry of a token, as flyteadmin does, and gives
// its claims.
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
