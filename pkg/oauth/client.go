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
	// Endpoint is the name of the service that messages and pages show. Empty: the host
	// of the authorization endpoint.
	Endpoint string
	// AuthEndpoint, TokenEndpoint, RevocationEndpoint and DeviceEndpoint are the
	// server's endpoints if there is no Issuer. A query in AuthEndpoint is kept.
	AuthEndpoint, TokenEndpoint, RevocationEndpoint, DeviceEndpoint string
	// Server is the server's metadata if it is known by other means. Issuer and the
	// endpoints are then not used. Nil: it is not known.
	Server *Metadata

	// Grant is how to get a token. Zero: GrantAuto.
	Grant Grant

	ClientID     string // empty: the one that Server names
	ClientSecret Secret // empty: a public client

	// Scopes are the requested scopes. If there are none and an Issuer is set, they are
	// openid, and offline_access if the server supports it; for client credentials
	// there are none.
	Scopes   []string
	Audience string   // sent when a user or a machine logs in; empty: not sent
	Resource []string // RFC 8707, sent with every request
	Account  string   // the user to log in, sent as login_hint; empty: not sent

	// RedirectURI is sent as it is written. A loopback one without a port gets
	// an ephemeral port (RFC 8252 §7.3); any other must be pasted. Empty:
	// http://127.0.0.1 with an ephemeral port.
	RedirectURI string
	// RedirectPorts are tried in order if the port of RedirectURI is in use.
	RedirectPorts []int
	// Listen is the HOST:PORT to listen on instead of loopback, for example in a container
	// whose port is published. RedirectURI is sent as if it were not set, and its path and
	// host are those of the requests that are accepted. Empty: loopback.
	Listen string
	// LockPort takes a lock that belongs to a fixed port, before the port is listened on,
	// and keeps it until unlock is called at the end of the login. With wait it waits until
	// it has the lock or ctx ends. Without wait it returns a nil unlock if another process
	// has the lock: its login is waited for if no other port is free. Nil: no lock.
	LockPort func(ctx context.Context, port int, wait bool) (unlock func(), err error)

	AuthParams    map[string]string // added to the authorization request
	TokenParams   map[string]string // added to the exchange of a code or of the client's credentials
	RefreshParams map[string]string // added to a refresh
	// AuthParamsInTokenRequest repeats the authorization request's parameters
	// in the exchange.
	AuthParamsInTokenRequest bool

	// Pages replace what the browser shows at the end.
	Pages Pages
	// LoginTimeout is how long a user has to log in through the browser. A device code
	// has a lifetime of its own. Zero: 2 minutes.
	LoginTimeout time.Duration

	// Open opens a URL in the user's browser and does not wait for it. Nil: the URL is
	// only shown.
	Open func(ctx context.Context, url string) error
	// Prompt is the user's terminal. Nil: there is none.
	Prompt Prompt
	// NoQRCode omits the QR code of a device grant, for a terminal without colors.
	NoQRCode bool
	// Notify shows a text to the user if there is no Prompt: the address and code of a
	// device grant, and the address to open if no browser opens. Nil: without a Prompt,
	// a login fails if no browser opens.
	Notify func(text string)

	// Confirm is a question that the user answers before the sign-in page opens: what this
	// login is, in lines. The listener shows it in the browser, with a button for yes and one
	// for no. With it, the device grant and a redirect URI on another machine are errors,
	// because the browser then opens no page of the listener. Empty: the sign-in page opens
	// at once.
	Confirm string
	// TLS is used for the connections to the server. Nil: the certificate is verified
	// by the system's roots.
	TLS *tls.Config
	// HTTP makes the requests, and TLS is not used. Its time-outs and redirects are not
	// used. Nil: a client with the transport of [NewTransport].
	HTTP *http.Client
	// Now is the clock. Nil: time.Now.
	Now func() time.Time

	timer     func(time.Duration) <-chan time.Time // nil: time.After
	tokenTime time.Duration                        // zero: defaultTokenTime
}

// Prompt is a terminal at which a user reads, and pastes the URL at which the browser
// ended.
type Prompt interface {
	// Show writes text as it is.
	Show(text string)
	// ReadLine waits for a line. It returns an error if ctx ends or there is no more
	// input.
	ReadLine(ctx context.Context) (string, error)
}

// defaultLoginTimeout is the LoginTimeout of a Client that sets none.
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

// Check refuses, without a request, settings that cannot work, and parameters that
// would remove the protection of a login (RFC 9700 §2.1, §4.7) or would put a secret
// into a URL.
func (c *Client) Check() error {
	if c.ClientID == "" && (c.Server == nil || c.Server.ClientID == "") {
		return ConfigError("client-id", "no client id is set: the name under which the server knows this program")
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
				return ConfigError(setting, "%s", name+" cannot be set by --"+setting+": each login makes its own")
			}
		}
	}
	if _, err := parseRedirect(c.RedirectURI); err != nil {
		return err
	}
	if c.Listen != "" {
		if _, _, err := splitListen(c.Listen); err != nil {
			return err
		}
	}
	if c.Server != nil {
		return c.Server.check(c.Grant)
	}
	if c.Issuer != "" {
		return checkURL("issuer", c.Issuer)
	}
	return configured(c).checkConfigured(c.Grant)
}

// id is the client's at the server that m describes.
func (c *Client) id(m *Metadata) string { return cmp.Or(c.ClientID, m.ClientID) }

// configured returns the metadata that the endpoints of c make. An authorization
// endpoint has no fragment (RFC 6749 §3.1).
func configured(c *Client) *Metadata {
	authorization, _, _ := strings.Cut(c.AuthEndpoint, "#")
	return &Metadata{AuthorizationEndpoint: authorization, TokenEndpoint: c.TokenEndpoint, RevocationEndpoint: c.RevocationEndpoint, DeviceEndpoint: c.DeviceEndpoint}
}

// scopes returns the scopes to ask for at the server that m describes.
func (c *Client) scopes(m *Metadata) []string {
	if len(c.Scopes) > 0 || c.Issuer == "" || c.Grant == GrantClientCredentials {
		return c.Scopes
	}
	if slices.Contains(m.Scopes, "offline_access") {
		return []string{"openid", "offline_access"}
	}
	return []string{"openid"}
}
