package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// pausing is a login without a browser under way.
type pausing struct {
	t      testing.TB
	cancel context.CancelCauseFunc
	done   chan struct{}
	token  *oauth.Token
	err    error
}

// beginHere starts a login that opens no browser.
func beginHere(t testing.TB, c *oauth.Client) *pausing {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &pausing{t: t, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.token, p.err = c.Login(ctx)
	}()
	t.Cleanup(func() { cancel(context.Canceled); <-p.done })
	return p
}

// running reports whether the login goes on.
func (p *pausing) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *pausing) end() (*oauth.Token, error) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("the login does not end")
	}
	return p.token, p.err
}

// until waits for what must come true.
func (p *pausing) until(what string, come func() bool) {
	p.t.Helper()
	for late := time.After(patience); !come(); {
		select {
		case <-p.done:
			if !come() {
				p.t.Fatalf("the login ended before %s: %v", what, p.err)
			}
		case <-late:
			p.t.Fatalf("waited in vain for %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// shown waits until the terminal shows what matches, and returns its first group.
func (p *pausing) shown(t *terminal, pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	p.until(pattern, func() bool { return re.MatchString(t.shown()) })
	return re.FindStringSubmatch(t.shown())[1]
}

// clock passes only while a device waits between polls, and then at once.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
	until time.Duration // after it the clock stops
}

func newClock() *clock { return &clock{now: time.Now(), until: time.Hour} }

func (k *clock) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *clock) wait(d time.Duration) <-chan time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waits = append(k.waits, d)
	k.now, k.until = k.now.Add(d), k.until-d
	if k.until <= 0 {
		return nil
	}
	return time.After(0)
}

func (k *clock) waited() []time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.waits)
}

// TestDevice: a login with a device code at a real server, to its verified ID
// token, and what is sent for it.
func TestDevice(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c, terminal := clientOf(s), newTerminal()
	c.Grant, c.Prompt, c.Audience, c.Resource = oauth.GrantDevice, terminal, "api", []string{"https://a", "https://b"}
	c.AuthParams, c.TokenParams, c.RefreshParams = map[string]string{"a": "b"}, map[string]string{"x": "y"}, map[string]string{"c": "d"}
	oauth.SetTimer(c, func(d time.Duration) <-chan time.Time {
		if d != time.Second {
			t.Errorf("it waits %s between polls, and the server asked for 1s", d)
		}
		return time.After(0)
	})
	p := beginHere(t, c)
	code := p.shown(terminal, `the page shows (\S+)\.\n`)
	p.until("a second poll", func() bool { return s.Count("device_code") >= 2 })
	if !s.ApproveDevice(code) {
		t.Fatalf("the server does not know the code %s", code)
	}
	token, err := p.end()
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := s.Verify(token.IDToken.Reveal()); err != nil || claims["sub"] != "alice" || token.Subject != "alice" || token.RefreshToken == "" {
		t.Errorf("the ID token says %v (%v), got %+v", claims, err, token)
	}
	shown := terminal.shown()
	for _, words := range []string{"within 5m. Scan this\n", s.URL + "/device?user_code=" + code + "\n", "▀"} {
		if !strings.Contains(shown, words) {
			t.Errorf("the terminal does not show %q:\n%s", words, shown)
		}
	}
	if strings.Contains(shown, "paste") || s.Count("authorization_code") != 0 || s.Count("authorize") != 0 {
		t.Errorf("there is more than the device's way:\n%s", shown)
	}
	asked := url.Values{"client_id": {c.ClientID}, "scope": {"openid offline_access"}, "audience": {"api"}, "resource": c.Resource}
	if diff := cmp.Diff(asked, s.Requests("device")[0].Form); diff != "" {
		t.Errorf("the device request (-want +got):\n%s", diff)
	}
	for _, r := range s.Requests("device_code") {
		polled := url.Values{"client_id": {c.ClientID}, "grant_type": {deviceGrant}, "device_code": r.Form["device_code"], "resource": c.Resource, "x": {"y"}}
		if diff := cmp.Diff(polled, r.Form); diff != "" || r.Form.Get("device_code") == "" {
			t.Errorf("the poll (-want +got):\n%s", diff)
		}
	}
	if _, err := c.Refresh(t.Context(), token); err != nil {
		t.Errorf("what it gave does not refresh: %v", err)
	}
}

