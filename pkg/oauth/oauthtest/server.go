// Package oauthtest is an authorization server for tests and for the demo, as
// net/http/httptest is a web server for tests. It is not safe for anything
// else: every user is signed in, and the client secret is a constant.
//
// The server is the OpenID provider of github.com/zitadel/oidc with a storage of
// this package. It is stricter than most servers: it requires S256, codes and
// refresh tokens can be used once, and a refresh token that is sent twice
// revokes its family. A [Config] makes it less strict, an [Oddity] gives it the
// answers of other servers or wrong ones, and a [Fault] makes requests fail.
package oauthtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Server is an authorization server that listens on loopback.
type Server struct {
	URL string // the issuer
	CA  []byte // the certificate to trust, as PEM; nil without [Config.TLS]

	path     string
	provider *op.Provider
	store    *store
	faults   faults
	oddities oddities
	http     *httptest.Server
	stop     context.CancelFunc
}

// NewServer starts a server on a free port of 127.0.0.1. The caller closes it.
//
// The provider logs each refusal with [slog], and has no switch for that, so
// NewServer raises the level of slog's initial logger to Error
// ([slog.SetLogLoggerLevel]).
func NewServer(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	slog.SetLogLoggerLevel(slog.LevelError)
	c = c.withDefaults()
	s := &Server{path: c.Path, store: newStore(c), http: httptest.NewUnstartedServer(nil)}
	s.URL = "http://" + s.http.Listener.Addr().String() + c.Path
	if c.TLS {
		s.URL = "https" + strings.TrimPrefix(s.URL, "http")
	}
	provider, err := newProvider(s.URL, c, s.store)
	if err != nil {
		return nil, errors.Join(err, s.http.Listener.Close())
	}
	s.provider = provider
	if err := s.start(c.TLS); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) start(secure bool) error {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.http.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not trust CA is not an error
	s.http.Config.Handler = s.front()
	if !secure {
		s.http.Start()
		return nil
	}
	certificate, ca, err := newCertificate()
	if err != nil {
		return errors.Join(err, s.http.Listener.Close())
	}
	s.CA = ca
	s.http.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.http.EnableHTTP2 = true
	s.http.StartTLS()
	return nil
}

func newProvider(issuer string, c Config, s *store) (*op.Provider, error) {
	config := &op.Config{
		CodeMethodS256:        true,
		AuthMethodPost:        true,
		GrantTypeRefreshToken: true,
		DeviceAuthorization: op.DeviceAuthorizationConfig{
			Lifetime:     5 * time.Minute,
			PollInterval: c.PollInterval,
			UserFormPath: c.Path + devicePath,
			UserCode:     op.UserCodeBase20,
		},
	}
	_, _ = rand.Read(config.CryptoKey[:]) // never fails
	return op.NewProvider(config, s, op.StaticIssuer(issuer), op.WithAllowInsecure())
}

// Close stops the server and ends all connections, requests in flight included.
func (s *Server) Close() {
	s.stop() // ends requests of a client that connects again meanwhile
	s.http.CloseClientConnections()
	s.http.Close()
}

// Client returns an HTTP client that trusts the server.
func (s *Server) Client() *http.Client { return s.http.Client() }

// Configure changes the configuration while the server runs.
func (s *Server) Configure(change func(*Config)) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	change(&s.store.config)
	s.store.config = s.store.config.withDefaults()
}

// SignInAs sets the user that signs in from now on, and login_hint is ignored. The
// user bob has the subject bob and the address bob@example.com. With an empty name
// the user is again that of login_hint, or alice.
func (s *Server) SignInAs(user string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.user = user
}

// Deny makes the user deny access from now on, or allow it again.
func (s *Server) Deny(deny bool) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.deny = deny
}

// RevokeAll revokes every refresh token that was issued so far.
func (s *Server) RevokeAll() { s.store.revokeAll() }

// RotateKeys replaces the signing key. Tokens signed with the old key are no longer
// valid.
func (s *Server) RotateKeys() {
	key := newKey(newRSA())
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.key = key
}

// Verify checks the signature, issuer and expiry of a JWT and returns its claims,
// for a test's resource server. It does not check whether the token was revoked,
// because such a server does not.
func (s *Server) Verify(token string) (map[string]any, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, err
	}
	var standard jwt.Claims
	claims := map[string]any{}
	if err := parsed.Claims(s.store.signingKey().rsa.Public(), &standard, &claims); err != nil {
		return nil, err
	}
	if err := standard.ValidateWithLeeway(jwt.Expected{Issuer: s.URL}, 0); err != nil {
		return nil, err
	}
	return claims, nil
}
