package oauth_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// TestEndpointMetadata: flytekit's parameter of that name: what the service is called,
// which is no markup, and the pages at the end, which are really shown.
func TestEndpointMetadata(t *testing.T) {
	f := newFake(t)
	for name, test := range map[string]struct {
		client  oauth.Client
		outcome url.Values
		page    string // a part of it
		whole   bool
	}{
		"endpoint":              {oauth.Client{Endpoint: "<b>Flyte & Co</b>"}, url.Values{"code": {"x"}}, "<h1>You are logged in to &lt;b&gt;Flyte &amp; Co&lt;/b&gt;.</h1>", false},
		"endpoint, failure":     {oauth.Client{Endpoint: "<b>Flyte & Co</b>"}, url.Values{"error": {"access_denied"}}, "<h1>The login to &lt;b&gt;Flyte &amp; Co&lt;/b&gt; failed.</h1>", false},
		"no endpoint":           {oauth.Client{}, url.Values{"code": {"x"}}, "You are logged in to " + strings.TrimPrefix(f.URL, "http://") + ".", false},
		"success_html":          {oauth.Client{Pages: oauth.Pages{Success: "<p>well done"}}, url.Values{"code": {"x"}}, "<p>well done", true},
		"success_html, failure": {oauth.Client{Pages: oauth.Pages{Success: "<p>well done"}}, url.Values{"error": {"access_denied"}}, "access_denied", false},
		"failure_html":          {oauth.Client{Pages: oauth.Pages{Failure: "<p>oh no"}}, url.Values{"error": {"access_denied"}}, "<p>oh no", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := f.client()
			c.Endpoint, c.Pages = test.client.Endpoint, test.client.Pages
			l := begin(t, c)
			test.outcome.Set("state", l.query.Get("state"))
			_, page := l.visit(l.at(test.outcome))
			if !strings.Contains(page, test.page) || test.whole && page != test.page {
				t.Errorf("the page is\n%s", page)
			}
			_, err := l.end()
			if (err != nil) != test.outcome.Has("error") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// legs are all the kinds of request that a client makes, as oauthtest counts them.
var legs = map[string]func(*testing.T, *oauth.Client, *oauth.Token) error{
	"discovery": func(t *testing.T, c *oauth.Client, _ *oauth.Token) error {
		_, err := c.Discover(t.Context())
		return err
	},
	"keys": func(t *testing.T, c *oauth.Client, old *oauth.Token) error {
		c.Server = &old.Server
		_, err := c.PrepareRefresh(t.Context(), old, oauth.Auto)
		return err
	},
	"authorization_code": func(t *testing.T, c *oauth.Client, old *oauth.Token) error {
		c.Server, c.Scopes = withoutKeys(old), []string{"all"}
		l := begin(t, c)
		if _, page := l.visit(l.at(url.Values{"code": {"made up"}, "state": {l.query.Get("state")}, "iss": {old.Server.Issuer}})); !strings.Contains(page, "Not logged in") {
			t.Errorf("the page is\n%s", page)
		}
		_, err := l.end()
		return err
	},
	"refresh_token": func(t *testing.T, c *oauth.Client, old *oauth.Token) error {
		_, err := c.Refresh(t.Context(), &oauth.Token{RefreshToken: "made up", Server: *withoutKeys(old)})
		return err
	},
	"client_credentials": func(t *testing.T, c *oauth.Client, old *oauth.Token) error {
		c.Server, c.ClientID, c.ClientSecret = &old.Server, oauthtest.SecretClient, oauthtest.Secret
		_, err := c.ClientCredentials(t.Context())
		return err
	},
	"device": func(t *testing.T, c *oauth.Client, old *oauth.Token) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c.Server, c.Grant, c.Scopes = withoutKeys(old), oauth.GrantDevice, []string{"all"}
		c.Open = func(context.Context, string) error { cancel(); return nil }
		_, err := c.Login(ctx)
		if errors.Is(err, context.Canceled) { // there is a code
			return nil
		}
		return err
	},
	"revoke": func(t *testing.T, c *oauth.Client, old *oauth.Token) error {
		_, err := c.Revoke(t.Context(), &oauth.Token{AccessToken: "made up", Server: old.Server})
		return err
	},
}

// withoutKeys is old's server, which then is not asked for its keys.
func withoutKeys(old *oauth.Token) *oauth.Metadata {
	m := old.Server
	m.KeysURI = ""
	return &m
}

// loggedIn is a token set of s's, from a client that trusts it.
func loggedIn(t *testing.T, s *oauthtest.Server) *oauth.Token {
	t.Helper()
	c := clientOf(s)
	c.TLS = trusting(s.CA)
	m, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &oauth.Token{RefreshToken: "made up", Scopes: []string{"openid"}, Server: *m}
}

func trusting(pem []byte) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots}
}

