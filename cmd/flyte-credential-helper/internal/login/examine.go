package login

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// Examination is what the servers of a login say without a login.
type Examination struct {
	Server *oauth.Metadata
	Flyte  *flyte.LoginConfig // nil: no Flyte endpoint was asked
	// Offset is how far the server's clock is ahead of ours, and Clock the host that said so.
	// Clock is empty if no answer had a date.
	Offset time.Duration
	Clock  string
	// Pin has the endpoints that the user has accepted for this login, if there are any, and
	// Unaccepted is why a login would be refused for its servers.
	Pin        []string
	Unaccepted error
}

// examineLimit is how long an examination waits for the proxy's command.
const examineLimit = 8 * time.Second

// Examine asks the servers of the login for their metadata. It asks no token endpoint. A
// proxy command that is this program starts no login.
func (s *Session) Examine(ctx context.Context) (*Examination, error) {
	c, clock, err := s.examiner()
	if err != nil {
		return nil, err
	}
	e, t := &Examination{}, c.target
	if t.Discovers {
		if e.Flyte, err = c.discover(ctx); err != nil {
			return nil, err
		}
		t = t.discovered(e.Flyte)
	}
	client := c.client(t, user{})
	if e.Server, err = client.Discover(ctx); err != nil {
		return nil, err
	}
	if namedByOthers(s.settings) {
		e.Pin, e.Unaccepted = s.accepted(ctx, t, client, e.Server)
	}
	if c.target.Settings.Issuer == "" { // the metadata did not come from the authorization server
		if err := c.reach(ctx, e.Server.TokenEndpoint); err != nil {
			return nil, err
		}
	}
	e.Offset, e.Clock = clock.last()
	return e, nil
}

// accepted returns the endpoints that the user has accepted, and why those of m are not.
func (s *Session) accepted(ctx context.Context, t *Target, client *oauth.Client, m *oauth.Metadata) (pin []string, err error) {
	old, err := s.Saved(ctx)
	if err != nil {
		return nil, nil // the store's error is not about the servers
	}
	r, err := s.review(t, m, old)
	if err == nil {
		pin = r.pin
		_, err = r.oneServer(ctx, client, m)
	}
	return pin, Explain(err, s.settings, s.policy, s.env)
}

// Keys fetches the keys of the server.
func (s *Session) Keys(ctx context.Context, m *oauth.Metadata) (oauth.Keys, error) {
	c, _, err := s.examiner()
	if err != nil {
		return oauth.Keys{}, err
	}
	return c.client(c.target, user{}).Keys(ctx, m)
}

// UserInfo asks the Flyte endpoint of the login whose token it is.
func (s *Session) UserInfo(ctx context.Context, headerKey string, token oauth.Secret) (*flyte.User, error) {
	c, _, err := s.examiner()
	if err != nil {
		return nil, err
	}
	e, err := flyte.ParseEndpoint(c.target.Settings.Endpoint)
	if err != nil {
		return nil, err
	}
	return flyte.UserInfo(ctx, e, *c.network, headerKey, token)
}

// examiner returns a connection whose proxy command starts no login, and the clock that its
// answers set.
func (s *Session) examiner() (*connection, *serverClock, error) {
	connected, err := s.connect() // it reads the secret, which may be a pipe, once
	if err != nil {
		return nil, nil, err
	}
	environ := append(childEnviron(s.settings, s.env), config.Variable("interactive")+"=never")
	c, err := newConnection(connected.target, environ, Command(s.settings, s.policy, s.env), "", s.env, s.Log, examineLimit)
	if err != nil {
		return nil, nil, err
	}
	clock := &serverClock{now: s.env.Now}
	wrap := c.network.Wrap
	c.network = &flyte.Network{Transport: c.network.Transport, Wrap: func(next http.RoundTripper) http.RoundTripper {
		return wrap(&clockReader{next, clock})
	}}
	return c, clock, nil
}

// reach makes a request to the server of an endpoint, but not to the endpoint itself.
func (c *connection) reach(ctx context.Context, endpoint string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, endpoint, nil)
	if err != nil {
		return err
	}
	req.URL.Path, req.URL.RawPath, req.URL.RawQuery = "/", "", ""
	resp, err := c.network.Wrap(c.network.Transport).RoundTrip(req)
	if err != nil {
		return oauth.Unreachable(ctx, req.URL.Host, err)
	}
	return resp.Body.Close()
}

// serverClock is the difference between the clocks of this machine and of the server that
// answered last.
type serverClock struct {
	now func() time.Time

	mu     sync.Mutex
	offset time.Duration
	host   string
}

func (c *serverClock) last() (time.Duration, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.host
}

// clockReader sets the clock to the date of each answer.
type clockReader struct {
	next  http.RoundTripper
	clock *serverClock
}

// RoundTrip implements [http.RoundTripper].
func (t *clockReader) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		age, _ := strconv.ParseUint(resp.Header.Get("Age"), 10, 31) // 0 if absent
		t.clock.mu.Lock()
		t.clock.offset, t.clock.host = date.Add(time.Duration(age)*time.Second).Sub(t.clock.now()), r.URL.Host
		t.clock.mu.Unlock()
	}
	return resp, nil
}

// Store is the store of the login.
func (s *Session) Store() *cache.Store { return s.source.Store() }

// Failures are the recorded failures of the login.
func (s *Session) Failures() []cache.Failure { return s.source.Failures() }

// WhyNoLogin returns why no login can start here, or "".
func WhyNoLogin(r *config.Resolved, env system.Env) string { return loginForbidden(&r.Settings, env) }

// OpensBrowser reports whether a login opens a browser, and not only shows an address.
func OpensBrowser(r *config.Resolved, env system.Env) bool { return opensBrowser(&r.Settings, env) }
