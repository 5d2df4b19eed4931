package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// The parameters that each login generates, and their lengths.
var drawn = map[string]int{"state": 52, "nonce": 52, "code_challenge": 43}

// TestParameters: the request has the parameters of flytekit, compared as sets, without
// those that it should not send, and with a nonce if an ID token can contain it. A row has
// the name of AuthorizationClient's parameter.
func TestParameters(t *testing.T) {
	const plain = "client_id=app&response_type=code&redirect_uri=URI&state=*&code_challenge=*&code_challenge_method=S256"
	const exchange = "grant_type=authorization_code&code=the-code&code_verifier=*&redirect_uri=URI&client_id=app"
	for name, test := range map[string]struct {
		change   func(*oauth.Client)
		login    string // added to plain
		exchange string // added to exchange
		repeated bool   // login is added to exchange as well
	}{
		"least":                    {},
		"scopes":                   {change: func(c *oauth.Client) { c.Scopes = []string{"all", "offline"} }, login: "scope=all+offline"},
		"openid":                   {change: func(c *oauth.Client) { c.Scopes = []string{"openid"} }, login: "scope=openid&nonce=*"},
		"audience":                 {change: func(c *oauth.Client) { c.Audience = "https://api?x=1&y" }, login: "audience=https%3A%2F%2Fapi%3Fx%3D1%26y"},
		"account":                  {change: func(c *oauth.Client) { c.Account = "alice@example.com" }, login: "login_hint=alice%40example.com"},
		"resources":                {change: func(c *oauth.Client) { c.Resource = []string{"https://a", "https://b"} }, login: "resource=https://a&resource=https://b", exchange: "resource=https://a&resource=https://b"},
		"request_auth_code_params": {change: func(c *oauth.Client) { c.AuthParams = map[string]string{"prompt": "select_account", "x": "a b&c"} }, login: "prompt=select_account&x=a+b%26c"},
		"request_auth_code_params overwrite": {change: func(c *oauth.Client) {
			c.Scopes, c.Audience = []string{"all"}, "api"
			c.AuthParams = map[string]string{"scope": "mine", "audience": "yours"}
		}, login: "scope=mine&audience=yours"},
		"request_access_token_params": {change: func(c *oauth.Client) { c.TokenParams = map[string]string{"x": "y", "audience": "api"} }, exchange: "x=y&audience=api"},
		"refresh_access_token_params": {change: func(c *oauth.Client) { c.RefreshParams = map[string]string{"x": "y"} }},
		"add_request_auth_code_params_to_request_access_token_params": {change: func(c *oauth.Client) {
			c.AuthParamsInTokenRequest, c.Scopes, c.Audience, c.Resource = true, []string{"openid"}, "api", []string{"https://a"}
			c.AuthParams, c.TokenParams = map[string]string{"x": "y"}, map[string]string{"x": "z"}
		}, login: "scope=openid&nonce=*&audience=api&resource=https://a&x=y", exchange: "x=z", repeated: true},
		"auth_endpoint with a query":        {change: func(c *oauth.Client) { c.AuthEndpoint += "?p=policy&q=a%20b" }, login: "p=policy&q=a+b"},
		"auth_endpoint with an empty query": {change: func(c *oauth.Client) { c.AuthEndpoint += "?" }},
		"auth_endpoint with a fragment":     {change: func(c *oauth.Client) { c.AuthEndpoint += "?p=policy#top" }, login: "p=policy"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			c := f.client()
			if test.change != nil {
				test.change(c)
			}
			l := begin(t, c)
			sent, err := url.Parse(l.URL)
			if err != nil || sent.Fragment != "" || !strings.HasPrefix(l.URL, f.URL+"/auth?") {
				t.Fatalf("the URL is %s", l.URL)
			}
			login := parsed(t, plain, test.login, l)
			if diff := cmp.Diff(login, starred(t, l.query)); diff != "" {
				t.Errorf("the login (-want +got):\n%s", diff)
			}
			l.visit(l.at(url.Values{"code": {"the-code"}, "state": {l.query.Get("state")}, "scope": {"ignored"}}))
			l.succeed()
			form := f.requests()[0].form
			want := parsed(t, exchange, test.exchange, l)
			if test.repeated {
				merged := maps.Clone(login)
				maps.Copy(merged, want)
				want = merged
			}
			verifier := form.Get("code_verifier")
			if got := oauth2.S256ChallengeFromVerifier(verifier); got != l.query.Get("code_challenge") || len(verifier) < 43 || len(verifier) > 128 {
				t.Errorf("the verifier %q has the challenge %s, and %s was sent", verifier, got, l.query.Get("code_challenge"))
			}
			form.Set("code_verifier", "*")
			if diff := cmp.Diff(want, starred(t, form)); diff != "" {
				t.Errorf("the exchange (-want +got):\n%s", diff)
			}
			old := f.old()
			if _, err := c.Refresh(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			renew := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"old-rt"}, "client_id": {"app"}}
			if c.Resource != nil {
				renew["resource"] = c.Resource
			}
			for k, v := range c.RefreshParams {
				renew.Set(k, v)
			}
			if diff := cmp.Diff(renew, f.requests()[1].form); diff != "" {
				t.Errorf("the refresh (-want +got):\n%s", diff)
			}
		})
	}
}

