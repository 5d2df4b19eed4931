package authserver

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"
)

// compose creates the provider with flyteadmin's options: its grants, optional PKCE,
// and refresh tokens for the scope offline only.
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

// The clients of every flyteadmin.
const (
	// PublicClient is the client ID that flyteadmin returns to its clients. There is a
	// second public client, flyte-cli, with the same grants.
	PublicClient = "flytectl"
	// SecretClient may use the client credentials and refresh token grants, with
	// Secret.
	SecretClient = "flytepropeller"
	// Secret is flyteadmin's default secret, which its documentation tells users to
	// change.
	Secret = "foobar"
)

// Redirects are flyteadmin's default redirect URIs of the public clients. The first is
// the one that it returns to its clients.
func Redirects() []string {
	return []string{"http://localhost:53593/callback", "http://localhost:12345/callback"}
}

// The scopes of flyteadmin. A token that was issued to a user has accessScope, and one
// that can be refreshed has offlineScope.
const (
	allScope     = "all"
	offlineScope = "offline"
	accessScope  = "access_token"
)

func newClients(redirects []string) (map[string]fosite.Client, error) {
	if len(redirects) == 0 {
		redirects = Redirects()
	}
	hasher := fosite.BCrypt{WorkFactor: bcrypt.MinCost} // more would slow tests down
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

// store returns the requests of codes and refresh tokens to fosite. It decodes them
// from the codes and tokens themselves. Its error for one that is not valid is none
// that fosite knows, so flyteadmin answers 500.
type store struct {
	*storage.MemoryStore // of clients; fosite reads nothing else from it
	signer               jwt.JWTStrategy
	forms                sealer
}

// request decodes the request from a code or token.
func (s store) request(ctx context.Context, token string) (*fosite.Request, error) {
	decoded, err := s.signer.Decode(ctx, token)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	r, ok := oauth2.AccessTokenJWTToRequest(decoded).(*fosite.Request)
	if !ok {
		return nil, errors.New("is for no request")
	}
	if r.Client, err = s.GetClient(ctx, r.Client.GetID()); err != nil {
		return nil, err
	}
	r.Form, err = s.form(r.Session)
	return r, err
}

func (s store) form(session fosite.Session) (url.Values, error) {
	form := url.Values{}
	sealed, _ := session.(*oauth2.JWTSession).JWTClaims.Extra[formClaim].(map[string]any)
	for name, value := range sealed {
		text, err := s.forms.open(fmt.Sprint(value))
		if err != nil {
			return nil, err
		}
		form.Set(name, text)
	}
	return form, nil
}

// code decodes the request of a code: its requested scopes are those of the
// authorization request, and its granted ones are those of the code.
func (s store) code(ctx context.Context, code string) (fosite.Requester, error) {
	r, err := s.request(ctx, code)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(r.RequestedScope, accessScope) {
		return nil, errors.New("is no code")
	}
	scopes := r.RequestedScope
	r.RequestedScope = nil
	for _, scope := range scopes {
		if scope != accessScope {
			r.AppendRequestedScope(strings.TrimPrefix(scope, asked))
		}
	}
	return r, nil
}

func (s store) GetAuthorizeCodeSession(ctx context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	return s.code(ctx, code)
}

func (s store) GetPKCERequestSession(ctx context.Context, code string, _ fosite.Session) (fosite.Requester, error) {
	return s.code(ctx, code)
}

func (s store) GetRefreshTokenSession(ctx context.Context, token string, _ fosite.Session) (fosite.Requester, error) {
	r, err := s.request(ctx, token)
	if err != nil {
		return nil, err
	}
	scopes := r.GrantedScope
	r.GrantedScope, r.RequestedScope = nil, nil
	for _, scope := range scopes {
		r.AppendRequestedScope(strings.TrimPrefix(scope, asked))
		r.GrantScope(strings.TrimPrefix(scope, asked))
	}
	return r, nil
}

// Nothing that was issued can be revoked.

func (s store) InvalidateAuthorizeCodeSession(context.Context, string) error             { return nil }
func (s store) DeletePKCERequestSession(context.Context, string) error                   { return nil }
func (s store) DeleteRefreshTokenSession(context.Context, string) error                  { return nil }
func (s store) RevokeAccessToken(context.Context, string) error                          { return nil }
func (s store) RevokeRefreshToken(context.Context, string) error                         { return nil }
func (s store) RevokeRefreshTokenMaybeGracePeriod(context.Context, string, string) error { return nil }

// Nothing that was issued is stored.

func (s store) CreateAuthorizeCodeSession(context.Context, string, fosite.Requester) error {
	return nil
}
func (s store) CreatePKCERequestSession(context.Context, string, fosite.Requester) error  { return nil }
func (s store) CreateAccessTokenSession(context.Context, string, fosite.Requester) error  { return nil }
func (s store) CreateRefreshTokenSession(context.Context, string, fosite.Requester) error { return nil }

// asked marks a scope that a code or a refresh token passes on, so that a refresh token
// is not accepted as an access token.
const asked = "f."

// formClaim is the claim with the parameters of the authorization request that the
// exchange needs.
const formClaim = "form"

// tokens generates codes, access tokens and refresh tokens. To fosite all three are
// access tokens with different scopes and lifetimes.
type tokens struct {
	oauth2.CoreStrategy
	forms sealer
	now   func() Lifetimes
}

// The signature by which fosite looks a token up is the whole token, because tokens are
// not stored.
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

// GenerateAuthorizeCode grants all requested scopes: flyteadmin does not ask the user
// for consent.
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

// remember encrypts the challenge. Claims that are not strings would be lost.
func (t tokens) remember(r fosite.Requester) map[string]any {
	form := map[string]any{}
	for _, name := range []string{"code_challenge", "code_challenge_method"} {
		if value := r.GetRequestForm().Get(name); value != "" {
			form[name] = t.forms.seal(value)
		}
	}
	return form
}

// GenerateRefreshToken removes the scopes of the access token that was generated before
// for the same request. So the answer's scope is that of the refresh token, as with
// flyteadmin.
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

// generate creates an access token with another lifetime. It then restores the
// session's lifetime of an access token, because the answer's expires_in is that one.
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

// sealer encrypts the challenge that a code contains.
type sealer struct{ cipher.AEAD }

func newSealer() (sealer, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) seal(value string) string {
	return base64.RawURLEncoding.EncodeToString(s.Seal(nil, nil, []byte(value), nil))
}

func (s sealer) open(sealed string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", err
	}
	value, err := s.Open(nil, nil, raw, nil)
	return string(value), err
}

// Person is the user information of the OpenID provider. In a token it is the claim
// user_info.
type Person struct {
	Subject           string `json:"subject,omitempty"`
	Name              string `json:"name,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	Email             string `json:"email,omitempty"`
}

// newSession returns the claims of a token other than its scopes, audience and expiry.
// Without a client it is empty: fosite fills it from the code or the refresh token.
func (s *Server) newSession(client string, who *Person) *oauth2.JWTSession {
	claims := &jwt.JWTClaims{IssuedAt: time.Now(), Extra: map[string]any{"client_id": client, "user_info": who}}
	if who != nil {
		claims.Subject, claims.Issuer = who.Subject, s.issuer
	}
	return &oauth2.JWTSession{JWTClaims: claims, JWTHeader: &jwt.Headers{Extra: map[string]any{"key_id": keyID}}}
}
