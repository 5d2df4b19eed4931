// Package flyteadmin is the part of Flyte's control plane that its clients need to log in and to get the user's identity. The messages, services and HTTP gateway are those
// that Flyte generates, github.com/flyteorg/flyte/flyteidl, over the real gRPC.
//
// By default it is flyteadmin (Flyte v1) with its own authorization server. It can also
// behave like other deployments, and like a proxy in front of them: see [Config] and
// [Settings].
package flyteadmin

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Server is a control plane that listens on loopback.
type Server struct {
	URL      string // the address for HTTP; also the issuer
	Endpoint string // the address for gRPC, as for --endpoint: HOST:PORT, or http://HOST:PORT without TLS
	CA       []byte // the certificate of its authority, as PEM; nil without TLS
	Auth     *authserver.Server

	config Config
	idp    *oauthtest.Server
	grpc   *grpc.Server
	inside *bufconn.Listener // by which the gateway reaches grpc
	dialed *grpc.ClientConn
	web    http.Handler
	https  []*http.Server

	mu       sync.Mutex // guards the fields below
	settings Settings
	counts   map[string]int
}

// New starts a server whose users sign in at idp. It registers redirect URIs there: its
// own and, for an idp that issues the tokens, those of the public clients. The caller
// closes it.
func New(idp *oauthtest.Server, c Config) (*Server, error) {
	s := &Server{config: c, idp: idp, counts: map[string]int{}, inside: bufconn.Listen(1 << 20)}
	if len(s.config.Redirects) == 0 {
		s.config.Redirects = authserver.Redirects()
	}
	s.settings.complete(c.Flyte2)
	listeners, err := s.listen()
	if err != nil {
		return nil, err
	}
	if err := s.furnish(); err != nil {
		return nil, errors.Join(err, closeAll(listeners))
	}
	s.start(listeners)
	return s, nil
}

// furnish creates all handlers. They need the URL, which is known only after listening.
func (s *Server) furnish() (err error) {
	s.idp.Configure(func(c *oauthtest.Config) {
		c.RedirectURIs = append([]string{s.URL + authserver.CallbackPath}, s.config.Redirects...)
	})
	if s.Auth, err = authserver.New(s.URL, s.idp, s.config.Redirects...); err != nil {
		return err
	}
	s.grpc = s.newGRPC()
	s.web, err = s.newWeb()
	return err
}

// Close stops the server and ends all connections.
func (s *Server) Close() {
	for _, h := range s.https {
		_ = h.Close() // whatever is left of them
	}
	_ = s.dialed.Close()
	s.grpc.Stop()
	_ = s.inside.Close()
}

// Configure changes the settings while the server runs.
func (s *Server) Configure(change func(*Settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.settings)
	s.settings.complete(s.config.Flyte2)
	s.Auth.SetLifetimes(s.settings.Lifetimes)
}

func (s *Server) current() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// Count returns how often a method was called, by its name without a service (GetOAuth2Metadata,
// GetPublicClientConfig, GetVersion, UserInfo), by any protocol; how many calls were
// refused as unauthenticated; how many requests the proxy refused (proxy-refused);
// or what [authserver.Server.Count] counts.
func (s *Server) Count(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.counts[kind]; ok {
		return n
	}
	return s.Auth.Count(kind)
}

// ResetCounts sets all counts to zero.
func (s *Server) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.counts)
	s.Auth.ResetCounts()
}

func (s *Server) count(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[kind]++
}

func closeAll(listeners []net.Listener) error {
	var err error
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}

// Redirect is the redirect URI that clients are told to use.
func (s *Server) Redirect() string { return s.config.Redirects[0] }

// Ports determines the ports of a server and the protocols there.
type Ports int

// The ways to listen.
const (
	TLS       Ports = iota // one port with TLS, for gRPC and HTTP, as behind an ingress
	Plaintext              // one port without TLS, for gRPC and HTTP
	Two                    // without TLS, one port for gRPC and one for HTTP: flyteadmin's default
	WebTLS                 // one port with TLS and HTTP/1.1, and no gRPC: behind a proxy that knows none
	Web                    // one port without TLS, for HTTP/1.1, and no gRPC
)

// Config holds the settings that are fixed when a server starts. The zero value is Flyte v1 with
// its own authorization server and its own redirect URIs.
type Config struct {
	Ports     Ports
	Flyte2    bool     // the metadata are those of Flyte 2: other names, gRPC and Connect
	Redirects []string // of the public clients; none are flyteadmin's own
}

// Trouble is a failure between a client and the server.
type Trouble string

// The troubles.
const (
	NoTrouble   Trouble = ""
	HTML        Trouble = "html"        // a proxy's page, with status 200, in answer to everything
	Unavailable Trouble = "unavailable" // an ingress without a server behind it
)

// Settings are the settings that may change while the server runs. The zero value is
// the default of flyteadmin.
type Settings struct {
	Trouble    Trouble
	NoAuth     bool          // deployed without authentication (security.useAuth: false)
	External   bool          // the OpenID provider gives the tokens, and its metadata are passed on
	RetryDelay time.Duration // between the six times that its metadata are asked for; 1 s by default
	HeaderKey  string        // by default flyte-authorization, and authorization with Flyte 2
	NoClient   bool          // does not return client, redirect URI and scopes, as Flyte 2 may
	Audience   string        // that clients are told to request
	Proxy      bool          // is behind a proxy that requires a token of the OpenID provider
	Lifetimes  authserver.Lifetimes
}

func (s *Settings) complete(flyte2 bool) {
	key := "flyte-authorization"
	if flyte2 {
		key = "authorization"
	}
	s.HeaderKey = cmp.Or(s.HeaderKey, key)
	s.RetryDelay = cmp.Or(s.RetryDelay, time.Second)
}

// scopes returns the scopes that clients are told to request.
func (s Settings) scopes() []string {
	if s.External {
		return []string{"openid", "offline_access"}
	}
	return []string{"all", "offline"}
}

// audiences returns the audiences that a token may have besides the server's URL.
func (s Settings) audiences() []string {
	if s.External {
		return []string{oauthtest.PublicClient}
	}
	return nil
}
