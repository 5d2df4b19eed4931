package login

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// connection makes the requests to the servers of a target.
type connection struct {
	target    *Target
	login     []string // the command that logs in, for hints
	plaintext string   // the file that says that the endpoint has no TLS, or empty
	network   *flyte.Network
	proxy     *proxyToken // nil: no proxy wants a token
	now       func() time.Time
}

// connect reads what the settings name.
func connect(r *config.Resolved, p Policy, env system.Env, secret secretFunc) (*connection, error) {
	t, err := newTarget(r, env, secret)
	if err != nil {
		return nil, err
	}
	plaintext := ""
	if r.Flyte != nil {
		plaintext = r.Flyte.Plaintext
	}
	environ := childEnviron(r, env)
	return newConnection(t, environ, Command(r, p, env), plaintext, env, NewConsole(r, p, env).Log, proxyLimit)
}

// newConnection uses environ for the proxy's command, and waits for it for limit at most.
func newConnection(t *Target, environ, login []string, plaintext string, env system.Env, log *slog.Logger, limit time.Duration) (*connection, error) {
	transport, err := t.transport()
	if err != nil {
		return nil, err
	}
	c := &connection{target: t, login: login, plaintext: plaintext, proxy: newProxyToken(t, environ, env, limit), now: env.Now}
	c.network = &flyte.Network{Transport: transport, Wrap: func(next http.RoundTripper) http.RoundTripper {
		return &requester{next: next, header: t.Settings.Header, hosts: headerHosts(&t.Settings), proxy: c.proxy, log: log, now: env.Now}
	}}
	return c, nil
}

// Transport is how connections are made with these settings.
func Transport(r *config.Resolved, p Policy, env system.Env) (*http.Transport, error) {
	c, err := connect(r, p, env, newSecretFunc(r, env))
	if err != nil {
		return nil, err
	}
	return c.network.Transport, nil
}

// user is the user of a login. Each part may be missing.
type user struct {
	terminal *system.Terminal
	browser  *browser
	notify   func(text string)
	question string // to answer in the browser before the login, or empty
	noColor  bool
}

// client is the OAuth client for t, which is c's target or a copy of it.
func (c *connection) client(t *Target, u user) *oauth.Client {
	parts := clientParts{
		http: &http.Client{Transport: c.network.Wrap(c.network.Transport)}, now: c.now,
		notify: u.notify, confirm: u.question, noQRCode: u.noColor,
	}
	if t.StateDir != "" {
		parts.lockPort = cache.Dir(t.StateDir).LockPort
	}
	if u.terminal.Usable() {
		parts.prompt = u.terminal
	}
	if u.browser != nil && (t.Settings.Grant != string(oauth.GrantDevice) || parts.prompt == nil) {
		parts.open = u.browser.open
	}
	return t.client(parts)
}

func (c *connection) redeem(ctx context.Context, r *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
	return c.client(c.target, user{}).Redeem(ctx, r, old, j)
}

func (c *connection) prepareRefresh(ctx context.Context, old *oauth.Token, kind oauth.Kind) (*oauth.TokenRequest, error) {
	t := c.target
	if t.Discovers {
		t = t.at(&old.Server) // as it said at the login
	}
	return c.client(t, user{}).PrepareRefresh(ctx, old, kind)
}

// obtain gets a token with client credentials. unpinned is called if the Flyte endpoint
// names another server than it did for old.
func (c *connection) obtain(ctx context.Context, old *oauth.Token, unpinned func(was, is string) error) (*oauth.Token, error) {
	t, err := c.asked(ctx)
	if err != nil {
		return nil, err
	}
	if t.Found != nil && old != nil && old.Server.TokenEndpoint != "" && old.Server.TokenEndpoint != t.Found.Server.TokenEndpoint {
		if err := unpinned(old.Server.TokenEndpoint, t.Found.Server.TokenEndpoint); err != nil {
			return nil, err
		}
	}
	return c.client(t, user{}).ClientCredentials(ctx)
}

// asked returns the target with what its Flyte endpoint says, if it has one.
func (c *connection) asked(ctx context.Context) (*Target, error) {
	if !c.target.Discovers {
		return c.target, nil
	}
	found, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	t := c.target.discovered(found)
	if t.Settings.ClientID == "" && found.ClientID == "" {
		return nil, config.Errorf(config.Command(append(c.login, "--client-id", "ID")...), "%s does not announce a client ID: set --client-id", t.Settings.Endpoint)
	}
	return t, nil
}