func parsed(t *testing.T, a, b string, l *login) url.Values {
	t.Helper()
	q, err := url.ParseQuery(strings.Replace(a, "URI", url.QueryEscape(l.query.Get("redirect_uri")), 1) + "&" + b)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// starred replaces generated values by a star, if they have the right length.
func starred(t *testing.T, q url.Values) url.Values {
	t.Helper()
	q = maps.Clone(q)
	for name, length := range drawn {
		if got := q.Get(name); q.Has(name) && len(got) >= length {
			q[name] = []string{"*"}
		}
	}
	return q
}

// TestScopesByDefault: openid if the server is an OpenID provider, and offline_access if
// it supports that.
func TestScopesByDefault(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	for name, test := range map[string]struct {
		config oauthtest.Config
		asked  []string
		want   string
	}{
		"offered":     {want: "openid offline_access"},
		"not offered": {config: oauthtest.Config{NoOfflineAccess: true}, want: "openid"},
		"asked for":   {asked: []string{"email"}, want: "email"},
	} {
		t.Run(name, func(t *testing.T) {
			s.Configure(func(c *oauthtest.Config) { c.NoOfflineAccess = test.config.NoOfflineAccess })
			c := clientOf(s)
			c.Scopes = test.asked
			if l := begin(t, c); l.query.Get("scope") != test.want {
				t.Errorf("scope is %q, want %q", l.query.Get("scope"), test.want)
			}
		})
	}
}

// TestToken: what a login gives.
func TestToken(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	c.Audience, c.Account = "api", "bob@example.com"
	now := time.Now().Round(0)
	c.Now = func() time.Time { return now }
	l := begin(t, c)
	if page := l.signIn(); !strings.Contains(page, "You are logged in to "+strings.TrimPrefix(s.URL, "http://")) {
		t.Errorf("the page is\n%s", page)
	}
	token := l.succeed()
	claims, err := s.Verify(token.IDToken.Reveal())
	if err != nil || claims["sub"] != "bob" || claims["nonce"] != l.query.Get("nonce") {
		t.Errorf("the ID token says %v (%v)", claims, err)
	}
	if token.Subject != "bob" || token.Account != "bob@example.com" || token.Server.Issuer != s.URL || token.RefreshToken == "" {
		t.Errorf("got %+v", token)
	}
	if got := token.Expiry.Sub(now); got < 290*time.Second || got > 301*time.Second || !token.Obtained.Equal(now) || !token.IDObtained.Equal(now) {
		t.Errorf("it ends in %s, was obtained %s", got, token.Obtained)
	}
	if diff := cmp.Diff([]string{"openid", "offline_access"}, token.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	for kind, want := range map[oauth.Kind]oauth.Secret{oauth.Access: token.AccessToken, oauth.ID: token.IDToken, oauth.Auto: token.IDToken} {
		if got := token.Credential(kind); got.Value != want || !got.ValidAt(now) || got.ValidAt(now.Add(time.Hour)) {
			t.Errorf("the credential %s is %+v", kind, got)
		}
	}
	if s.Count("userinfo") != 0 || s.Count("discovery") != 1 || s.Count("keys") != 1 {
		t.Error("more was asked than is needed")
	}
}

// TestThousandAttempts: nothing is drawn twice (S-03, P-02).
func TestThousandAttempts(t *testing.T) {
	const n = 1000
	f := newFake(t)
	c := f.client()
	c.Scopes = []string{"openid"}
	seen := map[string]map[string]bool{"state": {}, "nonce": {}, "code_challenge": {}}
	enough := errors.New("enough")
	c.Open = func(_ context.Context, address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		for name := range seen {
			seen[name][u.Query().Get(name)] = true
		}
		return enough
	}
	login, err := c.PrepareLogin(t.Context(), oauth.Auto)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := login(t.Context(), func(ctx context.Context, s *oauth.TokenRequest) (*oauth.Token, error) {
			return c.Redeem(ctx, s, nil, oauth.Journal{})
		}); !errors.Is(err, enough) {
			t.Fatal(err)
		}
	}
	for name, values := range seen {
		if len(values) != n {
			t.Errorf("%d different of %s in %d logins", len(values), name, n)
		}
	}
}

// TestReserved: parameters that protect a login cannot be set, and a secret cannot be
// passed where others read it. That is an error before any request.
func TestReserved(t *testing.T) {
	for _, name := range []string{
		"client_id", "client_secret", "client_assertion", "code", "code_challenge", "code_challenge_method", "code_verifier",
		"nonce", "redirect_uri", "refresh_token", "response_type", "state", "grant_type",
	} {
		params := map[string]string{"prompt": "login", name: "canary"}
		for setting, c := range map[string]*oauth.Client{
			"auth-param": {AuthParams: params}, "token-param": {TokenParams: params}, "refresh-param": {RefreshParams: params},
		} {
			f := newFake(t)
			c.AuthEndpoint, c.TokenEndpoint, c.ClientID = f.URL+"/auth", f.URL+"/token", "app"
			l := start(t, c)
			wantConfig(t, l.err, setting, name+" cannot be set by --"+setting)
			_, err := c.Refresh(t.Context(), f.old())
			wantConfig(t, err, setting, name)
			if l.URL != "" || len(f.requests()) != 0 || strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("%s by %s: opened %q, %d requests, %v", name, setting, l.URL, len(f.requests()), err)
			}
		}
	}
	l := start(t, newFake(t).clientWithoutID())
	wantConfig(t, l.err, "client-id", "no client id")
}

