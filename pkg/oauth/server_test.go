package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// jwt is a token that says itself when it ends.
func jwt(t testing.TB, end time.Time) oauth.Secret {
	t.Helper()
	return oauth.Secret(unsigned(t, "none", claims{"exp": end.Unix()}) + "c2lnbmF0dXJl")
}

// A refresh token that contains a past expiry is not sent. Clocks may differ by a minute,
// and by more if the server's clock is known to be wrong.
func TestOutlivedAt(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	// at is a set that was asked for two hours before noon, issued so much later by the
	// server's clock, with a refresh token that ends at noon by that.
	at := func(later time.Duration) oauth.Token {
		asked := noon.Add(-2 * time.Hour)
		access := oauth.Secret(unsigned(t, "none", claims{"iat": asked.Add(later).Unix(), "exp": noon.Unix()}) + "x")
		return oauth.Token{RefreshToken: jwt(t, noon), AccessToken: access, Obtained: asked, Expiry: asked.Add(5 * time.Minute)}
	}
	for name, test := range map[string]struct {
		token oauth.Token
		want  time.Time // when it is given up; zero: never
	}{
		"none":                   {oauth.Token{}, time.Time{}},
		"opaque":                 {oauth.Token{RefreshToken: "opaque"}, time.Time{}},
		"three words":            {oauth.Token{RefreshToken: "a.b.c"}, time.Time{}},
		"a JWT without an end":   {oauth.Token{RefreshToken: oauth.Secret(unsigned(t, "none", claims{"sub": "a"}) + "x")}, time.Time{}},
		"a JWT":                  {oauth.Token{RefreshToken: jwt(t, noon)}, noon.Add(time.Minute)},
		"an opaque access token": {oauth.Token{RefreshToken: jwt(t, noon), AccessToken: "opaque", Expiry: noon.Add(-time.Hour)}, noon.Add(time.Minute)},
		"clocks agree":           {at(0), noon.Add(time.Minute)},
		"not said when issued":   {oauth.Token{RefreshToken: jwt(t, noon), AccessToken: jwt(t, noon.Add(-time.Hour)), Obtained: noon.Add(-2 * time.Hour)}, noon.Add(time.Minute)},
		"the server's is ahead":  {at(time.Hour), noon.Add(-time.Hour + time.Minute)},
		"the server's is behind": {at(-time.Hour), noon.Add(time.Hour + time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			if test.want.IsZero() {
				if test.token.OutlivedAt(noon.AddDate(100, 0, 0)) {
					t.Error("it is given up though it does not say so")
				}
				return
			}
			if test.token.OutlivedAt(test.want) || !test.token.OutlivedAt(test.want.Add(time.Second)) {
				t.Errorf("it is not given up right after %s", test.want)
			}
		})
	}
}

// The server's clock, as its answers show it, goes into what is known of the end.
func TestOutlivedAtAServerThatIsAhead(t *testing.T) {
	f := newFake(t)
	now := time.Now()
	ahead := now.Add(3 * time.Hour)
	f.token = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", ahead.UTC().Format(http.TimeFormat))
		writeJSON(w, map[string]any{"access_token": unsigned(t, "none", claims{"iat": ahead.Unix(), "exp": ahead.Add(30 * time.Minute).Unix()}) + "x", "refresh_token": jwt(t, ahead.Add(time.Hour)).Reveal(), "token_type": "Bearer"})
	}
	token, err := f.client().Refresh(t.Context(), f.old())
	if err != nil {
		t.Fatal(err)
	}
	if token.OutlivedAt(now.Add(50*time.Minute)) || !token.OutlivedAt(now.Add(70*time.Minute)) {
		t.Errorf("by our clock it is not given up an hour from now")
	}
}

