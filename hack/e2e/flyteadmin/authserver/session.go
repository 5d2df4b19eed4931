package authserver

import (
	"time"

	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/token/jwt"
)

// Person is what the OpenID provider says of who has signed in. In a token it is
// the claim user_info.
type Person struct {
	Subject           string `json:"subject,omitempty"`
	Name              string `json:"name,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	Email             string `json:"email,omitempty"`
}

// newSession is what a token will say besides its scopes, audience and expiry.
// Without a client it is empty: fosite fills it from the code or the refresh token.
func (s *Server) newSession(client string, who *Person) *oauth2.JWTSession {
	claims := &jwt.JWTClaims{IssuedAt: time.Now(), Extra: map[string]any{"client_id": client, "user_info": who}}
	if who != nil {
		claims.Subject, claims.Issuer = who.Subject, s.issuer
	}
	return &oauth2.JWTSession{JWTClaims: claims, JWTHeader: &jwt.Headers{Extra: map[string]any{"key_id": keyID}}}
}
