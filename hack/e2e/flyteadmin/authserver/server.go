// Package authserver is the authorization server that is built into flyteadmin (Flyte
// v1), with its observed behavior. It uses the same library, github.com/ory/fosite
// v0.42.2, and stores nothing, like flyteadmin. Codes and refresh tokens are signed
// JWTs, which can be used any number of times until they expire.
//
// Users sign in at an OpenID provider, as with flyteadmin.
package authserver

import (
	"cmp"
	"crypto/rsa"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ory/fosite"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// The paths of the server.
const (
	AuthorizePath = "/oauth2/authorize"
	TokenPath     = "/oauth2/token"
	KeysPath      = "/oauth2/jwks"
	CallbackPath  = "/callback" // to be registered at the OpenID provider

	decidePath = "/oauth2/authorize_callback"
	loginPath  = "/login"
)

// Server is an authorization server. It is an HTTP handler, and does not listen by
// itself.
type Server struct {
	http.Handler

	issuer  string
	clients map[string]fosite.Client
	idp     *provider
	visits  visits

	mu        sync.Mutex // guards the fields below
	key       *rsa.PrivateKey
	engine    fosite.OAuth2Provider
	lifetimes Lifetimes
	counts    map[string]int
}

// New returns a server whose public URL is issuer, without a trailing slash. Users sign in at idp, which must have issuer with [CallbackPath] among its
// redirect URIs. Redirects are those of the public clients; none are flyteadmin's
// own, [Redirects].
func New(issuer string, idp *oauthtest.Server, redirects ...string) (*Server, error) {
	clients, err := newClients(redirects)
	if err != nil {
		return nil, err
	}
	s := &Server{issuer: issuer, clients: clients, idp: newProvider(issuer, idp), counts: map[string]int{}}
	s.SetLifetimes(Lifetimes{})
	if err := s.signWith(firstKey()); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc(AuthorizePath, s.serveAuthorize)
	mux.HandleFunc(loginPath, s.serveLogin)
	mux.HandleFunc(CallbackPath, s.serveCallback)
	mux.HandleFunc(decidePath, s.serveDecision)
	mux.HandleFunc(TokenPath, s.serveToken)
	mux.HandleFunc(KeysPath, s.serveKeys)
	s.Handler = mux
	return s, nil
}

// Paths returns all paths of the server.
func Paths() []string {
	return []string{AuthorizePath, loginPath, CallbackPath, decidePath, TokenPath, KeysPath}
}

// Lifetimes are the lifetimes of what the server issues. Zero is flyteadmin's default.
type Lifetimes struct {
	Access  time.Duration // 30 min
	Refresh time.Duration // 60 min
	Code    time.Duration // 5 min
}

// SetLifetimes changes the lifetimes of what is issued from now on.
func (s *Server) SetLifetimes(l Lifetimes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lifetimes = Lifetimes{
		Access:  cmp.Or(l.Access, 30*time.Minute),
		Refresh: cmp.Or(l.Refresh, time.Hour),
		Code:    cmp.Or(l.Code, 5*time.Minute),
	}
}

func (s *Server) current() Lifetimes {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lifetimes
}

// Count returns the number of requests of a kind: authorize, keys, token (of any
// grant), a grant by its name (authorization_code, refresh_token,
// client_credentials, device_code); how many tokens were refused; and how many of
// them with one error, such as server_error.
func (s *Server) Count(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[kind]
}

// ResetCounts sets all counts to zero.
func (s *Server) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
}

func (s *Server) count(kinds ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range kinds {
		s.counts[kind]++
	}
}

func grantName(grantType string) string {
	return strings.TrimPrefix(grantType, "urn:ietf:params:oauth:grant-type:")
}
