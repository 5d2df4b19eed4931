// Package oauth gets tokens from an OAuth 2.0 or OpenID Connect authorization
// server for a person or for a machine, and keeps nothing between calls.
//
// [Client] holds what flytekit's AuthorizationClient takes as parameters. It
// logs a person in through the browser (RFC 8252 with PKCE, RFC 7636) or with a
// device code (RFC 8628), a machine by its secret (RFC 6749 §4.4), refreshes
// and revokes.
package oauth

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Client is a client of one authorization server. A zero field means what its
// comment says; only ClientID and a server (Issuer, or AuthEndpoint and
// TokenEndpoint, or Server) must be set. A Client may be used by many goroutines.
type Client struct {
	// Issuer is asked for its metadata (OpenID Connect Discovery 1.0, RFC 8414).
	Issuer string
	// Endpoint is what people call the service they log in to. Empty: the host
	// of the authorization endpoint.
	Endpoint string
	// AuthEndpoint, TokenEndpoint, RevocationEndpoint and DeviceEndpoint say
	// without an Issuer where the server is. A query in AuthEndpoint is kept.
	AuthEndpoint, TokenEndpoint, RevocationEndpoint, DeviceEndpoint string
	// Server is what is known of the server by other means: then neither Issuer is
	// asked nor the endpoints are looked at. Nil: nothing is.
	Server *Metadata

	// Grant is how to get a token. Zero: GrantAuto.
	Grant Grant

	ClientID     string // empty: the one that Server names
	ClientSecret Secret // empty: a public client

	// Scopes are asked for. None, and an Issuer: openid, and offline_access
	// where the server offers it; for a machine none.
	Scopes   []string
	Audience string   // sent when a person or a machine logs in; empty: not sent
	Resource []string // RFC 8707, sent with every request
	Account  string   // whom to log in, sent as login_hint; empty: not sent

	// RedirectURI is sent as it is written. A loopback one without a port gets
	// an ephemeral port (RFC 8252 §7.3); any other must be pasted. Empty:
	// http://127.0.0.1 with an ephemeral port.
	RedirectURI string
	// RedirectPorts are tried in order where the port of RedirectURI is taken.
	RedirectPorts []int

	AuthParams    map[string]string // added to the authorization request
	TokenParams   map[string]string // added to the exchange of a code or of the client's credentials
	RefreshParams map[string]string // added to a refresh
	// AuthParamsInTokenRequest repeats the authorization request's parameters
	// in the exchange.
	AuthParamsInTokenRequest bool

	// Pages replace what the browser shows at the end.
	Pages Pages
	// LoginTimeout is how long a person has, but for a device code, which says
	// itself how long it lives. Zero: 2 minutes.
	LoginTimeout time.Duration

	// Open opens a URL in the person's browser and does not wait for it. Nil:
	// the URL is only shown at the Prompt.
	Open func(ctx context.Context, url string) error
	// Prompt is the person's terminal. Nil: there is none.
	Prompt Prompt

	// TLS is how the server's certificate is checked. Nil: the system's way.
	TLS *tls.Config
	// HTTP makes the requests, TLS is then its own affair. Its time-outs and
	// redirects are not used. Nil: Go's default with TLS.
	HTTP *http.Client
	// Now is the clock. Nil: time.Now.
	Now func() time.Time

	timer func(time.Duration) <-chan time.Time // nil: time.After
}

// Prompt is a terminal at which a person reads and may paste the URL that
// their browser was sent to.
type Prompt interface {
	// Show writes text as it is.
	Show(text string)
	// ReadLine waits for a line. It returns an error when ctx ends or nobody
	// can answer any more.
	ReadLine(ctx context.Context) (string, error)
}

// defaultLoginTimeout is how long a person has unless told otherwise.
const defaultLoginTimeout = 2 * time.Minute

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// after waits between polls.
func (c *Client) after(d time.Duration) <-chan time.Time {
	if c.timer != nil {
		return c.timer(d)
	}
	return time.After(d)
}

func (c *Client) loginTimeout() time.Duration {
	if c.LoginTimeout > 0 {
		return c.LoginTimeout
	}
	return defaultLoginTimeout
}

// Check refuses, without asking anybody, settings that cannot work, and
// parameters that would undo what protects a login (RFC 9700 §2.1, §4.7) or that
// carry a secret where others can read it.
func (c *Client) Check() error {
	if c.ClientID == "" && (c.Server == nil || c.Server.ClientID == "") {
		return &ConfigError{Setting: "client-id", Problem: "no client id is set: the name under which the server knows this program"}
	}
	if err := c.Grant.check(); err != nil {
		return err
	}
	reserved := []string{
		"client_id", "client_secret", "client_assertion", "code", "code_challenge", "code_challenge_method", "code_verifier",
		"device_code", "grant_type", "nonce", "redirect_uri", "refresh_token", "request", "request_uri", "response_mode", "response_type", "state",
	}
	for setting, params := range map[string]map[string]string{"auth-param": c.AuthParams, "token-param": c.TokenParams, "refresh-param": c.RefreshParams} {
		for name := range params {
			if slices.Contains(reserved, name) {
				return &ConfigError{Setting: setting, Problem: name + " cannot be set by --" + setting + ": it is this program's own affair"}
			}
		}
	}
	if _, err := parseRedirect(c.RedirectURI); err != nil {
		return err
	}
	if c.Server != nil {
		return c.Server.check(c.Grant)
	}
	if c.Issuer != "" {
		return checkURL("issuer", c.Issuer)
	}
	return c.configured().check(c.Grant)
}

// id is the client's at the server that m describes.
func (c *Client) id(m *Metadata) string { return cmp.Or(c.ClientID, m.ClientID) }

// configured is what is known of the server without an Issuer. An authorization
// endpoint has no fragment (RFC 6749 §3.1).
func (c *Client) configured() *Metadata {
	authorization, _, _ := strings.Cut(c.AuthEndpoint, "#")
	return &Metadata{AuthorizationEndpoint: authorization, TokenEndpoint: c.TokenEndpoint, RevocationEndpoint: c.RevocationEndpoint, DeviceEndpoint: c.DeviceEndpoint}
}

// scopes returns what is asked for at the server that m describes.
func (c *Client) scopes(m *Metadata) []string {
	if len(c.Scopes) > 0 || c.Issuer == "" || c.Server != nil || c.Grant == GrantClientCredentials {
		return c.Scopes
	}
	if slices.Contains(m.Scopes, "offline_access") {
		return []string{"openid", "offline_access"}
	}
	return []string{"openid"}
}