// TestDeviceDenied: if the user refuses, the login and the polls end.
func TestDeviceDenied(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c, terminal := clientOf(s), newTerminal()
	c.Grant, c.Prompt = oauth.GrantDevice, terminal
	oauth.SetTimer(c, func(time.Duration) <-chan time.Time { return time.After(0) })
	p := beginHere(t, c)
	s.DenyDevice(p.shown(terminal, `the page shows (\S+)\.\n`))
	_, err := p.end()
	wantDefinite(t, err, "access_denied")
}

// TestDevicePolls: what each answer of the token endpoint leads to, and how long
// is waited before the next poll.
func TestDevicePolls(t *testing.T) {
	const s, j = time.Second, "application/json"
	pending := said(400, j, `{"error":"authorization_pending"}`)
	slower := said(400, j, `{"error":"slow_down"}`)
	given := answer(`{"access_token":"at","refresh_token":"rt","token_type":"Bearer"}`)
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	busy := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "30")
		said(503, "text/plain", "")(w, r)
	}
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		waits   []time.Duration
		code    string // of a definite error
		words   string // of a temporary one
	}{
		"at once":             {answers: []http.HandlerFunc{given}, waits: []time.Duration{5 * s}},
		"pending":             {answers: []http.HandlerFunc{pending, pending, given}, waits: []time.Duration{5 * s, 5 * s, 5 * s}},
		"pending with 200":    {answers: []http.HandlerFunc{answer(`{"error":"authorization_pending"}`), given}, waits: []time.Duration{5 * s, 5 * s}},
		"slower for good":     {answers: []http.HandlerFunc{slower, pending, slower, pending, given}, waits: []time.Duration{5 * s, 10 * s, 10 * s, 15 * s, 15 * s}},
		"slower, with 429":    {answers: []http.HandlerFunc{said(429, j, `{"error":"slow_down"}`), given}, waits: []time.Duration{5 * s, 10 * s}},
		"cut off":             {answers: []http.HandlerFunc{cut, cut, pending, given}, waits: []time.Duration{5 * s, 10 * s, 20 * s, 5 * s}},
		"in trouble":          {answers: []http.HandlerFunc{said(502, "text/html", ""), said(500, j, `{"error":"access_denied"}`), given}, waits: []time.Duration{5 * s, 10 * s, 20 * s}},
		"a captive portal":    {answers: []http.HandlerFunc{said(200, "text/html", "<html>"), given}, waits: []time.Duration{5 * s, 10 * s}},
		"busy for a while":    {answers: []http.HandlerFunc{busy, given}, waits: []time.Duration{5 * s, 30 * s}},
		"denied":              {answers: []http.HandlerFunc{pending, said(400, j, `{"error":"access_denied"}`)}, waits: []time.Duration{5 * s, 5 * s}, code: "access_denied"},
		"expired":             {answers: []http.HandlerFunc{pending, said(400, j, `{"error":"expired_token"}`)}, waits: []time.Duration{5 * s, 5 * s}, words: "the code expired before anyone logged in to flyte.example.com"},
		"declined, Entra":     {answers: []http.HandlerFunc{said(400, j, `{"error":"authorization_declined"}`)}, waits: []time.Duration{5 * s}, code: "authorization_declined"},
		"expired, Entra":      {answers: []http.HandlerFunc{said(400, j, `{"error":"code_expired"}`)}, waits: []time.Duration{5 * s}, words: "the code expired before anyone logged in to flyte.example.com"},
		"a gateway says no":   {answers: []http.HandlerFunc{said(403, j, `{"status":403,"error":"Forbidden"}`), given}, waits: []time.Duration{5 * s, 10 * s}},
		"a dead code":         {answers: []http.HandlerFunc{said(400, j, `{"error":"invalid_grant"}`)}, waits: []time.Duration{5 * s}, code: "invalid_grant"},
		"not for this client": {answers: []http.HandlerFunc{said(400, j, `{"error":"unauthorized_client"}`)}, waits: []time.Duration{5 * s}, code: "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.token = func(w http.ResponseWriter, r *http.Request) {
				n := len(f.requests())
				if n > len(test.answers) {
					t.Errorf("%d polls, want %d", n, len(test.answers))
					n = len(test.answers)
				}
				test.answers[n-1](w, r)
			}
			c, _ := f.deviceClient()
			k := newClock()
			c.Now, c.Endpoint = k.Now, "flyte.example.com"
			oauth.SetTimer(c, k.wait)
			token, err := c.Login(t.Context())
			switch {
			case test.code != "":
				wantDefinite(t, err, test.code)
			case test.words != "":
				wantNobody(t, err, test.words)
			case err != nil || token.AccessToken != "at" || token.RefreshToken != "rt":
				t.Errorf("got %v and %v", token, err)
			}
			if diff := cmp.Diff(test.waits, k.waited()); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

// wantNobody fails unless the error says that the user did not answer.
func wantNobody(t testing.TB, err error, words string) {
	t.Helper()
	if oauth.ClassOf(err) != oauth.ClassUnanswered || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v (%T), want an unanswered login with %q", err, err, words)
	}
}

