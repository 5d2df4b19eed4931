package oauth_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// machine is a client that has only a token endpoint.
func (f *fake) machine() *oauth.Client {
	return &oauth.Client{TokenEndpoint: f.URL + "/token", ClientID: "app", ClientSecret: "s3cret"}
}

// TestClientCredentials: a real server's token for a machine, and what is sent
// for it.
func TestClientCredentials(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := &oauth.Client{Issuer: s.URL, ClientID: oauthtest.SecretClient, ClientSecret: oauthtest.Secret}
	token, err := c.ClientCredentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	claims, err := s.Verify(token.AccessToken.Reveal())
	if err != nil || claims["sub"] != oauthtest.SecretClient {
		t.Errorf("the token says %v (%v)", claims, err)
	}
	if left := time.Until(token.Expiry); left < 4*time.Minute || token.RefreshToken != "" || token.IDToken != "" || token.Server.Issuer != s.URL {
		t.Errorf("got %+v", token)
	}
	if diff := cmp.Diff(url.Values{"grant_type": {"client_credentials"}}, s.Requests("client_credentials")[0].Form); diff != "" {
		t.Errorf("the least request (-want +got):\n%s", diff)
	}
	c.Scopes, c.Audience, c.Resource, c.TokenParams = []string{"all", "offline"}, "api", []string{"https://a"}, map[string]string{"x": "y"}
	c.AuthParams, c.RefreshParams = map[string]string{"a": "b"}, map[string]string{"c": "d"}
	token, err = c.ClientCredentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"grant_type": {"client_credentials"}, "scope": {"all offline"}, "audience": {"api"}, "resource": {"https://a"}, "x": {"y"}}
	if diff := cmp.Diff(want, s.Requests("client_credentials")[1].Form); diff != "" {
		t.Errorf("the request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.Scopes, token.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	c.ClientSecret = "another"
	if _, err := c.ClientCredentials(t.Context()); err == nil {
		t.Error("another secret is as good")
	}
}

// TestClientCredentialsHeader: both parts are form-encoded (RFC 6749 §2.3.1), and the
// secret is sent in the form that the server supports.
func TestClientCredentialsHeader(t *testing.T) {
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, test := range map[string]struct {
		id, secret string
		methods    []string
		header     string // empty: the secret is in the form
	}{
		"plain":             {id: "client_id", secret: "abc", header: "Basic Y2xpZW50X2lkOmFiYw=="},
		"encoded":           {id: "client_id", secret: `abc%%$?\/\/`, header: "Basic Y2xpZW50X2lkOmFiYyUyNSUyNSUyNCUzRiU1QyUyRiU1QyUyRg=="},
		"encoded id":        {id: "a b:c", secret: "d+e é", header: basic("a+b%3Ac:d%2Be+%C3%A9")},
		"basic":             {id: "a", secret: "b", methods: []string{"client_secret_basic"}, header: basic("a:b")},
		"either":            {id: "a", secret: "b", methods: []string{"client_secret_post", "client_secret_basic"}, header: basic("a:b")},
		"post":              {id: "a", secret: "b", methods: []string{"client_secret_post"}},
		"post or a key":     {id: "a", secret: "b", methods: []string{"private_key_jwt", "client_secret_post"}},
		"says of no secret": {id: "a", secret: "b", methods: []string{"none"}, header: basic("a:b")},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.metadata["token_endpoint_auth_methods_supported"] = test.methods
			c := &oauth.Client{Issuer: f.URL, ClientID: test.id, ClientSecret: oauth.Secret(test.secret)}
			if _, err := c.ClientCredentials(t.Context()); err != nil {
				t.Fatal(err)
			}
			r := f.requests()[0]
			want := url.Values{"grant_type": {"client_credentials"}}
			if test.header == "" {
				want["client_id"], want["client_secret"] = []string{test.id}, []string{test.secret}
			}
			if diff := cmp.Diff(want, r.form); diff != "" || r.header.Get("Authorization") != test.header {
				t.Errorf("the header is %q, want %q; the form (-want +got):\n%s", r.header.Get("Authorization"), test.header, diff)
			}
			if r.header.Get("Accept") != "application/json" || r.header.Get("Cache-Control") != "no-cache" {
				t.Errorf("the headers are %v", r.header)
			}
		})
	}
}