func (f *fake) clientWithoutID() *oauth.Client {
	c := f.client()
	c.ClientID = ""
	return c
}

// TestPaste: if the redirect cannot reach the client, the user pastes the address, or only
// its query, at the first prompt or a later one.
func TestPaste(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	for name, test := range map[string]struct {
		wrong []string
		right func(address string) string
	}{
		"whole address":       {right: func(a string) string { return a }},
		"blanks around it":    {right: func(a string) string { return "  " + a + " \r\n" }},
		"query only":          {right: func(a string) string { _, q, _ := strings.Cut(a, "?"); return q }},
		"with question mark":  {right: func(a string) string { return a[strings.Index(a, "?"):] }},
		"fragment after it":   {right: func(a string) string { return a + "#_=_" }},
		"wrong ones at first": {wrong: []string{"hello", "http://127.0.0.1/cb?code=x&state=y", "%zz", "?", "\x1b[31m"}, right: func(a string) string { return a }},
		"empty lines":         {wrong: []string{"", "  "}, right: func(a string) string { return a }},
	} {
		t.Run(name, func(t *testing.T) {
			s.ResetCounts()
			c := clientOf(s)
			terminal := newTerminal()
			c.Prompt = terminal
			l := begin(t, c)
			if !strings.Contains(terminal.shown(), l.URL) || !strings.Contains(terminal.shown(), l.redirect.String()) || !strings.Contains(terminal.shown(), "within 2m.") {
				t.Errorf("the terminal shows\n%s", terminal.shown())
			}
			for _, line := range test.wrong {
				terminal.lines <- line
			}
			terminal.lines <- test.right(l.callback())
			l.succeed()
			wantPosts(t, s, 1)
			want := 0
			for _, line := range test.wrong {
				if strings.TrimSpace(line) != "" {
					want++
				}
			}
			if got := strings.Count(terminal.shown(), "That is not the address"); got != want {
				t.Errorf("told %d times, want %d:\n%s", got, want, terminal.shown())
			}
		})
	}
}