// TestDeviceCodeRunsOut: a login lasts as long as its code, and no longer.
func TestDeviceCodeRunsOut(t *testing.T) {
	for name, test := range map[string]struct {
		expires string
		lasts   time.Duration
		words   string
	}{
		"said":     {`,"expires_in":600`, 10 * time.Minute, "not completed within 10m, while the code was valid"},
		"not said": {``, 15 * time.Minute, "not completed within 15m, while the code was valid"},
		"a year":   {`,"expires_in":31536000`, 30 * time.Minute, "not completed within 30m, while the code was valid"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.device = answer(`{"device_code":"dc","user_code":"uc","verification_uri":"https://id.example/","interval":60` + test.expires + `}`)
			f.token = said(400, "application/json", `{"error":"authorization_pending"}`)
			c, _ := f.deviceClient()
			k := newClock()
			k.until = test.lasts
			c.Now = k.Now
			oauth.SetTimer(c, k.wait)
			_, err := beginHere(t, c).end()
			wantNobody(t, err, test.words)
			if n, want := len(f.requests()), int(test.lasts/time.Minute)-1; n != want {
				t.Errorf("%d polls, want %d", n, want)
			}
		})
	}
}

// TestDeviceOutlastsTheTimeout: LoginTimeout is for a browser that opens here.
func TestDeviceOutlastsTheTimeout(t *testing.T) {
	f := newFake(t)
	f.token = func(w http.ResponseWriter, r *http.Request) {
		if len(f.requests()) < 20 {
			said(400, "application/json", `{"error":"authorization_pending"}`)(w, r)
			return
		}
		answer(`{"access_token":"at","token_type":"Bearer"}`)(w, r)
	}
	c, _ := f.deviceClient()
	c.LoginTimeout = time.Nanosecond
	if _, err := c.Login(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDeviceRefused: a device endpoint that gives no code ends a login that has
// no other way, in words that fit on a line.
func TestDeviceRefused(t *testing.T) {
	const j = "application/json"
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		code    string
		words   string
		later   bool
	}{
		"refused":     {handler: said(401, j, `{"error":"unauthorized_client","error_description":"\u001b[31mno"}`), code: "unauthorized_client", words: "unauthorized_client: [31mno"},
		"in trouble":  {handler: said(503, "text/plain", ""), words: "503", later: true},
		"HTML":        {handler: said(200, "text/html", "<html>"), words: "HTML", later: true},
		"broken JSON": {handler: said(200, j, `{"device_code":`), words: "broken JSON", later: true},
		"not found":   {handler: said(404, j, `{"message":"\u001b"}`), words: "404 Not Found without a device code", later: true},
		"redirected": {handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/token", http.StatusTemporaryRedirect)
		}, words: "307", later: true},
		"no device_code":   {handler: answer(`{"user_code":"x","verification_uri":"https://id.example/"}`), words: "without a device_code"},
		"no user_code":     {handler: answer(`{"device_code":"x","verification_uri":"https://id.example/"}`), words: "without a user_code"},
		"no address":       {handler: answer(`{"device_code":"x","user_code":"x"}`), words: "without a verification_uri"},
		"a script":         {handler: answer(`{"device_code":"x","user_code":"x","verification_uri":"javascript:x"}`), words: "must not be opened"},
		"an empty object":  {handler: answer(`{}`), words: "without a device_code"},
		"null":             {handler: answer(`null`), words: "broken JSON", later: true},
		"more than 1 MiB":  {handler: answer(`{"device_code":"` + strings.Repeat("x", 1<<20) + `"}`), words: "larger than 1 MiB", later: true},
		"nothing at all":   {handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, words: "cannot be reached", later: true},
		"a list of fields": {handler: answer(`[{"device_code":"x"}]`), words: "broken JSON", later: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.device = test.handler
			c, terminal := f.deviceClient()
			_, err := c.Login(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.words) {
				t.Fatalf("got %v, want to read of %q", err, test.words)
			}
			if test.code != "" {
				wantDefinite(t, err, test.code)
			}
			if oauth.IsTemporary(err) != test.later {
				t.Errorf("%v is %T", err, err)
			}
			wantHarmless(t, err)
			if len(f.requests()) != 0 || terminal.shown() != "" {
				t.Errorf("%d polls, and the terminal shows\n%s", len(f.requests()), terminal.shown())
			}
		})
	}
}