// TestClientCredentialsServer: a machine needs no authorization endpoint, and no other
// endpoint for users.
func TestClientCredentialsServer(t *testing.T) {
	f := newFake(t)
	if _, err := f.machine().ClientCredentials(t.Context()); err != nil {
		t.Error(err)
	}
	delete(f.metadata, "authorization_endpoint")
	f.metadata["code_challenge_methods_supported"] = []string{"plain"}
	f.metadata["require_pushed_authorization_requests"] = true
	f.metadata["scopes_supported"] = []string{"openid", "offline_access"}
	c := &oauth.Client{Issuer: f.URL, ClientID: "app", ClientSecret: "s3cret"}
	if _, err := c.ClientCredentials(t.Context()); err != nil {
		t.Error(err)
	}
	if got := f.requests()[1].form; got.Has("scope") {
		t.Errorf("a machine asks for %v", got)
	}
}

// TestClientCredentialsSettings: a missing setting is an error before any request.
func TestClientCredentialsSettings(t *testing.T) {
	f := newFake(t)
	for name, test := range map[string]struct {
		change  func(*oauth.Client)
		setting string
		words   string
	}{
		"no secret":         {func(c *oauth.Client) { c.ClientSecret = "" }, "client-secret-file", "needs the client's secret"},
		"no id":             {func(c *oauth.Client) { c.ClientID = "" }, "client-id", "no client id"},
		"no token endpoint": {func(c *oauth.Client) { c.TokenEndpoint = "" }, "token-endpoint", "no token endpoint"},
		"reserved":          {func(c *oauth.Client) { c.TokenParams = map[string]string{"client_secret": "x"} }, "token-param", "client_secret cannot be set"},
	} {
		t.Run(name, func(t *testing.T) {
			c := f.machine()
			test.change(c)
			_, err := c.ClientCredentials(t.Context())
			wantConfig(t, err, test.setting, test.words)
		})
	}
	if len(f.requests()) != 0 {
		t.Error("the server was asked")
	}
}

// TestClientCredentialsAnswers: the answer may be short of anything but the token,
// what comes too much is dropped, and what broke off is asked for once more.
func TestClientCredentialsAnswers(t *testing.T) {
	const j = "application/json"
	given := answer(`{"access_token":"at","token_type":"Bearer"}`)
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	soon := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "1")
		said(503, "text/plain", "")(w, r)
	}
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		code    string // of a definite error
		later   bool
	}{
		"no expires_in":      {answers: []http.HandlerFunc{given}},
		"strange expires_in": {answers: []http.HandlerFunc{answer(`{"access_token":"at","expires_in":[1],"scope":7,"refresh_token":null}`)}},
		"too much":           {answers: []http.HandlerFunc{answer(`{"access_token":"at","refresh_token":"rt","id_token":"nobody asked for it"}`)}},
		"cut, then given":    {answers: []http.HandlerFunc{cut, given}},
		"cut twice":          {answers: []http.HandlerFunc{cut, cut}, later: true},
		"asked to come back": {answers: []http.HandlerFunc{soon, given}},
		"in trouble":         {answers: []http.HandlerFunc{said(500, "text/plain", "")}, later: true},
		"refused":            {answers: []http.HandlerFunc{said(401, j, `{"error":"unauthorized_client"}`)}, code: "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.metadata["jwks_uri"] = f.URL + "/keys"
			f.token = func(w http.ResponseWriter, r *http.Request) {
				test.answers[min(len(f.requests()), len(test.answers))-1](w, r)
			}
			c := &oauth.Client{Issuer: f.URL, ClientID: "app", ClientSecret: "s3cret"}
			token, err := c.ClientCredentials(t.Context())
			switch {
			case test.code != "":
				wantDefinite(t, err, test.code)
			case test.later:
				wantTemporary(t, err)
			case err != nil:
				t.Error(err)
			case token.AccessToken != "at" || token.RefreshToken != "" || token.IDToken != "" || !token.Expiry.IsZero():
				t.Errorf("got %+v", token)
			}
			if n := len(f.requests()); n != len(test.answers) {
				t.Errorf("%d requests, want %d", n, len(test.answers))
			}
		})
	}
}

// TestClientCredentialsID: an ID token that was asked for is verified, by keys
// that were fetched before.
func TestClientCredentialsID(t *testing.T) {
	f := newFake(t)
	f.metadata["jwks_uri"] = f.URL + "/keys"
	f.keys = map[string]any{"keys": []any{}}
	f.token = answer(`{"access_token":"at","token_type":"Bearer","id_token":"e30.e30.c2ln"}`)
	c := &oauth.Client{Issuer: f.URL, ClientID: "app", ClientSecret: "s3cret", Scopes: []string{"openid"}}
	if token, err := c.ClientCredentials(t.Context()); err == nil {
		t.Errorf("got %+v, with an ID token that is not signed", token)
	}
}

// TestClientCredentialsInterrupted: Ctrl-C ends it at once.
func TestClientCredentialsInterrupted(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.token = func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}
	if _, err := f.machine().ClientCredentials(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