// discover asks the Flyte endpoint how to log in.
func (c *connection) discover(ctx context.Context) (*flyte.LoginConfig, error) {
	e, err := flyte.ParseEndpoint(c.target.Settings.Endpoint)
	if err != nil {
		return nil, err
	}
	if err := c.proxy.ready(ctx); err != nil {
		return nil, err
	}
	found, err := flyte.Discover(ctx, e, *c.network)
	if errors.Is(err, flyte.ErrNoAuth) {
		return nil, config.Errorf(config.Hint{}, "%s does not use authentication: neither a login nor a token is needed", c.target.Settings.Endpoint)
	}
	if oauth.ClassOf(err) == oauth.ClassConfig && e.Plaintext && c.plaintext != "" {
		err = fmt.Errorf("%w (%s sets this endpoint to plaintext)", err, c.plaintext)
	}
	return found, err
}

// transport has the target's certificates and proxy.
func (t *Target) transport() (*http.Transport, error) {
	c := &tls.Config{InsecureSkipVerify: t.Settings.InsecureSkipVerify}
	if t.Settings.CAFile != "" {
		var err error
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool()
		}
		if !c.RootCAs.AppendCertsFromPEM(t.Certificates) {
			return nil, config.Errorf(config.Text("name a file with the certificate of the authority in PEM format"), "%s has no certificate in PEM format", t.Settings.CAFile)
		}
	}
	transport := oauth.NewTransport(c)
	if t.Settings.HTTPProxy != "" {
		u, err := url.Parse(t.Settings.HTTPProxy)
		if err != nil || u.Host == "" {
			return nil, config.Errorf(config.Hint{}, "--http-proxy must be a URL such as http://proxy.example.com:3128")
		}
		transport.Proxy = func(r *http.Request) (*url.URL, error) {
			if isLoopback(r.URL.Hostname()) {
				return nil, nil
			}
			return u, nil
		}
	}
	return transport, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// clockTolerance is the largest difference between clocks without a warning.
const clockTolerance = 5 * time.Minute

// requester adds the headers that the settings name, and logs each request without its
// content.
type requester struct {
	next   http.RoundTripper
	header map[string]string
	hosts  []string // that get the header: HOST:PORT, or HOST for any port
	proxy  *proxyToken
	log    *slog.Logger
	now    func() time.Time
	warn   sync.Once
}

// RoundTrip implements [http.RoundTripper].
func (t *requester) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Header.Get("User-Agent") == "" { // firewalls reject the one of net/http
		r.Header.Set("User-Agent", config.Program)
	}
	if t.getsHeader(r.URL) {
		for name, value := range t.header {
			r.Header.Set(name, value)
		}
	}
	start := t.now()
	resp, err := t.proxy.roundTrip(t.next, r)
	status := "no answer"
	if err == nil {
		status = resp.Status
		t.compareClocks(resp)
	}
	t.log.Debug("request", "method", r.Method, "scheme", r.URL.Scheme, "host", r.URL.Host, "path", r.URL.EscapedPath(), "status", status, "duration", t.now().Sub(start).Round(time.Millisecond))
	return resp, err
}

// headerHosts returns the hosts that the settings name. A host that only a server names gets
// no header, which may contain a secret.
func headerHosts(s *config.Settings) []string {
	hosts := slices.Clone(s.HeaderHost)
	for _, address := range []string{s.Issuer, WithScheme(s.Endpoint), s.TokenEndpoint} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			hosts = append(hosts, hostPort(u))
		}
	}
	return hosts
}

// WithScheme returns an address as a URL.
func WithScheme(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	return "https://" + address
}

func (t *requester) getsHeader(u *url.URL) bool {
	return slices.ContainsFunc(t.hosts, func(host string) bool {
		return strings.EqualFold(strings.Trim(host, "[]"), u.Hostname()) || strings.EqualFold(host, hostPort(u))
	})
}

// hostPort returns the host of a URL with its port, which may be that of its scheme.
func hostPort(u *url.URL) string {
	port := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
	return net.JoinHostPort(u.Hostname(), port)
}

// compareClocks warns once of a clock that is wrong: the program corrects the server's
// times, but other programs may not.
func (t *requester) compareClocks(resp *http.Response) {
	offset := oauth.Offset(resp, t.now())
	if offset.Abs() < clockTolerance {
		return
	}
	t.warn.Do(func() {
		t.log.Warn("a clock is wrong: the clocks of the server and of this machine differ", "server", resp.Request.URL.Host, "by", offset.Round(time.Minute).String())
	})
}
