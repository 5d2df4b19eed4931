package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// client makes the client of the authorization server from the settings. It
// reads the files that they name, so it is made only when it is needed.
func (c *call) client() (*oauth.Client, error) {
	secret, err := c.secret()
	if err != nil {
		return nil, err
	}
	network, err := c.network()
	if err != nil {
		return nil, err
	}
	success, err := readPage(c.successPage)
	if err != nil {
		return nil, err
	}
	failure, err := readPage(c.failurePage)
	if err != nil {
		return nil, err
	}
	return &oauth.Client{
		Endpoint: c.endpoint,
		Issuer:   c.issuer, AuthEndpoint: c.authEndpoint, TokenEndpoint: c.tokenEndpoint, DeviceEndpoint: c.deviceEndpoint, RevocationEndpoint: c.revocationEndpoint,
		ClientID: c.clientID, ClientSecret: secret, Grant: oauth.Grant(c.grant),
		Scopes: c.scope, Audience: c.audience, Resource: c.resource, Account: c.account,
		RedirectURI: c.redirectURI, RedirectPorts: c.redirectPort, Listen: c.listen, LockPort: c.lockPort(),
		AuthParams: c.authParam, TokenParams: c.tokenParam, RefreshParams: c.refreshParam,
		AuthParamsInTokenRequest: c.authParamsInTokenRequest,
		Pages:                    oauth.Pages{Success: success, Failure: failure},
		LoginTimeout:             c.loginTimeout,
		HTTP:                     &http.Client{Transport: network.Wrap(network.Transport)},
		Now:                      c.now,
	}, nil
}

// lockPort returns the lock of a login's fixed port, or nil if there is no place for it.
// Without a directory for it the login goes on: it fails only if it has to be saved.
func (c *call) lockPort() func(ctx context.Context, port int, wait bool) (func(), error) {
	if c.stateDir() == "" {
		return nil
	}
	return func(ctx context.Context, port int, wait bool) (func(), error) {
		unlock, err := c.stateDir().LockPort(ctx, port, wait)
		switch {
		case errors.Is(err, cache.ErrBusy) && !wait:
			return nil, nil
		case errors.As(err, new(*cache.StoreError)):
			return func() {}, nil
		}
		return unlock, err
	}
}

// secret is the client's, from a file that no other user can change or from a variable
// that no child will see.
func (c *call) secret() (oauth.Secret, error) {
	switch {
	case c.clientSecretEnv != "" && c.clientSecretFile != "":
		return "", usage("", "--client-secret-env and --client-secret-file name two secrets")
	case c.clientSecretEnv != "":
		s := strings.TrimSpace(c.getenv(c.clientSecretEnv))
		if s == "" {
			return "", usage("", "the environment variable %s, which should hold the client's secret, is not set", c.clientSecretEnv)
		}
		return oauth.Secret(s), nil
	case c.clientSecretFile != "":
		return readSecret(c.clientSecretFile)
	case c.theirSecret != nil && c.clientID == c.theirClient:
		s, err := c.theirSecret()
		if err != nil {
			return "", usage("", "%v", err)
		}
		return s, nil
	}
	return "", nil
}

func readSecret(name string) (oauth.Secret, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", usage("", "cannot read the client's secret: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", usage("", "%s is not a file", name)
	}
	if problem := notOurs(f, info); problem != "" {
		return "", usage("chmod 600 "+shellquote.Join(name), "%s, which holds the client's secret, %s", name, problem)
	}
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil || strings.TrimSpace(string(text)) == "" {
		return "", usage("", "%s holds no secret", name)
	}
	return oauth.Secret(strings.TrimSpace(string(text))), nil
}

// readPage returns an HTML document, or nothing where none is named.
func readPage(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", usage("", "cannot read the page: %v", err)
	}
	return string(text), nil
}

// network is oauth's, with the settings' certificates, proxy and headers.
func (c *call) network() (*flyte.Network, error) {
	config := &tls.Config{InsecureSkipVerify: c.insecureSkipVerify}
	if c.caFile != "" {
		pem, err := os.ReadFile(c.caFile)
		if err != nil {
			return nil, usage("", "cannot read the certificates to trust: %v", err)
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("", "%s holds no certificate in PEM", c.caFile)
		}
	}
	t := oauth.NewTransport(config)
	if c.httpProxy != "" {
		u, err := url.Parse(c.httpProxy)
		if err != nil || u.Host == "" {
			return nil, usage("", "--http-proxy must be a URL such as http://proxy.example.com:3128")
		}
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if isLoopback(r.URL.Hostname()) {
				return nil, nil
			}
			return u, nil
		}
	}
	return &flyte.Network{Transport: t, Wrap: func(next http.RoundTripper) http.RoundTripper {
		return &requester{next: next, header: c.header, proxy: c.proxyToken(), log: c.log, now: c.now}
	}}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// clockTolerance is how wrong a clock may be without a word.
const clockTolerance = 5 * time.Minute

// requester adds the headers that were asked for, and logs what was sent where
// and nothing of what it said.
type requester struct {
	next   http.RoundTripper
	header map[string]string
	proxy  *proxyToken // nil: no proxy wants a token
	log    *slog.Logger
	now    func() time.Time
	warn   sync.Once
}

// RoundTrip implements [http.RoundTripper].
func (t *requester) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(t.header) > 0 {
		r = r.Clone(r.Context())
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
	t.log.Debug("request", "method", r.Method, "to", r.URL.Scheme+"://"+net.JoinHostPort(r.URL.Hostname(), r.URL.Port())+r.URL.EscapedPath(), "status", status, "took", t.now().Sub(start).Round(time.Millisecond))
	return resp, err
}

// compareClocks says once that a clock is wrong: what the server says of times is
// put right by it, but other programs may not do so.
func (t *requester) compareClocks(resp *http.Response) {
	offset := oauth.Offset(resp, t.now())
	if offset.Abs() < clockTolerance {
		return
	}
	t.warn.Do(func() {
		t.log.Warn("a clock is wrong: the server's and this machine's differ", "server", resp.Request.URL.Host, "by", offset.Round(time.Minute).String())
	})
}
