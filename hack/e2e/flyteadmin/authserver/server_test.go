package authserver_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// client is a program that logs in, with the browser of its user.
type client struct {
	*authserver.Server
	url      string
	verifier string
	browser  *http.Client // follows no redirect
}

func start(t *testing.T) *client {
	t.Helper()
	idp, err := oauthtest.NewServer(oauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(idp.Close)
	front := httptest.NewUnstartedServer(nil)
	issuer := "http://" + front.Listener.Addr().String()
	idp.Configure(func(c *oauthtest.Config) { c.RedirectURIs = []string{issuer + authserver.CallbackPath} })
	s, err := authserver.New(issuer, idp)
	if err != nil {
		t.Fatal(err)
	}
	front.Config.Handler = s
	front.Start()
	t.Cleanup(front.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{s, issuer, oauth2.GenerateVerifier(), &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// with returns the parameters of a successful request with changes: names and values in
// turn. An empty value removes the parameter.
func with(form url.Values, changes []string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

func (c *client) authorizeURL(changes ...string) string {
	form := url.Values{
		"client_id":             {authserver.PublicClient},
		"response_type":         {"code"},
		"scope":                 {"all offline"},
		"redirect_uri":          {authserver.Redirects()[0]},
		"state":                 {"a-long-state"},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(c.verifier)},
		"code_challenge_method": {"S256"},
	}
	return c.url + authserver.AuthorizePath + "?" + with(form, changes).Encode()
}

// hop sends one request and returns the status, and the target of the redirect or the
// text.
func (c *client) hop(t *testing.T, address string) (status int, next, body string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.send(t, request)
}

func (c *client) send(t *testing.T, r *http.Request) (status int, next, body string) {
	t.Helper()
	answer, err := c.browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text := new(strings.Builder)
	if err := answer.Write(text); err != nil {
		t.Fatal(err)
	}
	if at, err := answer.Location(); err == nil {
		next = at.String()
	}
	return answer.StatusCode, next, text.String()
}

// authorize follows all redirects, and returns the statuses of this server and the last
// target.
func (c *client) authorize(t *testing.T, changes ...string) (statuses []int, redirect url.Values) {
	t.Helper()
	next := c.authorizeURL(changes...)
	for next != "" && !strings.Contains(next, "localhost:") {
		ours := strings.HasPrefix(next, c.url)
		status, to, _ := c.hop(t, next)
		if ours {
			statuses = append(statuses, status)
		}
		if to == "" && status == http.StatusOK { // the sign-in page
			to = c.signIn(t, next)
		}
		next = to
	}
	u, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	return statuses, u.Query()
}

// signIn sends the form of the sign-in page.
func (c *client) signIn(t *testing.T, page string) (next string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, page, strings.NewReader("username=alice"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, next, _ = c.send(t, request)
	return next
}

func (c *client) code(t *testing.T, changes ...string) string {
	t.Helper()
	_, redirect := c.authorize(t, changes...)
	if redirect.Get("code") == "" {
		t.Fatalf("no code: %v", redirect)
	}
	return redirect.Get("code")
}

type answer struct {
	status int
	Access string `json:"access_token"`
	Type   string `json:"token_type"`
	In     int    `json:"expires_in"`
	Refr   string `json:"refresh_token"`
	Scope  string `json:"scope"`
	Error  string `json:"error"`
}

func (c *client) token(t *testing.T, form url.Values, basic ...string) answer {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, c.url+authserver.TokenPath, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic != nil {
		request.SetBasicAuth(basic[0], basic[1])
	}
	response, err := c.browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode}
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func (c *client) exchange(t *testing.T, code string, changes ...string) answer {
	t.Helper()
	return c.token(t, c.exchangeForm(code, changes...))
}

func (c *client) exchangeForm(code string, changes ...string) url.Values {
	return with(url.Values{
		"grant_type":    {"authorization_code"},
		"client_id":     {authserver.PublicClient},
		"code":          {code},
		"code_verifier": {c.verifier},
	}, changes)
}

func (c *client) refresh(t *testing.T, token string, changes ...string) answer {
	t.Helper()
	return c.token(t, with(url.Values{
		"grant_type":    {"refresh_token"},
		"client_id":     {authserver.PublicClient},
		"refresh_token": {token},
	}, changes))
}

func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func want(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.Error != code {
		t.Errorf("%d %q, want %d %q", a.status, a.Error, status, code)
	}
	if (a.status == http.StatusOK) != (a.Access != "") {
		t.Errorf("%d with the token %q", a.status, a.Access)
	}
}

func TestLoginHops(t *testing.T) {
	c := start(t)
	statuses, redirect := c.authorize(t)
	if diff := cmp.Diff([]int{307, 307, 307, 303}, statuses); diff != "" {
		t.Error(diff)
	}
	if redirect.Get("state") != "a-long-state" || redirect.Get("code") == "" || redirect.Get("scope") != "f.all offline access_token" || len(redirect) != 3 {
		t.Errorf("redirected with %v", redirect)
	}
	if c.Count("authorize") != 1 {
		t.Errorf("%d authorization requests", c.Count("authorize"))
	}
}

// An error in the redirect URI or the client is shown to the user; other errors are sent
// to the redirect URI.
func TestAuthorizeRefused(t *testing.T) {
	for name, test := range map[string]struct {
		changes []string
		status  int
		code    string // in the redirect; or in the page
	}{
		"no state":            {[]string{"state", ""}, 303, "invalid_state"},
		"short state":         {[]string{"state", "1234567"}, 303, "invalid_state"},
		"openid":              {[]string{"scope", "all openid"}, 303, "invalid_scope"},
		"offline_access":      {[]string{"scope", "all offline_access"}, 303, "invalid_scope"},
		"an audience":         {[]string{"audience", "https://flyte.example.com"}, 303, "invalid_request"},
		"another port":        {[]string{"redirect_uri", "http://localhost:8080/callback"}, 400, "invalid_request"},
		"127.0.0.1":           {[]string{"redirect_uri", "http://127.0.0.1:53593/callback"}, 400, "invalid_request"},
		"a trailing slash":    {[]string{"redirect_uri", "http://localhost:53593/callback/"}, 400, "invalid_request"},
		"no redirect URI":     {[]string{"redirect_uri", ""}, 400, "invalid_request"},
		"an unknown client":   {[]string{"client_id", "unknown"}, 401, "invalid_client"},
		"another machine's":   {[]string{"client_id", authserver.SecretClient}, 400, "invalid_request"},
		"the second port":     {[]string{"redirect_uri", authserver.Redirects()[1]}, 307, ""},
		"the second client":   {[]string{"client_id", "flyte-cli"}, 307, ""},
		"the scope of tokens": {[]string{"scope", "all access_token"}, 307, ""},
		"no challenge":        {[]string{"code_challenge", "", "code_challenge_method", ""}, 307, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			status, next, body := c.hop(t, c.authorizeURL(test.changes...))
			u, err := url.Parse(next)
			if err != nil {
				t.Fatal(err)
			}
			if status != test.status || u.Query().Get("error") != test.code && !strings.Contains(body, `"error":"`+test.code+`"`) {
				t.Errorf("%d to %q: %s", status, next, body)
			}
			if status >= 400 && !strings.Contains(body, "application/json") {
				t.Errorf("not JSON: %s", body)
			}
		})
	}
}

func TestPlainChallengeRefused(t *testing.T) {
	c := start(t)
	if _, redirect := c.authorize(t, "code_challenge_method", "plain"); redirect.Get("error") != "invalid_request" {
		t.Errorf("redirected with %v", redirect)
	}
}

func TestAudienceNotWhitelisted(t *testing.T) {
	c := start(t)
	_, next, _ := c.hop(t, c.authorizeURL("audience", "x"))
	if !strings.Contains(next, "has+not+been+whitelisted") {
		t.Errorf("redirected to %s", next)
	}
}

func TestExchange(t *testing.T) {
	for name, test := range map[string]struct {
		changes []string
		status  int
		code    string
	}{
		"all is well":       {nil, 200, ""},
		"no client":         {[]string{"client_id", ""}, 400, "invalid_request"},
		"no verifier":       {[]string{"code_verifier", ""}, 400, "invalid_grant"},
		"a wrong verifier":  {[]string{"code_verifier", oauth2.GenerateVerifier()}, 400, "invalid_grant"},
		"a wrong redirect":  {[]string{"redirect_uri", "http://elsewhere.example"}, 200, ""},
		"a wrong scope":     {[]string{"scope", "nonsense"}, 200, ""},
		"a wrong state":     {[]string{"state", "nonsense"}, 200, ""},
		"no code":           {[]string{"code", ""}, 500, "server_error"},
		"a device":          {[]string{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}, 400, "invalid_request"},
		"the second client": {[]string{"client_id", "flyte-cli"}, 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			want(t, c.exchange(t, c.code(t), test.changes...), test.status, test.code)
		})
	}
}

func TestExchangeWithBasic(t *testing.T) {
	c := start(t)
	want(t, c.token(t, c.exchangeForm(c.code(t), "client_id", ""), authserver.PublicClient, ""), 200, "")
}

func TestExchangeWithoutChallenge(t *testing.T) {
	c := start(t)
	want(t, c.exchange(t, c.code(t, "code_challenge", "", "code_challenge_method", ""), "code_verifier", ""), 200, "")
}

func TestCode(t *testing.T) {
	c := start(t)
	code := c.code(t)
	want(t, c.exchange(t, code), 200, "")
	want(t, c.exchange(t, code), 200, "")
	if c.Count("authorization_code") != 2 || c.Count("token") != 2 || c.Count("refused") != 0 {
		t.Errorf("counts of exchanges: %d, of tokens %d, of refusals %d", c.Count("authorization_code"), c.Count("token"), c.Count("refused"))
	}
	c.SetLifetimes(authserver.Lifetimes{Code: -time.Second})
	want(t, c.exchange(t, c.code(t)), 500, "server_error")
	if c.Count("refused") != 1 || c.Count("server_error") != 1 {
		t.Errorf("%d refusals", c.Count("refused"))
	}
}

func TestTokenAnswer(t *testing.T) {
	c := start(t)
	c.SetLifetimes(authserver.Lifetimes{Access: 90 * time.Second, Refresh: 3 * time.Hour})
	before := time.Now()
	a := c.exchange(t, c.code(t))
	if a.Type != "bearer" || a.In != 89 || a.Scope == "" || len(a.Access) < 1000 {
		t.Errorf("type %q, expires in %d, scope %q, %d characters", a.Type, a.In, a.Scope, len(a.Access))
	}
	got := claims(t, a.Access)
	if diff := cmp.Diff([]any{"all", "offline", "f.all", "access_token"}, got["scp"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"subject": "alice", "name": "Alice", "preferred_username": "alice", "email": "alice@example.com"}, got["user_info"]); diff != "" {
		t.Error(diff)
	}
	form, _ := got["form"].(map[string]any)
	if diff := cmp.Diff([]any{c.url}, got["aud"]); diff != "" || got["iss"] != c.url || got["sub"] != "alice" || got["client_id"] != authserver.PublicClient || form["code_challenge"] == nil {
		t.Errorf("claims: %v", got)
	}
	wantExpiry(t, "access", got, before.Add(90*time.Second))
	wantExpiry(t, "refresh", claims(t, a.Refr), before.Add(3*time.Hour))
	if _, err := c.Verify(t.Context(), a.Access); err != nil {
		t.Error(err)
	}
}

func wantExpiry(t *testing.T, what string, claims map[string]any, want time.Time) {
	t.Helper()
	expiry, _ := claims["exp"].(float64)
	if late := time.Unix(int64(expiry), 0).Sub(want); late < -time.Second || late > time.Minute {
		t.Errorf("the %s token expires %v after what was expected", what, late)
	}
}

func TestScopes(t *testing.T) {
	for scope, want := range map[string]struct {
		scopes  []any
		refresh bool
	}{
		"":                         {[]any{"access_token"}, false},
		"all":                      {[]any{"all", "f.all", "access_token"}, false},
		"all offline access_token": {[]any{"all", "offline", "f.all", "f.access_token", "access_token"}, true},
	} {
		t.Run(scope, func(t *testing.T) {
			c := start(t)
			a := c.exchange(t, c.code(t, "scope", scope))
			if diff := cmp.Diff(want.scopes, claims(t, a.Access)["scp"], sorted); diff != "" || (a.Refr != "") != want.refresh {
				t.Errorf("refresh token %q, scopes: %s", a.Refr, diff)
			}
		})
	}
}

var sorted = cmp.Transformer("set", func(s []any) map[any]bool {
	set := map[any]bool{}
	for _, one := range s {
		set[one] = true
	}
	return set
})

// Each refresh gives a refresh token that expires later; the old one is good as long
// as it was.
func TestRefreshSlides(t *testing.T) {
	c := start(t)
	first := c.exchange(t, c.code(t))
	c.SetLifetimes(authserver.Lifetimes{Refresh: 2 * time.Hour})
	second := c.refresh(t, first.Refr)
	want(t, second, 200, "")
	if second.Refr == first.Refr || claims(t, second.Refr)["exp"].(float64) < claims(t, first.Refr)["exp"].(float64)+3500 {
		t.Errorf("the refresh token did not slide on: %v, then %v", claims(t, first.Refr)["exp"], claims(t, second.Refr)["exp"])
	}
	for _, token := range []string{first.Refr, second.Refr, second.Refr} {
		third := c.refresh(t, token)
		want(t, third, 200, "")
		if got := claims(t, third.Access); got["sub"] != "alice" || !cmp.Equal(got["aud"], []any{c.url}) || !sortedHas(got["scp"], "all") {
			t.Errorf("claims after a refresh: %v", got)
		}
	}
	if c.Count("refresh_token") != 4 {
		t.Errorf("%d refreshes", c.Count("refresh_token"))
	}
}

func sortedHas(scopes any, scope string) bool {
	list, _ := scopes.([]any)
	for _, one := range list {
		if one == scope {
			return true
		}
	}
	return false
}

func TestRefreshRefused(t *testing.T) {
	c := start(t)
	c.SetLifetimes(authserver.Lifetimes{Refresh: -time.Second})
	want(t, c.refresh(t, c.exchange(t, c.code(t)).Refr), 500, "server_error")
	want(t, c.refresh(t, "garbage"), 500, "server_error")
	c.SetLifetimes(authserver.Lifetimes{})
	want(t, c.refresh(t, c.exchange(t, c.code(t)).Refr, "client_id", ""), 400, "invalid_request")
	if c.Count("refused") != 3 || c.Count("server_error") != 2 {
		t.Errorf("%d refusals, %d server errors", c.Count("refused"), c.Count("server_error"))
	}
}

func TestClientCredentials(t *testing.T) {
	c := start(t)
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"all"}}
	a := c.token(t, form, authserver.SecretClient, authserver.Secret)
	want(t, a, 200, "")
	if got := claims(t, a.Access); !cmp.Equal(got["scp"], []any{"all"}) || !cmp.Equal(got["aud"], []any{c.url}) || a.Refr != "" {
		t.Errorf("claims %v, refresh token %q", got, a.Refr)
	}
	want(t, c.token(t, form, authserver.SecretClient, "wrong"), 401, "invalid_client")
	want(t, c.token(t, form, "unknown", "wrong"), 401, "invalid_client")
	if c.Count("client_credentials") != 3 || c.Count("invalid_client") != 2 {
		t.Errorf("%d, and %d refused", c.Count("client_credentials"), c.Count("invalid_client"))
	}
}

func TestVerify(t *testing.T) {
	c := start(t)
	c.SetLifetimes(authserver.Lifetimes{Access: -time.Second})
	if _, err := c.Verify(t.Context(), c.exchange(t, c.code(t)).Access); err == nil || err.Error() != "Token is expired" {
		t.Errorf("an expired token: %v", err)
	}
	if _, err := c.Verify(t.Context(), "garbage"); err == nil {
		t.Error("garbage is a token")
	}
}

func TestRotateKey(t *testing.T) {
	c := start(t)
	before := c.exchange(t, c.code(t))
	if err := c.RotateKey(); err != nil {
		t.Fatal(err)
	}
	want(t, c.refresh(t, before.Refr), 500, "server_error")
	if _, err := c.Verify(t.Context(), before.Access); err == nil {
		t.Error("the old key's token is still good")
	}
	want(t, c.refresh(t, c.exchange(t, c.code(t)).Refr), 200, "")
}

func TestPersonSaysNo(t *testing.T) {
	c := start(t)
	status, next, _ := c.hop(t, c.authorizeURL())
	for status == http.StatusTemporaryRedirect && strings.HasPrefix(next, c.url) {
		status, next, _ = c.hop(t, next)
	}
	if status, _, _ = c.hop(t, c.url+authserver.CallbackPath+"?error=access_denied"); status != http.StatusUnauthorized {
		t.Errorf("the callback answers %d", status)
	}
}
