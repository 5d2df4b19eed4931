// Package oauthtest is an authorization server for tests and for the demo, as
// net/http/httptest is a web server for tests. It is not safe for anything
// else: whoever asks is signed in, and the secret is a constant.
//
// Behind it is a real OpenID provider, that of github.com/zitadel/oidc, with a
// storage of ours. It is stricter than most: S256 is required of everybody,
// codes and refresh tokens are good once, and a refresh token that comes twice
// takes its family with it. A [Config] makes it laxer; an [Oddity] makes its
// answers those of other real servers, or wrong ones; a [Fault] breaks it.
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
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that distrusts CA is no news
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
	s.stop() // for a client that connects again in between
	s.http.CloseClientConnections()
	s.http.Close()
}

// Client gives an HTTP client that trusts the server.
func (s *Server) Client() *http.Client { return s.http.Client() }

// Configure changes the configuration while the server runs.
func (s *Server) Configure(change func(*Config)) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	change(&s.store.config)
	s.store.config = s.store.config.withDefaults()
}

// SignInAs says who signs in from now on, whatever login_hint says: a name such
// as bob, who is the subject bob with the address bob@example.com. The empty
// name takes that back: it is then who login_hint says, or alice.
func (s *Server) SignInAs(user string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.user = user
}

// Deny makes the person say no from now on, or yes again.
func (s *Server) Deny(deny bool) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.deny = deny
}

// RevokeAll makes every refresh token invalid that was given out so far.
func (s *Server) RevokeAll() { s.store.revokeAll() }

// RotateKeys replaces the signing key. What the old one signed no longer
// verifies.
func (s *Server) RotateKeys() {
	key := newKey(newRSA())
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.key = key
}

// Verify checks the signature, issuer and expiry of a JWT and gives its claims,
// for a test's resource server. It does not ask whether the token was revoked,
// since such a server does not.
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
