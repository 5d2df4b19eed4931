package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// wire is what a login and a refresh send, but for what is drawn anew each time.
type wire struct{ authorize, exchange, refresh map[string]string }

// base are what the fake's client sends without any parameter, and with the one that
// repeats the authorization request in the exchange.
func base(redirect string) wire {
	return wire{
		authorize: map[string]string{"client_id": "app", "response_type": "code", "redirect_uri": redirect, "code_challenge_method": "S256"},
		exchange:  map[string]string{"client_id": "app", "grant_type": "authorization_code", "code": "the-code", "redirect_uri": redirect},
		refresh:   map[string]string{"client_id": "app", "grant_type": "refresh_token", "refresh_token": "old-rt"},
	}
}

func (w wire) in(part map[string]string, pairs ...string) wire {
	for i := 0; i < len(pairs); i += 2 {
		part[pairs[i]] = pairs[i+1]
	}
	return w
}

// fresh are the parameters that are fresh for each attempt.
var fresh = []string{"state", "nonce", "code_challenge", "code_verifier"}

// The parameters of flytekit's AuthorizationClient, by its names, and where each goes
// on the wire.
func TestAuthorizationClient(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(c *oauth.Client)
		want func(w wire) wire
	}{
		"nothing set": {func(*oauth.Client) {}, func(w wire) wire { return w }},
		"auth_endpoint with a query and a fragment": {
			func(c *oauth.Client) { c.AuthEndpoint += "?p=policy#x" },
			func(w wire) wire { return w.in(w.authorize, "p", "policy") },
		},
		"audience": {
			func(c *oauth.Client) { c.Audience = "aud" },
			func(w wire) wire { return w.in(w.authorize, "audience", "aud") },
		},
		"scopes": {
			func(c *oauth.Client) { c.Scopes = []string{"all", "offline"} },
			func(w wire) wire { return w.in(w.authorize, "scope", "all offline") },
		},
		"client_id": {
			func(c *oauth.Client) { c.ClientID = "other" },
			func(w wire) wire {
				return w.in(w.authorize, "client_id", "other").in(w.exchange, "client_id", "other").in(w.refresh, "client_id", "other")
			},
		},
		"request_auth_code_params": {
			func(c *oauth.Client) {
				c.AuthParams = map[string]string{"prompt": "x", "audience": "mine"}
				c.Audience = "aud"
			},
			func(w wire) wire { return w.in(w.authorize, "prompt", "x", "audience", "mine") },
		},
		"request_access_token_params": {
			func(c *oauth.Client) { c.TokenParams = map[string]string{"audience": "web"} },
			func(w wire) wire { return w.in(w.exchange, "audience", "web") },
		},
		"refresh_access_token_params": {
			func(c *oauth.Client) { c.RefreshParams = map[string]string{"audience": "web"} },
			func(w wire) wire { return w.in(w.refresh, "audience", "web") },
		},
		"add_request_auth_code_params_to_request_access_token_params": {
			func(c *oauth.Client) {
				c.AuthParamsInTokenRequest, c.Audience, c.Scopes = true, "aud", []string{"all"}
			},
			func(w wire) wire {
				return w.in(w.authorize, "audience", "aud", "scope", "all").
					in(w.exchange, "audience", "aud", "scope", "all", "response_type", "code", "code_challenge_method", "S256")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			c := f.client()
			test.set(c)
			l := begin(t, c)
			l.visit(l.at(url.Values{"code": {"the-code"}, "state": {l.query.Get("state")}}))
			l.succeed()
			if _, err := c.Refresh(t.Context(), f.old()); err != nil {
				t.Fatal(err)
			}
			posts := f.requests()
			got := wire{flat(l.query), flat(posts[0].form), flat(posts[1].form)}
			if diff := cmp.Diff(test.want(base(l.query.Get("redirect_uri"))), got, cmp.AllowUnexported(wire{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// flat are parameters without those that are drawn anew.
func flat(q url.Values) map[string]string {
	m := map[string]string{}
	for name, values := range q {
		m[name] = strings.Join(values, " ")
	}
	for _, name := range fresh {
		delete(m, name)
	}
	return m
}

// verify: None and True are the system's authorities, a path is more of them, False is
// none. It counts for the token endpoint, as for all requests.
func TestAuthorizationClientVerify(t *testing.T) {
	s := httptest.NewTLSServer(answer(`{"access_token":"at","token_type":"Bearer"}`))
	defer s.Close()
	for name, test := range map[string]struct {
		http *http.Client
		ok   bool
	}{
		"None":    {nil, false},
		"a path":  {s.Client(), true}, // which trusts the server's authority
		"session": {&http.Client{Transport: adds{s.Client().Transport}}, true},
	} {
		c := &oauth.Client{ClientID: "app", AuthEndpoint: s.URL, TokenEndpoint: s.URL, HTTP: test.http}
		_, err := c.Refresh(t.Context(), &oauth.Token{AccessToken: "a", RefreshToken: "r", Server: oauth.Metadata{AuthorizationEndpoint: s.URL, TokenEndpoint: s.URL}})
		if (err == nil) != test.ok {
			t.Errorf("verify %s: %v", name, err)
		}
	}
}

// adds is a session that adds a header, as requests.Session does for a proxy.
type adds struct{ next http.RoundTripper }

func (a adds) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Proxy-Authorization", "Bearer p")
	return a.next.RoundTrip(r)
}