// TestPasteARefusal: what the server says no to ends the login too.
func TestPasteARefusal(t *testing.T) {
	f := newFake(t)
	c := f.client()
	terminal := newTerminal()
	c.Prompt = terminal
	l := begin(t, c)
	terminal.lines <- l.at(url.Values{"error": {"access_denied"}, "state": {l.query.Get("state")}})
	_, err := l.end()
	wantDefinite(t, err, "access_denied")
}

// TestNonLoopbackRedirect: no listener starts; the user pastes the address, or the login
// fails if that is not possible.
func TestNonLoopbackRedirect(t *testing.T) {
	const redirect = "https://app.example/cb?x=1"
	f := newFake(t)
	c := f.client()
	c.RedirectURI = redirect
	l := start(t, c)
	wantConfig(t, l.err, "redirect-uri", "no terminal to paste")
	if l.URL != "" {
		t.Error("a browser was opened")
	}
	terminal := newTerminal()
	c.Prompt = terminal
	l = begin(t, c)
	if got := l.query.Get("redirect_uri"); got != redirect {
		t.Errorf("the redirect URI is %s, want %s", got, redirect)
	}
	terminal.lines <- redirect + "&code=the-code&state=" + l.query.Get("state")
	l.succeed()
	if got := f.requests()[0].form.Get("redirect_uri"); got != redirect {
		t.Errorf("the exchange names %s", got)
	}
}

// TestBrowserThatDoesNotOpen: at a terminal a message is shown and the login continues;
// without a terminal it fails.
func TestBrowserThatDoesNotOpen(t *testing.T) {
	f := newFake(t)
	c := f.client()
	broken := errors.New("no \x1b[31mbrowser")
	c.Open = func(context.Context, string) error { return broken }
	l := start(t, c)
	if _, err := l.end(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	terminal := newTerminal()
	c.Prompt = terminal
	l = begin(t, c)
	l.visit(l.at(url.Values{"code": {"the-code"}, "state": {l.query.Get("state")}}))
	l.succeed()
	if got := terminal.shown(); !strings.Contains(got, "The browser does not open (no [31mbrowser)") {
		t.Errorf("the terminal shows\n%q", got)
	}
}

// TestBrowserThatOpensAllTheSame: an opener that fails although it opened the
// browser does not lose the code that is being spent by then.
func TestBrowserThatOpensAllTheSame(t *testing.T) {
	f := newFake(t)
	c := f.client()
	asked := make(chan struct{})
	f.token = func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		time.Sleep(300 * time.Millisecond)
		answer(`{"access_token":"at","token_type":"Bearer"}`)(w, r)
	}
	c.Open = func(_ context.Context, address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		q := u.Query()
		go func() {
			if resp, err := browser().Get(q.Get("redirect_uri") + "?code=the-code&state=" + q.Get("state")); err == nil {
				resp.Body.Close()
			}
		}()
		<-asked
		return errors.New("exit status 3")
	}
	if token, err := c.Login(t.Context()); err != nil || token.AccessToken != "at" {
		t.Errorf("got %v, though the server gave a token", err)
	}
}

