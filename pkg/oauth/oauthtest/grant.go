package oauthtest

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// grant is the authorization of a user or of a client for itself.
type grant struct {
	client   string
	subject  string
	scopes   []string
	audience []string
	time     time.Time
}

// grantOf returns the grant of a request that the provider passes to its storage.
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

// family is all refresh tokens that descend from one sign-in. They are revoked
// together.
type family struct {
	grant
	dead      bool
	refreshed bool // a refresh token of the family was sent, perhaps without success
}

// refreshToken is one member of its family.
type refreshToken struct {
	family *family
	expiry time.Time
	spent  time.Time
}

// refresh is a request to use a refresh token.
type refresh struct{ grant }

// SetCurrentScopes implements [op.RefreshTokenRequest]: the answer may have
// fewer scopes than the family.
func (r *refresh) SetCurrentScopes(scopes []string) { r.scopes = scopes }

// accessToken is an access token that was issued. If it was issued to a client for
// itself, it has no family.
type accessToken struct {
	grant
	family *family
	expiry time.Time
}