// TestDeviceTexts: what the server has shown is fit for a terminal, and is what
// the QR code leads to.
func TestDeviceTexts(t *testing.T) {
	for name, test := range map[string]struct {
		more string
		want []string
		not  []string
	}{
		"plain":        {want: []string{"or open\n\n  https://id.example/device?p=q\n\nand enter the code ABCD-EFGH.\n"}, not: []string{"user_code"}},
		"complete":     {more: `,"verification_uri_complete":"https://id.example/d?c=ABCD"`, want: []string{"  https://id.example/d?c=ABCD\n\nand check that the page shows ABCD-EFGH.\n"}},
		"ESC":          {more: `,"user_code":"\u001b]0;owned\u0007AB\u001b[2JCD"`, want: []string{"and enter the code ]0;ownedAB[2JCD.\n"}, not: []string{"\x1b]", "\x07", "\x1b[2J"}},
		"bidi":         {more: `,"user_code":"AB\u202eCD\u2066"`, want: []string{"the code ABCD.\n"}, not: []string{"\u202e", "\u2066"}},
		"lines":        {more: `,"user_code":"AB\r\nrm -rf"`, want: []string{"the code AB  rm -rf.\n"}},
		"bad complete": {more: `,"verification_uri_complete":"https://id.example/\u001b[2J"`, want: []string{"  https://id.example/device?p=q\n"}, not: []string{"[2J"}},
		"long complete": {
			more: `,"verification_uri_complete":"https://id.example/` + strings.Repeat("x", 460) + `"`,
			want: []string{"within 15m. Open\n\n  https://id.example/xxx"}, not: []string{"▀", "Scan"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.device = answer(`{"device_code":"dc","user_code":"ABCD-EFGH","verification_uri":"https://id.example/device?p=q"` + test.more + `}`)
			c, terminal := f.deviceClient()
			if _, err := c.Login(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, words := range test.want {
				if !strings.Contains(terminal.shown(), words) {
					t.Errorf("the terminal does not show %q:\n%s", words, terminal.shown())
				}
			}
			for _, words := range test.not {
				if strings.Contains(terminal.shown(), words) {
					t.Errorf("the terminal shows %q:\n%q", words, terminal.shown())
				}
			}
			if strings.Contains(terminal.shown(), "dc\n") || strings.Contains(terminal.shown(), `"dc"`) {
				t.Error("the device code is shown")
			}
		})
	}
}

// TestDeviceBrowser: without a terminal the browser opens at the address with the code, if
// there is one; with a terminal no browser opens.
func TestDeviceBrowser(t *testing.T) {
	f := newFake(t)
	for complete, want := range map[string]string{"": "https://id.example/device", `,"verification_uri_complete":"https://id.example/d?c=x"`: "https://id.example/d?c=x"} {
		f.device = answer(`{"device_code":"dc","user_code":"x","verification_uri":"https://id.example/device"` + complete + `}`)
		c, terminal := f.deviceClient()
		var opened []string
		c.Open = func(_ context.Context, address string) error { opened = append(opened, address); return nil }
		if _, err := c.Login(t.Context()); err != nil || opened != nil || !strings.Contains(terminal.shown(), want) {
			t.Errorf("with a terminal: %v, opened %q", err, opened)
		}
		c.Prompt = nil
		if _, err := c.Login(t.Context()); err != nil || !slices.Equal(opened, []string{want}) {
			t.Errorf("without: %v, opened %q", err, opened)
		}
	}
	c, _ := f.deviceClient()
	broken := errors.New("no browser")
	c.Prompt, c.Open = nil, func(context.Context, string) error { return broken }
	f.token = said(400, "application/json", `{"error":"authorization_pending"}`)
	if _, err := c.Login(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestGrants: what a grant cannot do without is said before the server is asked.
func TestGrants(t *testing.T) {
	f := newFake(t)
	for name, test := range map[string]struct {
		change  func(*oauth.Client)
		setting string
		words   string
	}{
		"unknown":                {func(c *oauth.Client) { c.Grant = "implicit" }, "grant", "no grant implicit"},
		"no device endpoint":     {func(c *oauth.Client) { c.DeviceEndpoint = "" }, "grant", "no device endpoint"},
		"no terminal to show it": {func(c *oauth.Client) { c.Prompt = nil }, "grant", "neither a terminal"},
		"for a machine":          {func(c *oauth.Client) { c.Grant = oauth.GrantClientCredentials }, "grant", "has no login"},
		"endpoint is http":       {func(c *oauth.Client) { c.DeviceEndpoint = "http://id.example/device" }, "device-endpoint", "https"},
		"endpoint has a user":    {func(c *oauth.Client) { c.DeviceEndpoint = "https://a:b@id.example/device" }, "device-endpoint", "user"},
		"no token endpoint":      {func(c *oauth.Client) { c.TokenEndpoint = "" }, "token-endpoint", "no token endpoint"},
		"browser, no endpoint":   {func(c *oauth.Client) { c.Grant, c.AuthEndpoint = oauth.GrantBrowser, "" }, "auth-endpoint", "no authorization endpoint"},
		"auto, no endpoint":      {func(c *oauth.Client) { c.Grant, c.AuthEndpoint = oauth.GrantAuto, "" }, "auth-endpoint", "no authorization endpoint"},
		"device_code is ours":    {func(c *oauth.Client) { c.TokenParams = map[string]string{"device_code": "x"} }, "token-param", "device_code cannot be set"},
		"default, no endpoint":   {func(c *oauth.Client) { c.Grant, c.AuthEndpoint = "", "" }, "auth-endpoint", "no authorization endpoint"},
		"a redirect of no sort":  {func(c *oauth.Client) { c.RedirectURI = "x" }, "redirect-uri", "not a redirect URI"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := f.deviceClient()
			test.change(c)
			_, err := c.Login(t.Context())
			wantConfig(t, err, test.setting, test.words)
		})
	}
	if len(f.requests())+f.asked() != 0 {
		t.Error("the server was asked")
	}
}

// TestDeviceServer: a server needs no authorization endpoint for a device, nor
// PKCE; and an empty device endpoint is none.
func TestDeviceServer(t *testing.T) {
	f := newFake(t)
	delete(f.metadata, "authorization_endpoint")
	f.metadata["code_challenge_methods_supported"] = []string{"plain"}
	f.metadata["require_pushed_authorization_requests"] = true
	f.metadata["device_authorization_endpoint"] = f.URL + "/device"
	c, terminal := f.deviceClient()
	c.AuthEndpoint, c.TokenEndpoint, c.DeviceEndpoint, c.Issuer, c.Scopes = "", "", "", f.URL, []string{"all"}
	if _, err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if words := "Log in to " + strings.TrimPrefix(f.URL, "http://") + " in a browser"; !strings.Contains(terminal.shown(), words) {
		t.Errorf("the terminal does not show %q:\n%s", words, terminal.shown())
	}
	f.metadata["device_authorization_endpoint"] = ""
	_, err := c.Login(t.Context())
	wantConfig(t, err, "grant", "no device endpoint")
}

// eitherWay is a client that may log in by device code or by pasting, and a clock whose
// device polls when the test says so.
func eitherWay(f *fake) (c *oauth.Client, terminal *terminal, poll chan time.Time) {
	c, terminal = f.deviceClient()
	c.Grant, poll = oauth.GrantAuto, make(chan time.Time)
	oauth.SetTimer(c, func(time.Duration) <-chan time.Time { return poll })
	return c, terminal, poll
}

// pasteOf is the address at which the browser ends that was sent to the
// authorization request on the terminal.
func pasteOf(t testing.TB, p *pausing, terminal *terminal) string {
	t.Helper()
	u, err := url.Parse(p.shown(terminal, `\n  (\S+/auth\?\S+)\n`))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("redirect_uri") + "?code=the-code&state=" + u.Query().Get("state")
}

// grants are those that the token endpoint was asked for.
func (f *fake) grants() (grants []string) {
	for _, r := range f.requests() {
		grants = append(grants, r.form.Get("grant_type"))
	}
	return grants
}

// asked is how often a device code was asked for.
func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.devices
}

func wantGrants(t testing.TB, f *fake, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, f.grants()); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

// TestEitherWay: if no browser opens, the first answer completes the login, and the other
// way ends.
func TestEitherWay(t *testing.T) {
	pending := said(400, "application/json", `{"error":"authorization_pending"}`)
	t.Run("paste", func(t *testing.T) {
		f := newFake(t)
		given := f.token
		f.token = func(w http.ResponseWriter, r *http.Request) {
			if r.Form.Get("grant_type") == deviceGrant {
				pending(w, r)
				return
			}
			given(w, r)
		}
		c, terminal, poll := eitherWay(f)
		p := beginHere(t, c)
		pasted := pasteOf(t, p, terminal)
		poll <- time.Now()
		poll <- time.Now() // and so the first poll is over
		p.until("both polls", func() bool { return len(f.requests()) == 2 })
		terminal.lines <- pasted
		if _, err := p.end(); err != nil {
			t.Fatal(err)
		}
		wantGrants(t, f, deviceGrant, deviceGrant, "authorization_code")
	})
	t.Run("listener", func(t *testing.T) {
		f := newFake(t)
		c, terminal, _ := eitherWay(f)
		p := beginHere(t, c)
		resp, err := browser().Get(pasteOf(t, p, terminal))
		if err != nil {
			t.Fatal(err)
		}
		if page := read(t, resp); !strings.Contains(page, "You are logged in") {
			t.Errorf("the page is\n%s", page)
		}
		if _, err := p.end(); err != nil {
			t.Error(err)
		}
		wantGrants(t, f, "authorization_code")
	})
	t.Run("device", func(t *testing.T) {
		f := newFake(t)
		c, terminal, poll := eitherWay(f)
		c.RedirectURI = fmt.Sprintf("http://127.0.0.1:%d/cb", free(t))
		p := beginHere(t, c)
		pasted := pasteOf(t, p, terminal)
		poll <- time.Now()
		if _, err := p.end(); err != nil {
			t.Fatal(err)
		}
		terminal.lines <- pasted
		if resp, err := browser().Get(pasted); err == nil {
			resp.Body.Close()
			t.Error("a listener is still open")
		}
		wantGrants(t, f, deviceGrant)
	})
	t.Run("denied", func(t *testing.T) {
		f := newFake(t)
		f.token = said(400, "application/json", `{"error":"access_denied"}`)
		c, terminal, poll := eitherWay(f)
		p := beginHere(t, c)
		pasteOf(t, p, terminal)
		poll <- time.Now()
		_, err := p.end()
		wantDefinite(t, err, "access_denied")
		wantGrants(t, f, deviceGrant)
	})
	t.Run("expired", func(t *testing.T) {
		f := newFake(t)
		f.token = said(400, "application/json", `{"error":"expired_token"}`)
		c, terminal, poll := eitherWay(f)
		p := beginHere(t, c)
		pasteOf(t, p, terminal)
		poll <- time.Now()
		_, err := p.end()
		wantNobody(t, err, "the code expired")
	})
	t.Run("refused at the poll", func(t *testing.T) {
		f := newFake(t)
		given := f.token
		f.token = func(w http.ResponseWriter, r *http.Request) {
			if r.Form.Get("grant_type") == deviceGrant {
				said(400, "application/json", `{"error":"unauthorized_client"}`)(w, r)
				return
			}
			given(w, r)
		}
		c, terminal, poll := eitherWay(f)
		p := beginHere(t, c)
		pasted := pasteOf(t, p, terminal)
		poll <- time.Now()
		p.shown(terminal, `(The code above cannot be used \(\S+ answered unauthorized_client\)\.\n)`)
		terminal.lines <- pasted
		if _, err := p.end(); err != nil {
			t.Error(err)
		}
		wantGrants(t, f, deviceGrant, "authorization_code")
	})
}

// TestOneCodeIsSpent: an address that is pasted during a poll waits for the poll, and is
// not redeemed if the poll got the token.
func TestOneCodeIsSpent(t *testing.T) {
	f := newFake(t)
	c, terminal, poll := eitherWay(f)
	login, err := c.PrepareLogin(t.Context(), oauth.Auto)
	if err != nil {
		t.Fatal(err)
	}
	polling, answered := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var spent []string
	spend := func(ctx context.Context, s *oauth.TokenRequest) (*oauth.Token, error) {
		mu.Lock()
		spent = append(spent, s.Form.Get("grant_type"))
		mu.Unlock()
		if s.Refreshes() {
			t.Error("a poll calls itself a refresh")
		}
		if s.Form.Get("grant_type") == deviceGrant {
			close(polling)
			<-answered
		}
		return c.Redeem(ctx, s, nil, oauth.Journal{})
	}
	p := &pausing{t: t, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.token, p.err = login(t.Context(), spend)
	}()
	pasted := pasteOf(t, p, terminal)
	poll <- time.Now()
	<-polling
	terminal.lines <- pasted
	p.until("the pasted line to be read", func() bool { return len(terminal.lines) == 0 })
	close(answered)
	if _, err := p.end(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{deviceGrant}, spent); diff != "" {
		t.Errorf("spent (-want +got):\n%s", diff)
	}
}

// TestAuto: when a device code is requested, and how the login continues if there is none.
func TestAuto(t *testing.T) {
	opened := func(context.Context, string) error { return nil }
	for name, test := range map[string]struct {
		change  func(*fake, *oauth.Client)
		devices int
		words   string
	}{
		"no browser":         {change: func(*fake, *oauth.Client) {}, devices: 1, words: "and enter the code ABCD-EFGH.\n\nOr open\n\n  http"},
		"zero":               {change: func(_ *fake, c *oauth.Client) { c.Grant = "" }, devices: 1, words: "the code ABCD-EFGH.\n"},
		"a browser":          {change: func(_ *fake, c *oauth.Client) { c.Open = opened }, words: "in the browser that opens, within 2m."},
		"browser grant":      {change: func(_ *fake, c *oauth.Client) { c.Grant = oauth.GrantBrowser }, words: "in a browser, within 2m."},
		"no device endpoint": {change: func(_ *fake, c *oauth.Client) { c.DeviceEndpoint = "" }, words: "in a browser, within 2m."},
		"refused": {
			change:  func(f *fake, _ *oauth.Client) { f.device = said(400, "application/json", `{"error":"invalid_scope"}`) },
			devices: 1, words: "answered invalid_scope).\nLog in to ",
		},
		"in trouble": {
			change:  func(f *fake, _ *oauth.Client) { f.device = said(503, "text/plain", "") },
			devices: 1, words: "answered 503 Service Unavailable).\nLog in to ",
		},
		"hostile": {
			change: func(f *fake, _ *oauth.Client) {
				f.device = answer(`{"device_code":"x","user_code":"x","verification_uri":"file:///\u001b"}`)
			},
			devices: 1, words: "must not be opened: file:///).\nLog in to ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			c, terminal, _ := eitherWay(f)
			test.change(f, c)
			p := beginHere(t, c)
			terminal.lines <- pasteOf(t, p, terminal)
			if _, err := p.end(); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(terminal.shown(), test.words) {
				t.Errorf("the terminal does not show %q:\n%s", test.words, terminal.shown())
			}
			if got := strings.Count(terminal.shown(), "There is no device code"); got > 1 {
				t.Errorf("told %d times", got)
			}
			if f.asked() != test.devices {
				t.Errorf("%d device requests, want %d", f.asked(), test.devices)
			}
			wantGrants(t, f, "authorization_code")
		})
	}
}

