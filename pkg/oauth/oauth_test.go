package oauth_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// patience is how long a test waits for what must come. It is no sleep.
const patience = 20 * time.Second

func newServer(t testing.TB, config oauthtest.Config) *oauthtest.Server {
	t.Helper()
	s, err := oauthtest.NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// clientOf is a public client of s whose callback is /cb.
func clientOf(s *oauthtest.Server) *oauth.Client {
	return &oauth.Client{Issuer: s.URL, ClientID: oauthtest.PublicClient, RedirectURI: "http://127.0.0.1/cb"}
}

// login is a login under way, whose browser does what the test does.
type login struct {
	t        testing.TB
	URL      string     // the authorization request
	query    url.Values // its parameters
	redirect *url.URL   // the address at which the browser ends
	cancel   context.CancelCauseFunc
	done     chan struct{}
	token    *oauth.Token
	err      error
}

// begin starts a login and returns once its browser was to be opened.
func begin(t testing.TB, c *oauth.Client) *login {
	t.Helper()
	l := start(t, c)
	if l.URL == "" {
		t.Fatalf("no browser was opened: %v", l.err)
	}
	return l
}

// start starts a login and returns once its browser was to be opened, or it
// ended without.
func start(t testing.TB, c *oauth.Client) *login {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	l := &login{t: t, cancel: cancel, done: make(chan struct{})}
	opened := make(chan string, 1)
	watched := *c
	watched.Open = func(ctx context.Context, address string) error {
		opened <- address
		if c.Open != nil {
			return c.Open(ctx, address)
		}
		return nil
	}
	go func() {
		defer close(l.done)
		l.token, l.err = watched.Login(ctx)
	}()
	t.Cleanup(func() { cancel(context.Canceled); <-l.done })
	select {
	case l.URL = <-opened:
		u, err := url.Parse(l.URL)
		if err != nil {
			t.Fatal(err)
		}
		l.query = u.Query()
		if l.redirect, err = url.Parse(l.query.Get("redirect_uri")); err != nil {
			t.Fatal(err)
		}
	case <-l.done:
	case <-time.After(patience):
		t.Fatal("no browser was opened")
	}
	return l
}

// end waits until the login is over.
func (l *login) end() (*oauth.Token, error) {
	l.t.Helper()
	select {
	case <-l.done:
	case <-time.After(patience):
		l.t.Fatal("the login does not end")
	}
	return l.token, l.err
}

// succeed waits for the login's token.
func (l *login) succeed() *oauth.Token {
	l.t.Helper()
	token, err := l.end()
	if err != nil {
		l.t.Fatalf("the login failed: %v", err)
	}
	return token
}

// signIn is a user who consents, in a new browser.
func (l *login) signIn() string {
	l.t.Helper()
	page, err := oauthtest.SignIn(l.t.Context(), browser(), l.URL)
	if err != nil {
		l.t.Fatalf("the browser: %v", err)
	}
	return page
}

// callback signs in and returns the address the browser is sent to, without
// going there.
func (l *login) callback() string {
	l.t.Helper()
	stop := &stopAt{host: l.redirect.Host, next: unshared()}
	if _, err := oauthtest.SignIn(l.t.Context(), &http.Client{Transport: stop}, l.URL); err != nil {
		l.t.Fatal(err)
	}
	return stop.address
}

// at is the redirect URI with a query.
func (l *login) at(q url.Values) string {
	u := *l.redirect
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// visit opens an address as a browser does, and returns the last page.
func (l *login) visit(address string) (*http.Response, string) {
	l.t.Helper()
	resp, err := browser().Get(address)
	if err != nil {
		l.t.Fatalf("the browser: %v", err)
	}
	return resp, read(l.t, resp)
}

// browser is a client that shares no connection with another, and that repeats a GET whose
// connection was closed without an answer, as browsers do.
func browser() *http.Client {
	return &http.Client{Transport: repeating{unshared()}, Timeout: patience}
}

// unshared is a transport that shares no connection with another. The end of any server of
// httptest ends requests on the idle connections of unshared().
func unshared() *http.Transport { return &http.Transport{DisableKeepAlives: true} }

type repeating struct{ next http.RoundTripper }

func (r repeating) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	for range 3 {
		resp, err = r.next.RoundTrip(req)
		if err == nil || req.Method != http.MethodGet {
			break
		}
	}
	return resp, err
}

func read(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("the page is cut off: %v", err)
	}
	return string(body)
}

