package oauthtest

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// grant is what a person, or a client for itself, was granted.
type grant struct {
	client   string
	subject  string
	scopes   []string
	audience []string
	time     time.Time
}

// grantOf copies what the provider hands back to its storage.
func grantOf(request op.TokenRequest) grant {
	g := grant{subject: request.GetSubject(), scopes: request.GetScopes(), audience: request.GetAudience()}
	if person, ok := request.(op.IDTokenRequest); ok {
		g.client, g.time = person.GetClientID(), person.GetAuthTime()
	}
	return g
}

// GetSubject implements [op.TokenRequest] and [op.IDTokenRequest], as do the
// methods below.
func (g grant) GetSubject() string     { return g.subject }
func (g grant) GetScopes() []string    { return g.scopes }
func (g grant) GetAudience() []string  { return g.audience }
func (g grant) GetClientID() string    { return g.client }
func (g grant) GetAuthTime() time.Time { return g.time }
func (g grant) GetAMR() []string       { return []string{"pwd"} }

// family is every refresh token that descends from one sign-in. They die
// together.
type family struct {
	grant
	dead      bool
	refreshed bool // a refresh token of it was sent, and perhaps refused
}

// refreshToken is one member of its family.
type refreshToken struct {
	family *family
	expiry time.Time
	spent  time.Time
}

// refresh is a request to spend a refresh token.
type refresh struct{ grant }

// SetCurrentScopes implements [op.RefreshTokenRequest]: the answer may have
// fewer scopes than the family.
func (r *refresh) SetCurrentScopes(scopes []string) { r.scopes = scopes }

// accessToken is what is remembered of an access token that was given out.
// One of a client that acts for itself has no family.
type accessToken struct {
	grant
	family *family
	expiry time.Time
}