// TestVerify: flytekit's parameter of that name. What it says holds for every request:
// one that does not check the certificate gives a code or a secret away, and one that
// does not know the authority ends a login half-way.
func TestVerify(t *testing.T) {
	s, other := newServer(t, oauthtest.Config{TLS: true}), newServer(t, oauthtest.Config{TLS: true})
	old := loggedIn(t, s)
	for name, test := range map[string]struct {
		config  *tls.Config
		trusted bool
	}{
		"None":          {nil, false}, // the system's authorities, who do not know it
		"True":          {&tls.Config{}, false},
		"False":         {&tls.Config{InsecureSkipVerify: true}, true},
		"path":          {trusting(s.CA), true},
		"path, another": {trusting(other.CA), false},
	} {
		for kind, ask := range legs {
			t.Run(name+"/"+kind, func(t *testing.T) {
				s.ResetCounts()
				c := clientOf(s)
				c.TLS = test.config
				err := ask(t, c, old)
				if (oauth.ClassOf(err) == oauth.ClassUntrusted) == test.trusted {
					t.Errorf("got %v", err)
				}
				if asked := s.Count(kind) > 0; asked != test.trusted {
					t.Errorf("the server was asked: %t, want %t", asked, test.trusted)
				}
			})
		}
	}
}

// TestSession: flytekit's parameter of that name, which is how it gets through a proxy
// that wants a header. Every request goes that way.
func TestSession(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	old := loggedIn(t, s)
	for kind, ask := range legs {
		t.Run(kind, func(t *testing.T) {
			s.ResetCounts()
			c := clientOf(s)
			c.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				r.Header.Set("Proxy-Authorization", "Bearer iap")
				return unshared().RoundTrip(r)
			})}
			err := ask(t, c, old)
			asked := s.Requests(kind)
			if len(asked) == 0 || asked[0].Header.Get("Proxy-Authorization") != "Bearer iap" {
				t.Errorf("the server saw %v (%v)", asked, err)
			}
		})
	}
}

// TestSingleton: in flytekit, a call with other parameters gets the first object of the
// process. Here two clients of one server are independent.
func TestSingleton(t *testing.T) {
	f := newFake(t)
	first, second := f.client(), f.client()
	first.Scopes, second.Scopes, second.ClientID = []string{"all"}, []string{"other"}, "another"
	a, b := begin(t, first), begin(t, second)
	for i, l := range []*login{b, a} {
		l.visit(l.at(url.Values{"code": {fmt.Sprint(i)}, "state": {l.query.Get("state")}}))
		l.succeed()
	}
	got := f.requests()
	if len(got) != 2 || a.query.Get("scope") != "all" || b.query.Get("scope") != "other" || got[0].form.Get("client_id") != "another" || got[1].form.Get("client_id") != "app" ||
		got[0].form.Get("code_verifier") == got[1].form.Get("code_verifier") || a.query.Get("state") == b.query.Get("state") {
		t.Errorf("asked for %v and %v, then %v", a.query, b.query, got)
	}
}