// TestPrompt: without a browser the address is shown, and only there.
func TestPrompt(t *testing.T) {
	f := newFake(t)
	c := f.client()
	c.Endpoint = "flyte.example.com"
	terminal := newTerminal()
	c.Prompt = terminal
	close(terminal.lines) // no input
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Login(ctx)
		ended <- err
	}()
	for !strings.Contains(terminal.shown(), f.URL+"/auth?") {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if !strings.Contains(terminal.shown(), "Log in to flyte.example.com in a browser, within 2m.") {
		t.Errorf("the terminal shows\n%s", terminal.shown())
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestPreparedLogin: all that can be asked beforehand is, and nothing listens
// before the login begins.
func TestPreparedLogin(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	c.RedirectURI = fmt.Sprintf("http://127.0.0.1:%d/cb", free(t))
	opened := make(chan string, 1)
	c.Open = func(_ context.Context, address string) error { opened <- address; return nil }
	login, err := c.PrepareLogin(t.Context(), oauth.Auto)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := browser().Get(c.RedirectURI); err == nil {
		resp.Body.Close()
		t.Error("a listener is already open")
	}
	s.Fail("discovery", oauthtest.Fault{Status: http.StatusServiceUnavailable})
	s.Fail("keys", oauthtest.Fault{Status: http.StatusServiceUnavailable})
	go func() { _, _ = oauthtest.SignIn(t.Context(), browser(), <-opened) }()
	if _, err := login(t.Context(), func(ctx context.Context, s *oauth.TokenRequest) (*oauth.Token, error) {
		return c.Redeem(ctx, s, nil, oauth.Journal{})
	}); err != nil {
		t.Error(err)
	}
}

// TestSecretIsNotShown: however one tries.
func TestSecretIsNotShown(t *testing.T) {
	const canary = "canary-5ecret"
	secret := oauth.Secret(canary)
	client := oauth.Client{ClientID: "app", ClientSecret: secret}
	token := oauth.Token{AccessToken: secret, RefreshToken: secret, IDToken: secret, Subject: "alice"}
	var out bytes.Buffer
	for _, v := range []any{
		secret, &secret, []oauth.Secret{secret}, map[string]oauth.Secret{"k": secret}, struct{ S oauth.Secret }{secret},
		token, &token, token.Credential(oauth.Access), client, &client, any(secret), errors.Join(fmt.Errorf("%v %s", secret, token.IDToken)),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%10.3s", "%U", "%c", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		_ = json.NewEncoder(&out).Encode(v)
		_ = xml.NewEncoder(&out).Encode(v)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("a login", "value", v, slog.Group("g", "v", v))
		}
	}
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary), "canary", "[99 97"} {
		if i := strings.Index(out.String(), form); i >= 0 {
			t.Errorf("%q is shown: …%s", form, out.String()[max(0, i-80):min(i+80, out.Len())])
		}
	}
	if !strings.Contains(out.String(), "REDACTED") || secret.Reveal() != canary {
		t.Error("nothing was printed at all")
	}
}

// TestRedeemElsewhere: another process can send a code or a refresh token, and verifies
// the ID token there, with the server's present keys if it was handed none that fit.
func TestRedeemElsewhere(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	elsewhere := func(ctx context.Context, here *oauth.TokenRequest, old *oauth.Token) (*oauth.Token, error) {
		sent, err := json.Marshal(here)
		if err != nil {
			return nil, err
		}
		var there oauth.TokenRequest
		if err := json.Unmarshal(sent, &there); err != nil {
			return nil, err
		}
		if there.Refreshes() != (old != nil) {
			t.Errorf("Refreshes is %t", there.Refreshes())
		}
		return clientOf(s).Redeem(ctx, &there, old, oauth.Journal{})
	}
	for name, test := range map[string]struct {
		spoil func(*oauth.TokenRequest)
		good  bool
	}{
		"as it is":      {func(*oauth.TokenRequest) {}, true},
		"another nonce": {func(s *oauth.TokenRequest) { s.Nonce = "another" }, false},
		"no keys":       {func(s *oauth.TokenRequest) { s.Keys = nil }, true},
		"other keys":    {func(s *oauth.TokenRequest) { s.Keys = json.RawMessage(`{"keys":[]}`) }, true},
		"broken keys":   {func(s *oauth.TokenRequest) { s.Keys = json.RawMessage(`"x"`) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s.ResetCounts()
			c := clientOf(s)
			c.Open = func(_ context.Context, address string) error {
				go func() { _, _ = oauthtest.SignIn(t.Context(), browser(), address) }()
				return nil
			}
			login, err := c.PrepareLogin(t.Context(), oauth.Auto)
			if err != nil {
				t.Fatal(err)
			}
			token, err := login(t.Context(), func(ctx context.Context, here *oauth.TokenRequest) (*oauth.Token, error) {
				test.spoil(here)
				return elsewhere(ctx, here, nil)
			})
			if (err == nil) != test.good || (token != nil) != test.good {
				t.Errorf("got %v and %v", token, err)
			}
			wantPosts(t, s, 1)
			if !test.good || err != nil {
				return
			}
			if token.IDToken == "" || token.IDFault.Reason != "" {
				t.Errorf("the ID token was not accepted: %+v", token.IDFault)
			}
			here, err := c.PrepareRefresh(t.Context(), token, oauth.Auto)
			if err != nil {
				t.Fatal(err)
			}
			renewed, err := elsewhere(t.Context(), here, token)
			if err != nil || renewed.Subject != token.Subject || renewed.RefreshToken == token.RefreshToken {
				t.Errorf("got %+v and %v", renewed, err)
			}
			wantPosts(t, s, 2)
		})
	}
}
