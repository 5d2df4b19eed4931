package flyteadmin

import (
	"cmp"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Ports says at which ports a server listens, and what it speaks there.
type Ports int

// The ways to listen.
const (
	TLS       Ports = iota // one port with TLS, for gRPC and HTTP: what stands behind an ingress
	Plaintext              // one port without TLS, for gRPC and HTTP
	Two                    // without TLS, one port for gRPC and one for HTTP: flyteadmin's default
	WebTLS                 // one port with TLS and HTTP/1.1, and no gRPC: behind a proxy that knows none
	Web                    // one port without TLS, for HTTP/1.1, and no gRPC
)

// Config is what is fixed when a server starts. The zero value is Flyte v1 with
// its own authorization server and its own redirect URIs.
type Config struct {
	Ports     Ports
	Flyte2    bool     // the metadata are those of Flyte 2: other names, gRPC and Connect
	Redirects []string // of the public clients; none are flyteadmin's own
}

// Trouble is what stands between a client and the server.
type Trouble string

// The troubles.
const (
	NoTrouble   Trouble = ""
	HTML        Trouble = "html"        // a proxy's page, with status 200, in answer to everything
	Unavailable Trouble = "unavailable" // an ingress without a server behind it
)

// Settings may change while the server runs. The zero value is what flyteadmin does
// by default.
type Settings struct {
	Trouble    Trouble
	NoAuth     bool          // deployed without authentication (security.useAuth: false)
	External   bool          // the OpenID provider gives the tokens, and its metadata are passed on
	RetryDelay time.Duration // between the six times that its metadata are asked for; 1 s by default
	HeaderKey  string        // by default flyte-authorization, and authorization with Flyte 2
	NoClient   bool          // says nothing of client, redirect URI and scopes, as Flyte 2 may
	Audience   string        // that clients are told to ask for
	Proxy      bool          // stands behind a proxy that wants a token of the OpenID provider
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

// scopes are what clients are told to ask for.
func (s Settings) scopes() []string {
	if s.External {
		return []string{"openid", "offline_access"}
	}
	return []string{"all", "offline"}
}

// audiences are those that a token may be for besides the server's URL.
func (s Settings) audiences() []string {
	if s.External {
		return []string{oauthtest.PublicClient}
	}
	return nil
}