// flyteadmin's own server says HTTP 500 to a dead refresh token. Twice is no accident.
func TestDeadAtFlyteadmin(t *testing.T) {
	wrong := said(http.StatusInternalServerError, "application/json", `{"error":"server_error","error_description":"The authorization server encountered an unexpected condition"}`)
	good := answer(`{"access_token":"at","token_type":"Bearer"}`)
	for name, test := range map[string]struct {
		path    string
		refresh oauth.Secret
		answers []http.HandlerFunc
		posts   int
		dead    bool
		token   bool
	}{
		"twice":           {"/oauth2/token", "a.b.c", []http.HandlerFunc{wrong, wrong}, 2, true, false},
		"below a prefix":  {"/flyte/oauth2/token", "a.b.c", []http.HandlerFunc{wrong, wrong}, 2, true, false},
		"once, then fine": {"/oauth2/token", "a.b.c", []http.HandlerFunc{wrong, good}, 2, false, true},
		"once, then 503":  {"/oauth2/token", "a.b.c", []http.HandlerFunc{wrong, said(http.StatusServiceUnavailable, "text/plain", "")}, 2, false, false},
		"another path":    {"/token", "a.b.c", []http.HandlerFunc{wrong}, 1, false, false},
		"an opaque token": {"/oauth2/token", "opaque", []http.HandlerFunc{wrong}, 1, false, false},
		"another error":   {"/oauth2/token", "a.b.c", []http.HandlerFunc{said(http.StatusInternalServerError, "application/json", `{"error":"temporarily_unavailable"}`)}, 1, false, false},
		"no words":        {"/oauth2/token", "a.b.c", []http.HandlerFunc{said(http.StatusInternalServerError, "text/html", "<html>")}, 1, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			var n atomic.Int32
			mux := http.NewServeMux()
			mux.HandleFunc(test.path, func(w http.ResponseWriter, r *http.Request) {
				test.answers[min(int(n.Add(1)), len(test.answers))-1](w, r)
			})
			f.Config.Handler = mux
			old := f.old()
			old.RefreshToken, old.Server.TokenEndpoint = test.refresh, f.URL+test.path
			token, err := f.client().Refresh(t.Context(), old)
			if got := int(n.Load()); got != test.posts {
				t.Errorf("%d requests, want %d", got, test.posts)
			}
			if (token != nil) != test.token || loggedOut(err) != test.dead {
				t.Errorf("%v, %v", token, err)
			}
			if !test.dead && !test.token {
				wantTemporary(t, err)
			}
			if test.dead {
				wantDefinite(t, err, "invalid_grant")
			}
		})
	}
}

// A code that meets with HTTP 500 is not sent once more, nor is the login dead.
func TestCodeAtFlyteadmin(t *testing.T) {
	f := newFake(t)
	var n atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		said(http.StatusInternalServerError, "application/json", `{"error":"server_error"}`)(w, r)
	})
	f.Config.Handler = mux
	c := f.client()
	c.TokenEndpoint = f.URL + "/oauth2/token"
	_, err := f.login(t, c)
	wantTemporary(t, err)
	if n.Load() != 1 || loggedOut(err) {
		t.Errorf("%d requests, %v", n.Load(), err)
	}
}

// What is known of a server by other means is neither asked for nor mixed with
// settings, and its client is who we are throughout.
func TestServer(t *testing.T) {
	f, c := provider(t)
	c.Issuer = ""
	c.ClientID, c.AuthEndpoint, c.TokenEndpoint = "", "https://elsewhere.example/auth", "https://elsewhere.example/token"
	c.Server = &oauth.Metadata{
		Issuer: f.URL, AuthorizationEndpoint: f.URL + "/auth", TokenEndpoint: f.URL + "/token", KeysURI: f.URL + "/keys",
		ClientID: "app", HeaderKey: "flyte-authorization",
	}
	c.Scopes = []string{"openid"}
	f.metadata = map[string]any{"issuer": "https://nobody.asks.example"}
	l := begin(t, c)
	if got := l.query.Get("client_id"); got != "app" {
		t.Errorf("the login is for %q", got)
	}
	f.answerTokens(t, signed(t, jose.RS256, ourKey(), f.claims(l.query.Get("nonce"))))
	l.visit(l.at(url.Values{"code": {"the-code"}, "state": {l.query.Get("state")}}))
	token := l.succeed()
	if diff := cmp.Diff(*c.Server, token.Server); diff != "" {
		t.Errorf("the token does not know its server: -want +got:\n%s", diff)
	}
	if token.Subject == "" {
		t.Error("the ID token was not verified")
	}
	token.RefreshToken = "rt"
	if _, err := c.Refresh(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for i, p := range f.requests() {
		if got := p.form["client_id"]; !cmp.Equal(got, []string{"app"}) {
			t.Errorf("token request %d is from %q", i, got)
		}
	}
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d token requests", n)
	}
	other := *token
	other.Server.ClientID = "another"
	c.Server = nil
	c.ClientID = ""
	c.Issuer = f.URL
	if _, err := c.Refresh(t.Context(), &other); err == nil {
		t.Error("no client ID is known, and the token is refreshed")
	}
}

