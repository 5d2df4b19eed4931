package authserver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
)

// asked marks a scope that a code or a refresh token only hands on: with it no
// refresh token passes for an access token.
const asked = "f."

// formClaim holds what of the authorization request the exchange must know.
const formClaim = "form"

// tokens makes codes, access tokens and refresh tokens. All three are access tokens
// to fosite, which differ by their scopes and lifetimes.
type tokens struct {
	oauth2.CoreStrategy
	forms sealer
	now   func() Lifetimes
}

// The signature by which fosite looks something up is all of it: there is nothing
// to look it up in.
func (t tokens) AuthorizeCodeSignature(code string) string { return code }
func (t tokens) RefreshTokenSignature(token string) string { return token }

func (t tokens) ValidateAuthorizeCode(ctx context.Context, r fosite.Requester, code string) error {
	return t.ValidateAccessToken(ctx, r, code)
}

func (t tokens) ValidateRefreshToken(ctx context.Context, r fosite.Requester, token string) error {
	return t.ValidateAccessToken(ctx, r, token)
}

func (t tokens) GenerateAccessToken(ctx context.Context, r fosite.Requester) (token, signature string, err error) {
	r.GetSession().SetExpiresAt(fosite.AccessToken, time.Now().Add(t.now().Access))
	return t.CoreStrategy.GenerateAccessToken(ctx, r)
}

// GenerateAuthorizeCode grants whatever was asked for: flyteadmin does not ask the
// person.
func (t tokens) GenerateAuthorizeCode(ctx context.Context, r fosite.Requester) (code, signature string, err error) {
	for _, scope := range r.GetRequestedScopes() {
		r.GrantScope(handedOn(scope, offlineScope))
	}
	r.GrantScope(accessScope)
	session, ok := r.GetSession().(*oauth2.JWTSession)
	if !ok {
		return "", "", fmt.Errorf("a session of type %T", r.GetSession())
	}
	if form := t.remember(r); len(form) > 0 {
		session.JWTClaims.Add(formClaim, form)
	}
	return t.generate(ctx, r, t.now().Code)
}

// remember seals the challenge. A claim that is not text would not come back.
func (t tokens) remember(r fosite.Requester) map[string]any {
	form := map[string]any{}
	for _, name := range []string{"code_challenge", "code_challenge_method"} {
		if value := r.GetRequestForm().Get(name); value != "" {
			form[name] = t.forms.seal(value)
		}
	}
	return form
}

// GenerateRefreshToken takes away the scopes of the access token that was made a
// moment ago for the same request, so that the answer's scope is the refresh
// token's: flyteadmin's is, too.
func (t tokens) GenerateRefreshToken(ctx context.Context, r fosite.Requester) (token, signature string, err error) {
	request, ok := r.(*fosite.AccessRequest)
	if !ok {
		return "", "", fmt.Errorf("a request of type %T", r)
	}
	granted := request.GrantedScope
	request.GrantedScope = nil
	for _, scope := range granted {
		request.GrantScope(handedOn(scope, offlineScope, accessScope))
	}
	return t.generate(ctx, r, t.now().Refresh)
}

// generate makes an access token of another lifetime, and lets the session say
// again how long an access token is good: the answer's expires_in comes from there.
func (t tokens) generate(ctx context.Context, r fosite.Requester, lifetime time.Duration) (token, signature string, err error) {
	session := r.GetSession()
	session.SetExpiresAt(fosite.AccessToken, time.Now().Add(lifetime))
	token, _, err = t.CoreStrategy.GenerateAccessToken(ctx, r)
	session.SetExpiresAt(fosite.AccessToken, time.Now().Add(t.now().Access))
	return token, token, err
}

func handedOn(scope string, asTheyAre ...string) string {
	if slices.Contains(asTheyAre, scope) || strings.HasPrefix(scope, asked) {
		return scope
	}
	return asked + scope
}
