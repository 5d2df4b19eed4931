package login

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

const (
	// proxyLimit is how long the proxy's command may take. A user may have to log
	// in.
	proxyLimit = 3 * time.Minute
	maxToken   = 64 << 10
)

// inside is the variable that tells a proxy's command for which logins it is run: it
// may be this program.
const inside = "_FLYTE_CREDENTIAL_HELPER_INSIDE"

// proxyToken is the token that a proxy in front of a Flyte endpoint needs, from a command of the
// user's. It goes to that host only.
type proxyToken struct {
	host    string
	limit   time.Duration // how long the command may take
	command []string
	env     []string

	mu    sync.Mutex
	token oauth.Secret
}

// newProxyToken returns the proxy token of the target, or nil if no proxy needs one.
func newProxyToken(t *Target, environ []string, env system.Env, limit time.Duration) *proxyToken {
	if t.Settings.Endpoint == "" || len(t.Settings.ProxyCommand) == 0 {
		return nil
	}
	return &proxyToken{
		host: hostOf("https://" + WithoutScheme(t.Settings.Endpoint)), command: t.Settings.ProxyCommand, limit: limit,
		env: append(environ[:len(environ):len(environ)], inside+"="+env.Getenv(inside)+" "+cache.KeyOf(t.client(clientParts{})).ID()),
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return oauth.Printable(address)
	}
	return oauth.Printable(u.Host)
}

// WithoutScheme is an endpoint or host pattern without its scheme.
func WithoutScheme(endpoint string) string {
	if _, rest, found := strings.Cut(endpoint, "://"); found {
		return rest
	}
	return endpoint
}

// roundTrip sends r with the proxy's token if it goes to the proxy, and once more with a new
// one if the first is refused and the request can be repeated.
func (p *proxyToken) roundTrip(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	if p == nil || r.URL.Host != p.host {
		return next.RoundTrip(r)
	}
	resp, err := p.send(next, r, false)
	if err != nil || resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusProxyAuthRequired {
		return resp, err
	}
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			return resp, nil
		}
		r = r.Clone(r.Context())
		if r.Body, err = r.GetBody(); err != nil {
			return resp, nil
		}
	}
	_ = resp.Body.Close()
	return p.send(next, r, true)
}

func (p *proxyToken) send(next http.RoundTripper, r *http.Request, refresh bool) (*http.Response, error) {
	token, err := p.get(r.Context(), refresh)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Proxy-Authorization", "Bearer "+token.Reveal())
	return next.RoundTrip(r)
}

// ready gets the token: that may take longer than discovery, and a command that fails is not
// run for each protocol of discovery.
func (p *proxyToken) ready(ctx context.Context) error {
	if p == nil {
		return nil
	}
	if _, err := p.get(ctx, false); err != nil {
		failed := oauth.Temporary("%v", err)
		failed.Setting = "proxy-command"
		return failed
	}
	return nil
}

func (p *proxyToken) get(ctx context.Context, refresh bool) (oauth.Secret, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.token != "" && !refresh {
		return p.token, nil
	}
	// Not the request's own time: a user may have to log in.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Env, cmd.WaitDelay = p.env, time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	words := strings.Fields(string(out[:min(len(out), maxToken)]))
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("the proxy command %s did not answer within %s", p.command[0], p.limit)
	case err != nil && stderr.Len() == 0:
		return "", fmt.Errorf("the proxy command %s failed (%w)", p.command[0], err)
	case err != nil:
		return "", fmt.Errorf("the proxy command %s failed (%v): %s", p.command[0], err, oauth.Printable(stderr.String()))
	case len(words) != 1:
		return "", fmt.Errorf("the proxy command %s must print one token, but printed %d words", p.command[0], len(words))
	}
	p.token = oauth.Secret(words[0])
	return p.token, nil
}