// TestDeviceInterrupted: Ctrl-C ends the login at once, between polls, while one
// is under way, and while the code is asked for; in each grant.
func TestDeviceInterrupted(t *testing.T) {
	reason := errors.New("interrupted")
	hang := func(came chan<- struct{}) http.HandlerFunc {
		return func(_ http.ResponseWriter, r *http.Request) {
			came <- struct{}{}
			<-r.Context().Done()
		}
	}
	for _, grant := range []oauth.Grant{oauth.GrantDevice, oauth.GrantAuto} {
		for name, spoil := range map[string]func(*fake, *oauth.Client, chan struct{}){
			"between polls": func(_ *fake, c *oauth.Client, came chan struct{}) {
				oauth.SetTimer(c, func(time.Duration) <-chan time.Time { came <- struct{}{}; return nil })
			},
			"in a poll":        func(f *fake, _ *oauth.Client, came chan struct{}) { f.token = hang(came) },
			"asking for codes": func(f *fake, _ *oauth.Client, came chan struct{}) { f.device = hang(came) },
		} {
			t.Run(string(grant)+"/"+name, func(t *testing.T) {
				f := newFake(t)
				c, _ := f.deviceClient()
				c.Grant = grant
				came := make(chan struct{}, 1)
				spoil(f, c, came)
				p := beginHere(t, c)
				<-came
				begun := time.Now()
				p.cancel(reason)
				if _, err := p.end(); !errors.Is(err, reason) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(begun); took > patience/2 {
					t.Errorf("it took %s", took)
				}
			})
		}
	}
}