// stopAt answers for one host itself.
type stopAt struct {
	host    string
	next    http.RoundTripper
	address string
}

func (s *stopAt) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != s.host {
		return s.next.RoundTrip(r)
	}
	s.address = r.URL.String()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// fake is an authorization server with the answers that a test sets, valid or not. No user
// signs in: the test makes the request to the redirect URI.
type fake struct {
	*httptest.Server
	metadata map[string]any
	keys     any
	token    http.HandlerFunc
	device   http.HandlerFunc

	mu      sync.Mutex
	posts   []post
	devices int // requests for a device code
}

// post is what came to the token endpoint.
type post struct {
	form   url.Values
	header http.Header
}

func newFake(t testing.TB) *fake {
	t.Helper()
	f := &fake{token: answer(`{"access_token":"at","token_type":"Bearer"}`)}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, f.metadata) })
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, f.keys) })
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() != nil {
			return // only the headers came, which spend nothing
		}
		f.mu.Lock()
		f.posts = append(f.posts, post{r.Form, r.Header.Clone()})
		f.mu.Unlock()
		f.token(w, r)
	})
	mux.HandleFunc("/device", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // or who leaves meanwhile is not noticed
		f.mu.Lock()
		f.devices++
		f.mu.Unlock()
		f.device(w, r)
	})
	f.Server = httptest.NewServer(mux)
	f.device = answer(`{"device_code":"the-device-code","user_code":"ABCD-EFGH","verification_uri":"https://id.example/device"}`)
	t.Cleanup(f.Close)
	f.metadata = map[string]any{
		"issuer": f.URL, "authorization_endpoint": f.URL + "/auth", "token_endpoint": f.URL + "/token",
	}
	return f
}

// client is a client with configured endpoints that requests no metadata.
func (f *fake) client() *oauth.Client {
	return &oauth.Client{AuthEndpoint: f.URL + "/auth", TokenEndpoint: f.URL + "/token", ClientID: "app", RedirectURI: "http://127.0.0.1/cb"}
}

// deviceClient is a client that logs in with a device code at a terminal, and
// asks for its token on without a pause.
func (f *fake) deviceClient() (*oauth.Client, *terminal) {
	c, t := f.client(), newTerminal()
	c.DeviceEndpoint, c.Grant, c.Prompt = f.URL+"/device", oauth.GrantDevice, t
	oauth.SetTimer(c, func(time.Duration) <-chan time.Time { return time.After(0) })
	return c, t
}

// old is a token set of f's that can be refreshed.
func (f *fake) old() *oauth.Token {
	return &oauth.Token{
		AccessToken: "old-at", RefreshToken: "old-rt", Scopes: []string{"all"},
		Server: oauth.Metadata{AuthorizationEndpoint: f.URL + "/auth", TokenEndpoint: f.URL + "/token"},
	}
}

func (f *fake) requests() []post {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]post(nil), f.posts...)
}

// login logs in with a code that the test makes up.
func (f *fake) login(t testing.TB, c *oauth.Client) (*oauth.Token, error) {
	t.Helper()
	l := begin(t, c)
	l.visit(l.at(url.Values{"code": {"the-code"}, "state": {l.query.Get("state")}}))
	return l.end()
}

// answer is a token endpoint that always says body.
func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func wantPosts(t testing.TB, s *oauthtest.Server, want int) {
	t.Helper()
	if got := s.Count("token"); got != want {
		t.Errorf("%d token requests, want %d", got, want)
	}
}

func wantTemporary(t testing.TB, err error) {
	t.Helper()
	if !oauth.IsTemporary(err) {
		t.Errorf("got %v (%T), want a temporary error", err, err)
	}
}

// loggedOut reports whether err says that the refresh token is dead.
func loggedOut(err error) bool {
	e := oauth.AsError(err)
	return e != nil && e.Saved == oauth.LoginDead
}

func wantDefinite(t testing.TB, err error, code string) *oauth.Error {
	t.Helper()
	e := oauth.AsError(err)
	if e == nil || e.Class != oauth.ClassRefused || e.Code != code {
		t.Fatalf("got %v (%T), want the definite refusal %s", err, err, code)
	}
	return e
}

func wantConfig(t testing.TB, err error, setting, words string) {
	t.Helper()
	e := oauth.AsError(err)
	if e == nil || e.Class != oauth.ClassConfig || e.Setting != setting || !strings.Contains(e.Problem, words) {
		t.Errorf("got %v (%T), want an error of the setting %s with %q", err, err, setting, words)
	}
}
