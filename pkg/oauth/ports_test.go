package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// portLocks are the locks of processes that share a computer.
type portLocks struct {
	mu    sync.Mutex
	ports map[int]chan struct{} // closed when the lock is free again
	waits chan int              // the ports that were waited for
}

func newPortLocks() *portLocks {
	return &portLocks{ports: map[int]chan struct{}{}, waits: make(chan int, 10)}
}

// lock is an [oauth.Client]'s LockPort.
func (p *portLocks) lock(ctx context.Context, port int, wait bool) (func(), error) {
	for {
		p.mu.Lock()
		taken, held := p.ports[port]
		if !held {
			free := make(chan struct{})
			p.ports[port] = free
			p.mu.Unlock()
			return func() {
				p.mu.Lock()
				defer p.mu.Unlock()
				delete(p.ports, port)
				close(free)
			}, nil
		}
		p.mu.Unlock()
		if !wait {
			return nil, nil
		}
		p.waits <- port
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// TestLockPort: a login waits for the port of another login, and not for that of another
// program. A port that is free comes before one to wait for.
func TestLockPort(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	fixed := func(locks *portLocks, port int, others ...int) *oauth.Client {
		c := clientOf(s)
		c.RedirectURI, c.RedirectPorts, c.LockPort = fmt.Sprintf("http://localhost:%d/cb", port), others, locks.lock
		return c
	}
	t.Run("ours", func(t *testing.T) {
		locks, port := newPortLocks(), free(t)
		first := begin(t, fixed(locks, port))
		opened := make(chan *login, 1)
		go func() { opened <- begin(t, fixed(locks, port)) }()
		if got := <-locks.waits; got != port {
			t.Errorf("it waits for port %d, want %d", got, port)
		}
		select {
		case <-opened:
			t.Error("a second browser was opened")
		default:
		}
		first.signIn()
		first.succeed()
		second := <-opened
		second.signIn()
		second.succeed()
		if len(locks.ports) != 0 {
			t.Errorf("locks are left: %v", locks.ports)
		}
	})
	t.Run("ours, and the caller leaves", func(t *testing.T) {
		locks, port := newPortLocks(), free(t)
		begin(t, fixed(locks, port))
		c := fixed(locks, port)
		c.Open = func(context.Context, string) error { t.Error("a browser was opened"); return nil }
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-locks.waits
			cancel(gone)
		}()
		if _, err := c.Login(ctx); !errors.Is(err, gone) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ours, and another is free", func(t *testing.T) {
		locks, port, next := newPortLocks(), free(t), free(t)
		begin(t, fixed(locks, port))
		l := begin(t, fixed(locks, port, next))
		if l.redirect.Port() != fmt.Sprint(next) || len(locks.waits) > 0 {
			t.Errorf("the port is %s, want %d", l.redirect.Port(), next)
		}
	})
	t.Run("another program's", func(t *testing.T) {
		locks := newPortLocks()
		busy, port := take(t, "127.0.0.1:0")
		l := start(t, fixed(locks, port))
		wantTemporary(t, l.err)
		if e := oauth.AsError(l.err); l.URL != "" || e == nil || e.Class != oauth.ClassTemporary || e.Shown || !strings.Contains(e.Problem, "another program listens on port "+busy) {
			t.Errorf("got %v", l.err)
		}
		if len(locks.ports) != 0 {
			t.Errorf("locks are left: %v", locks.ports)
		}
	})
	t.Run("no locks", func(t *testing.T) {
		c := fixed(newPortLocks(), free(t))
		broken := &oauth.Error{Class: oauth.ClassLocal, Problem: "no locks here"}
		c.LockPort = func(context.Context, int, bool) (func(), error) { return nil, broken }
		if l := start(t, c); !errors.Is(l.err, broken) {
			t.Errorf("got %v", l.err)
		}
	})
	t.Run("any port", func(t *testing.T) {
		c := clientOf(s)
		c.LockPort = func(context.Context, int, bool) (func(), error) { return nil, errors.New("asked for a lock") }
		l := begin(t, c)
		l.signIn()
		l.succeed()
	})
}

// TestListen: the login listens at the configured address, and the redirect URI is sent as
// it is written. Only requests for the host of the redirect URI are accepted.
func TestListen(t *testing.T) {
	f := newFake(t)
	for name, test := range map[string]struct {
		redirect string // PORT is where it listens
		sent     string // empty: as redirect
		host     string // of the browser's request
	}{
		"another port":           {redirect: "http://localhost:8000/cb", host: "localhost:8000"},
		"the same port":          {redirect: "http://localhost:PORT/cb", host: "localhost:PORT"},
		"no port":                {redirect: "http://127.0.0.1/cb", sent: "http://127.0.0.1:PORT/cb", host: "127.0.0.1:PORT"},
		"another host":           {redirect: "https://dev.example/cb", host: "dev.example"},
		"another host and port":  {redirect: "http://dev.example:8080/cb", host: "DEV.example:8080"},
		"another loopback":       {redirect: "http://127.0.0.2:8000/cb", host: "127.0.0.2:8000"},
		"upper case":             {redirect: "http://LOCALHOST:8000/cb", host: "localhost:8000"},
		"another host, its port": {redirect: "https://dev.example:443/cb", host: "dev.example"},
	} {
		t.Run(name, func(t *testing.T) {
			port := free(t)
			fill := strings.NewReplacer("PORT", fmt.Sprint(port))
			c := f.client()
			c.RedirectURI, c.Listen = fill.Replace(test.redirect), fmt.Sprintf("127.0.0.1:%d", port)
			l := begin(t, c)
			if test.sent == "" {
				test.sent = test.redirect
			}
			if got, want := l.query.Get("redirect_uri"), fill.Replace(test.sent); got != want {
				t.Errorf("the redirect URI is %s, want %s", got, want)
			}
			visit := func(host string) int {
				q := url.Values{"code": {"the-code"}, "state": {l.query.Get("state")}}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/cb?%s", port, q.Encode()), nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = host
				resp, err := browser().Transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				return resp.StatusCode
			}
			for _, other := range []string{"evil.example", "evil.example:8000", fmt.Sprintf("0.0.0.0:%d", port), "localhost:1"} {
				if got := visit(other); got != http.StatusMisdirectedRequest {
					t.Errorf("a request for %s gets %d", other, got)
				}
			}
			if got := visit(fill.Replace(test.host)); got != http.StatusSeeOther {
				t.Errorf("the browser gets %d", got)
			}
			l.cancel(context.Canceled) // it does not fetch the last page
			l.succeed()
		})
	}
	for _, listen := range []string{"8000", "localhost", "localhost:0", "localhost:http", "a:b:c", "\x1b[2J:1"} {
		c := f.client()
		c.Listen = listen
		wantConfig(t, c.Check(), "listen", "is not HOST:PORT")
	}
	busy, port := take(t, "127.0.0.1:0")
	c := f.client()
	c.Listen = fmt.Sprintf("127.0.0.1:%d", port)
	l := start(t, c)
	if wantTemporary(t, l.err); !strings.Contains(l.err.Error(), "port "+busy) {
		t.Errorf("got %v", l.err)
	}
}

// TestLoopbackAddresses: 127.0.0.0/8 and localhost in any case of letters are this machine.
func TestLoopbackAddresses(t *testing.T) {
	f := newFake(t)
	for _, redirect := range []string{"http://127.0.0.2/", "http://LOCALHOST/cb", "http://127.1.2.3/cb"} {
		t.Run(redirect, func(t *testing.T) {
			u, err := url.Parse(redirect)
			if err != nil {
				t.Fatal(err)
			}
			if l, err := net.Listen("tcp", u.Hostname()+":0"); err != nil {
				t.Skipf("this machine does not have %s: %v", u.Hostname(), err) // macOS has 127.0.0.1 only
			} else {
				l.Close()
			}
			c := f.client()
			c.RedirectURI = redirect
			l := begin(t, c)
			if l.redirect.Hostname() != u.Hostname() {
				t.Errorf("the redirect URI is %s", l.redirect)
			}
			if _, page := l.visit(l.at(url.Values{"code": {"the-code"}, "state": {l.query.Get("state")}})); !strings.Contains(page, "You are logged in") {
				t.Errorf("the page is\n%s", page)
			}
			l.succeed()
		})
	}
}