// The configured client ID has precedence over the one that the server names.
func TestServerNamesAnother(t *testing.T) {
	f, c := provider(t)
	c.Issuer = ""
	c.Server = &oauth.Metadata{Issuer: f.URL, AuthorizationEndpoint: f.URL + "/auth", TokenEndpoint: f.URL + "/token", ClientID: "another"}
	if got := begin(t, c).query.Get("client_id"); got != "app" {
		t.Errorf("the login is for %q", got)
	}
}

// An ID token for a client that the server names beside ours is not ours.
func TestServersIDToken(t *testing.T) {
	f, c := provider(t)
	c.Issuer, c.ClientID = "", ""
	c.Server = &oauth.Metadata{Issuer: f.URL, AuthorizationEndpoint: f.URL + "/auth", TokenEndpoint: f.URL + "/token", KeysURI: f.URL + "/keys", ClientID: "flytectl"}
	c.Scopes = []string{"openid"}
	l := begin(t, c)
	f.answerTokens(t, signed(t, jose.RS256, ourKey(), f.claims(l.query.Get("nonce")))) // whose audience is app
	l.visit(l.at(url.Values{"code": {"the-code"}, "state": {l.query.Get("state")}}))
	token, err := l.end()
	if err := wantIDFault(t, token, err); !strings.Contains(err.Error(), "another client") {
		t.Errorf("got %v", err)
	}
}

// A server that is known by other means is checked as others are.
func TestServerIsChecked(t *testing.T) {
	for name, test := range map[string]struct {
		server  oauth.Metadata
		grant   oauth.Grant
		setting string
	}{
		"no token endpoint":         {oauth.Metadata{AuthorizationEndpoint: "https://id.example/a"}, "", "token-endpoint"},
		"no authorization endpoint": {oauth.Metadata{TokenEndpoint: "https://id.example/t"}, "", "auth-endpoint"},
		"plaintext":                 {oauth.Metadata{AuthorizationEndpoint: "https://id.example/a", TokenEndpoint: "http://id.example/t"}, "", "token-endpoint"},
		"no device endpoint":        {oauth.Metadata{TokenEndpoint: "https://id.example/t"}, oauth.GrantDevice, "grant"},
		"no PKCE":                   {oauth.Metadata{AuthorizationEndpoint: "https://id.example/a", TokenEndpoint: "https://id.example/t", Challenges: []string{"plain"}}, "", "issuer"},
		"a file":                    {oauth.Metadata{AuthorizationEndpoint: "file:///etc/passwd", TokenEndpoint: "https://id.example/t", Plaintext: true}, "", "auth-endpoint"},
		"a script":                  {oauth.Metadata{AuthorizationEndpoint: "javascript://id.example/%0aalert(1)", TokenEndpoint: "https://id.example/t", Plaintext: true}, "", "auth-endpoint"},
		"a user":                    {oauth.Metadata{AuthorizationEndpoint: "http://a:b@id.example/a", TokenEndpoint: "https://id.example/t", Plaintext: true}, "", "auth-endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &oauth.Client{ClientID: "app", Grant: test.grant, Server: &test.server}
			wantConfig(t, c.Check(), test.setting, "")
			_, err := c.Discover(t.Context())
			wantConfig(t, err, test.setting, "")
		})
	}
	c := &oauth.Client{Server: &oauth.Metadata{AuthorizationEndpoint: "https://id.example/a", TokenEndpoint: "https://id.example/t"}}
	wantConfig(t, c.Check(), "client-id", "no client id is set")
	c.Server.ClientID = "flytectl"
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	c.Server.AuthorizationEndpoint, c.Server.TokenEndpoint, c.Server.Plaintext = "http://id.example/a", "http://id.example/t", true
	if err := c.Check(); err != nil {
		t.Errorf("named without TLS, and not allowed without: %v", err)
	}
}

// Public metadata cannot set what only Flyte's discovery sets: that tokens may be sent
// without TLS, the client ID, and the header.
func TestFlyteFieldsOfADocument(t *testing.T) {
	f, c := provider(t)
	f.metadata["flyte_client_id"], f.metadata["flyte_header_key"], f.metadata["flyte_plaintext"] = "another", "x-evil", true
	m, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m.ClientID != "" || m.HeaderKey != "" || m.Plaintext {
		t.Errorf("it is believed: %+v", m)
	}
	f.metadata["token_endpoint"] = "http://id.example/token"
	_, err = c.Discover(t.Context())
	wantConfig(t, err, "token-endpoint", "must be https")
	c.ClientID = ""
	wantConfig(t, c.Check(), "client-id", "no client id is set")
}
