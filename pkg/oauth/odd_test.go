package oauth_test

import (
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// oddAnswers are oddities by the kind of request.
type oddAnswers map[string]oauthtest.Oddity

func (o oddAnswers) apply(s *oauthtest.Server) {
	for kind, odd := range o {
		s.Odd(kind, odd)
	}
}

// TestOddLogin: answers of real servers to a login.
func TestOddLogin(t *testing.T) {
	type claims = map[string]any
	for name, test := range map[string]struct {
		odd    oddAnswers
		config oauthtest.Config
		client func(*oauth.Client)
		fault  string // of the ID token; empty: it is accepted
		fails  string // why the login fails; empty: it succeeds
		noID   bool   // there is no ID token
		noAcc  bool   // there is no access token
	}{
		"A3 email is a list":             {odd: oddAnswers{"token": {Claims: claims{"email": []string{"a@example.com"}, "name": 7, "preferred_username": nil}}}},
		"sub is a number":                {odd: oddAnswers{"token": {Claims: claims{"sub": 42}}}},
		"A5 two audiences, no azp":       {odd: oddAnswers{"token": {Claims: claims{"aud": []string{oauthtest.PublicClient, "https://api.example.com/"}}, DropClaims: []string{"azp"}}}},
		"A5 azp is another":              {odd: oddAnswers{"token": {Claims: claims{"aud": []string{oauthtest.PublicClient, "x"}, "azp": "x"}}}},
		"A6 HS256":                       {odd: oddAnswers{"token": {Sign: oauthtest.SignHS256}}, fault: "is not valid"},
		"A6 another aud":                 {odd: oddAnswers{"token": {Claims: claims{"aud": "another", "azp": "another"}}}, fault: "another client"},
		"A6 no signature":                {odd: oddAnswers{"token": {Sign: oauthtest.SignNone}}, fault: "is not valid"},
		"A6 wrong key":                   {odd: oddAnswers{"token": {Sign: oauthtest.SignWrongKey}}, fault: "none of the server's keys has signed it"},
		"A6 unknown key":                 {odd: oddAnswers{"token": {Sign: oauthtest.SignUnknownKey}}, fault: "none of the server's keys has signed it"},
		"A6 expired":                     {odd: oddAnswers{"token": {ExpiredFor: 20 * time.Second}}, fault: "expired"},
		"A6 no exp":                      {odd: oddAnswers{"token": {DropClaims: []string{"exp"}}}, fault: "is not valid"},
		"no iat":                         {odd: oddAnswers{"token": {DropClaims: []string{"iat"}}}},
		"A7 x5c":                         {odd: oddAnswers{"keys": {BadX5C: true}}},
		"A7 x5t":                         {odd: oddAnswers{"keys": {BadX5T: true}}},
		"A7 x5u and others":              {odd: oddAnswers{"keys": {KeyMembers: claims{"x5u": 7, "x5t#S256": "x", "key_ops": "verify", "exp": "x", "use": "sig"}}}},
		"A7 other keys":                  {odd: oddAnswers{"keys": {ExtraKeys: true}}},
		"A7 no usable key":               {odd: oddAnswers{"keys": {KeyMembers: claims{"kty": "AKP"}}}, fault: "publishes no key that can verify an ID token"},
		"A8 rotated":                     {odd: oddAnswers{"authorization_code": {RotateKeys: true}}},
		"A12 metadata as text":           {odd: oddAnswers{"discovery": {ContentType: "text/plain"}}},
		"A12 metadata without type":      {odd: oddAnswers{"discovery": {NoContentType: true}}},
		"A12 metadata after a BOM":       {odd: oddAnswers{"discovery": {BOM: true}}},
		"A12 keys as text after a BOM":   {odd: oddAnswers{"keys": {ContentType: "text/plain", BOM: true}}},
		"A12 token as text":              {odd: oddAnswers{"token": {ContentType: "text/plain; charset=utf-8"}}},
		"A12 token as HTML":              {odd: oddAnswers{"token": {ContentType: "text/html"}}},
		"A12 token without type":         {odd: oddAnswers{"token": {NoContentType: true}}},
		"A12 token after a BOM":          {odd: oddAnswers{"token": {BOM: true}}},
		"A12 token and more":             {odd: oddAnswers{"token": {Trailing: "{}"}}, fails: "broken JSON"},
		"A12 token and a line feed":      {odd: oddAnswers{"token": {Trailing: "\n"}}},
		"A13 no access token":            {odd: oddAnswers{"token": {Drop: []string{"access_token"}, DropClaims: []string{"at_hash"}}}, noAcc: true},
		"A14 form":                       {odd: oddAnswers{"token": {Form: true}}},
		"A14 form called text":           {odd: oddAnswers{"token": {Form: true, ContentType: "text/plain"}}, fails: "text/plain where JSON was due"},
		"A14 form without access token":  {odd: oddAnswers{"token": {Form: true, Drop: []string{"access_token"}}}, fails: "where JSON was due"},
		"A15 scopes are a string":        {odd: oddAnswers{"discovery": {Set: claims{"scopes_supported": "openid profile offline_access"}}}},
		"A15 challenges are a string":    {odd: oddAnswers{"discovery": {Set: claims{"code_challenge_methods_supported": "plain S256"}}}},
		"A15 others are of other types":  {odd: oddAnswers{"discovery": {Set: claims{"revocation_endpoint": 7, "device_authorization_endpoint": []int{1}, "id_token_signing_alg_values_supported": claims{}, "token_endpoint_auth_methods_supported": 1.5}}}},
		"A15 iss as a string":            {odd: oddAnswers{"discovery": {Set: claims{"authorization_response_iss_parameter_supported": "true"}}}},
		"A15 revocation over http":       {odd: oddAnswers{"discovery": {Set: claims{"revocation_endpoint": "http://login.example.com/revoke"}}}},
		"A15 device over http":           {odd: oddAnswers{"discovery": {Set: claims{"device_authorization_endpoint": "http://login.example.com/device"}}}},
		"A18 iss is missing":             {odd: oddAnswers{"authorize": {Drop: []string{"iss"}}, "sign-in": {Drop: []string{"iss"}}}, fails: "announces the parameter iss (RFC 9207), and its answer to the login has none"},
		"A25 Google's, for an audience":  {config: oauthtest.Config{Google: true}, client: iap},
		"expires_in is a string":         {odd: oddAnswers{"token": {Set: claims{"expires_in": "300"}}}},
		"scope is a list":                {odd: oddAnswers{"token": {Set: claims{"scope": []string{"openid"}}}}},
		"token_type is a number":         {odd: oddAnswers{"token": {Set: claims{"token_type": 7}}}},
		"the ID token is null":           {odd: oddAnswers{"token": {Set: claims{"id_token": nil}}}, noID: true},
		"wrong nonce":                    {odd: oddAnswers{"token": {Claims: claims{"nonce": "another"}}}, fails: "its nonce is not the one of this login"},
		"wrong at_hash":                  {odd: oddAnswers{"token": {Claims: claims{"at_hash": "x"}}}, fails: "another access token"},
		"wrong iss":                      {odd: oddAnswers{"token": {Claims: claims{"iss": "https://evil.example"}}}, fails: "was issued by"},
		"wrong nonce, and not ours":      {odd: oddAnswers{"token": {Claims: claims{"nonce": "another", "aud": "x"}, Sign: oauthtest.SignNone}}, fails: "its nonce is not the one of this login"},
		"error object at the exchange":   {odd: oddAnswers{"token": {Refuse: claims{"code": "invalid_grant", "message": "used before"}}}, fails: "answered invalid_grant: used before"},
		"error number at the exchange":   {odd: oddAnswers{"token": {Refuse: 400}}, fails: "answered 400 Bad Request"},
		"error with 200 at the exchange": {odd: oddAnswers{"token": {Refuse: "invalid_grant", ErrorStatus: 200}}, fails: "answered invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, test.config)
			test.odd.apply(s)
			c := clientOf(s)
			if test.client != nil {
				test.client(c)
			}
			l := begin(t, c)
			_, _ = oauthtest.SignIn(t.Context(), browser(), l.URL) // the page says no if the login fails
			token, err := l.end()
			switch {
			case test.fails != "":
				e := oauth.AsError(err)
				if e == nil || !strings.Contains(e.Error(), test.fails) || !e.Shown || token != nil {
					t.Errorf("got %v, want to read of %q", err, test.fails)
				}
			case test.fault != "":
				if err := wantIDFault(t, token, err); !strings.Contains(err.Error(), test.fault) {
					t.Errorf("got %v, want to read of %q", err, test.fault)
				}
			case err != nil:
				t.Fatal(err)
			case token.IDFault.Reason != "" || (token.IDToken == "") != test.noID || (token.AccessToken == "") != test.noAcc:
				t.Errorf("got %+v", token)
			case test.noAcc:
				err := token.Missing(oauth.Access)
				if oauth.ClassOf(err) != oauth.ClassInvalid || !strings.Contains(err.Error(), "gave no access token, only an ID token") {
					t.Errorf("got %v", err)
				}
				if token.Missing(oauth.ID) != nil || token.Credential(oauth.Auto).Value != token.IDToken {
					t.Error("the ID token is not handed out")
				}
			}
		})
	}
}

// iap makes c ask for an audience as Identity-Aware Proxy's clients do.
func iap(c *oauth.Client) {
	const audience = "web-app.apps.googleusercontent.com"
	c.ClientID, c.ClientSecret = oauthtest.SecretClient, oauthtest.Secret
	c.Scopes, c.AuthParams = []string{"openid", "email"}, map[string]string{"access_type": "offline"}
	c.TokenParams, c.RefreshParams = map[string]string{"audience": audience}, map[string]string{"audience": audience}
}

// TestOddRefresh: answers of real servers to a refresh. Only the listed codes end the
// saved login.
func TestOddRefresh(t *testing.T) {
	type claims = map[string]any
	const usable, refused, dead = oauth.LoginUsable, oauth.LoginRefused, oauth.LoginDead
	const temporary, refusal = oauth.ClassTemporary, oauth.ClassRefused
	for name, test := range map[string]struct {
		odd   oauthtest.Oddity
		class oauth.Class // empty: it succeeds
		saved oauth.SavedLogin
		words string
		keeps bool   // the old ID token
		fault string // of the new one
	}{
		"A4 email is a list":              {odd: oauthtest.Oddity{Claims: claims{"email": []string{"a@example.com"}}}},
		"A4 HS256":                        {odd: oauthtest.Oddity{Sign: oauthtest.SignHS256}, keeps: true, fault: "is not valid"},
		"A4 another aud":                  {odd: oauthtest.Oddity{Claims: claims{"aud": "x"}}, keeps: true, fault: "another client"},
		"A4 another user":                 {odd: oauthtest.Oddity{Claims: claims{"sub": "mallory"}}, class: refusal, saved: dead, words: "another user"},
		"A4 another user, not signed":     {odd: oauthtest.Oddity{Claims: claims{"sub": "mallory"}, Sign: oauthtest.SignNone}, class: refusal, saved: dead, words: "another user"},
		"A8 rotated":                      {odd: oauthtest.Oddity{RotateKeys: true}},
		"A9 RFC 6749":                     {odd: oauthtest.Oddity{Refuse: "invalid_grant"}, class: refusal, saved: dead},
		"A9 Dex":                          {odd: oauthtest.Oddity{Refuse: "invalid_request", Set: claims{"error_description": "Refresh token expired."}}, class: refusal, saved: dead, words: "Refresh token expired."},
		"A9 Entra":                        {odd: oauthtest.Oddity{Refuse: "interaction_required"}, class: refusal, saved: dead},
		"A9 consent":                      {odd: oauthtest.Oddity{Refuse: "consent_required"}, class: refusal, saved: dead},
		"A9 login":                        {odd: oauthtest.Oddity{Refuse: "login_required", ErrorStatus: 403}, class: refusal, saved: dead},
		"A9 GitHub":                       {odd: oauthtest.Oddity{Refuse: "bad_refresh_token", ErrorStatus: 200}, class: refusal, saved: dead},
		"A9 GitHub, as a form":            {odd: oauthtest.Oddity{Refuse: "bad_refresh_token", ErrorStatus: 200, Form: true}, class: temporary},
		"A9 Hydra":                        {odd: oauthtest.Oddity{Refuse: "token_inactive", ErrorStatus: 401}, class: refusal, saved: dead},
		"A9 expired_token":                {odd: oauthtest.Oddity{Refuse: "expired_token"}, class: refusal, saved: dead},
		"A9 invalid_token":                {odd: oauthtest.Oddity{Refuse: "invalid_token", ErrorStatus: 401}, class: refusal, saved: dead},
		"A9 invalid_refresh_token":        {odd: oauthtest.Oddity{Refuse: "invalid_refresh_token"}, class: refusal, saved: dead},
		"A9 Gitea":                        {odd: oauthtest.Oddity{Refuse: "unauthorized_client"}, class: refusal, saved: refused},
		"A9 something new":                {odd: oauthtest.Oddity{Refuse: "teapot", ErrorStatus: 403}, class: refusal, saved: refused},
		"A9 a setting":                    {odd: oauthtest.Oddity{Refuse: "invalid_client", ErrorStatus: 401}, class: refusal, saved: usable},
		"A9 scopes":                       {odd: oauthtest.Oddity{Refuse: "invalid_scope"}, class: refusal, saved: usable},
		"A9 resource":                     {odd: oauthtest.Oddity{Refuse: "invalid_target"}, class: refusal, saved: usable},
		"A9 grant":                        {odd: oauthtest.Oddity{Refuse: "unsupported_grant_type"}, class: refusal, saved: usable},
		"A9 later":                        {odd: oauthtest.Oddity{Refuse: "temporarily_unavailable"}, class: temporary},
		"A9 slow down":                    {odd: oauthtest.Oddity{Refuse: "slow_down"}, class: temporary},
		"A9 server_error":                 {odd: oauthtest.Oddity{Refuse: "server_error"}, class: temporary},
		"A9 with 404":                     {odd: oauthtest.Oddity{Refuse: "invalid_grant", ErrorStatus: 404}, class: temporary},
		"A9 with 500":                     {odd: oauthtest.Oddity{Refuse: "invalid_grant", ErrorStatus: 500}, class: temporary},
		"A9 with 429":                     {odd: oauthtest.Oddity{Refuse: "invalid_grant", ErrorStatus: 429}, class: temporary},
		"A10 kanidm":                      {odd: oauthtest.Oddity{Refuse: "invalid_grant", ContentType: "text/plain"}, class: refusal, saved: dead},
		"A10 after a BOM":                 {odd: oauthtest.Oddity{Refuse: "invalid_grant", BOM: true, NoContentType: true}, class: refusal, saved: dead},
		"A11 an object":                   {odd: oauthtest.Oddity{Refuse: claims{"code": "invalid_grant", "message": "revoked by bob"}}, class: refusal, saved: dead, words: "revoked by bob"},
		"A11 an object with a new code":   {odd: oauthtest.Oddity{Refuse: claims{"code": "gone", "message": "revoked by bob"}}, class: refusal, saved: refused, words: "gone: revoked by bob"},
		"A11 an object with a number":     {odd: oauthtest.Oddity{Refuse: claims{"code": 403, "message": "revoked by bob"}, ErrorStatus: 403}, class: temporary, words: "revoked by bob"},
		"A11 an object without a message": {odd: oauthtest.Oddity{Refuse: claims{"code": "invalid_grant"}}, class: refusal, saved: dead},
		"A11 not a code":                  {odd: oauthtest.Oddity{Refuse: "не годен"}, class: temporary, words: "не годен"},
		"A12 as text":                     {odd: oauthtest.Oddity{ContentType: "text/plain"}},
		"A14 as a form":                   {odd: oauthtest.Oddity{Form: true}},
		"A16 expired":                     {odd: oauthtest.Oddity{ExpiredFor: 20 * time.Second}, keeps: true},
		"no ID token":                     {odd: oauthtest.Oddity{Drop: []string{"id_token"}}, keeps: true},
		"an ID token of another login":    {odd: oauthtest.Oddity{Claims: claims{"at_hash": "x"}}, keeps: true, fault: "another access token"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, oauthtest.Config{})
			l := begin(t, clientOf(s))
			l.signIn()
			old := l.succeed()
			s.Odd("refresh_token", test.odd)
			s.ResetCounts()
			got, err := clientOf(s).Refresh(t.Context(), old)
			wantPosts(t, s, 1)
			if test.class != "" {
				e := oauth.AsError(err)
				if e == nil || e.Class != test.class || e.Saved != test.saved || e.Shown || !strings.Contains(e.Error(), test.words) || got != nil {
					t.Errorf("got %#v (%v)", e, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.AccessToken == old.AccessToken || got.RefreshToken == old.RefreshToken {
				t.Error("the new tokens are lost")
			}
			if (got.IDToken == old.IDToken) != test.keeps || (got.IDFault.Reason != "") != (test.fault != "") || !strings.Contains(got.IDFault.Reason, test.fault) {
				t.Errorf("the ID token is the old one: %t, the fault %q", got.IDToken == old.IDToken, got.IDFault.Reason)
			}
			if got.Refreshable(oauth.ID) != !test.keeps || !got.Refreshable(oauth.Access) {
				t.Errorf("Refreshable is %t for the ID token", got.Refreshable(oauth.ID))
			}
		})
	}
}

// TestSaveFirst: the new tokens are handed over before the keys are asked for, and nothing
// is if they belong to another user (A4).
func TestSaveFirst(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	l := begin(t, clientOf(s))
	l.signIn()
	old := l.succeed()
	redeem := func(odd oauthtest.Oddity) (saved, got *oauth.Token, err error) {
		s.Heal()
		r, err := clientOf(s).PrepareRefresh(t.Context(), old, oauth.Access)
		if err != nil {
			t.Fatal(err)
		}
		s.ResetCounts()
		s.Odd("refresh_token", odd)
		s.Fail("keys", oauthtest.Fault{Status: http.StatusServiceUnavailable})
		got, err = clientOf(s).Redeem(t.Context(), r, old, oauth.Journal{Save: func(t *oauth.Token) { saved = t }})
		return saved, got, err
	}
	saved, got, err := redeem(oauthtest.Oddity{RotateKeys: true})
	if err != nil || saved == nil || saved.RefreshToken != got.RefreshToken || saved.RefreshToken == old.RefreshToken {
		t.Fatalf("saved %+v, got %+v and %v", saved, got, err)
	}
	for what, token := range map[string]*oauth.Token{"saved": saved, "returned": got} {
		if token.IDToken != old.IDToken || token.IDFault.Reason == "" || !token.IDFault.Retry || !token.Refreshable(oauth.ID) {
			t.Errorf("the set that was %s has the fault %+v", what, token.IDFault)
		}
	}
	old = got
	if saved, got, err = redeem(oauthtest.Oddity{Claims: map[string]any{"sub": "mallory"}}); saved != nil || got != nil || !loggedOut(err) {
		t.Errorf("saved %+v, got %+v and %v", saved, got, err)
	}
}

// TestWithoutOpenID: a login that asks for no ID token needs no keys (A24).
func TestWithoutOpenID(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	s.Fail("keys", oauthtest.Fault{Status: http.StatusServiceUnavailable})
	c := clientOf(s)
	c.Scopes = []string{"offline_access"}
	l := begin(t, c)
	l.signIn()
	if token := l.succeed(); token.AccessToken == "" || token.RefreshToken == "" {
		t.Errorf("got %+v", token)
	}
	for kind, opens := range map[oauth.Kind]bool{oauth.Access: true, oauth.ID: false, oauth.Auto: false} {
		c := clientOf(s)
		c.Notify = func(string) {}
		if _, err := c.PrepareLogin(t.Context(), kind); (err == nil) != opens {
			t.Errorf("with openid, for %s: %v", kind, err)
		}
	}
}

// TestRevokeUnsupported: a server that does not revoke access tokens (A26).
func TestRevokeUnsupported(t *testing.T) {
	for name, test := range map[string]struct {
		odd     oauthtest.Oddity
		remains bool
		fails   bool
	}{
		"revoked":                {},
		"access token":           {odd: oauthtest.Oddity{Refuse: "unsupported_token_type", When: map[string]string{"token_type_hint": "access_token"}}, remains: true},
		"access token, in text":  {odd: oauthtest.Oddity{Refuse: "unsupported_token_type", ContentType: "text/plain", When: map[string]string{"token_type_hint": "access_token"}}, remains: true},
		"both":                   {odd: oauthtest.Oddity{Refuse: "unsupported_token_type"}, fails: true},
		"revoked with the other": {odd: oauthtest.Oddity{Refuse: "invalid_token", When: map[string]string{"token_type_hint": "access_token"}}},
		"refused":                {odd: oauthtest.Oddity{Refuse: "invalid_client", When: map[string]string{"token_type_hint": "access_token"}}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, oauthtest.Config{})
			l := begin(t, clientOf(s))
			l.signIn()
			token := l.succeed()
			if test.odd.Refuse != nil {
				s.Odd("revoke", test.odd)
			}
			remains, err := clientOf(s).Revoke(t.Context(), token)
			if (err != nil) != test.fails || (remains != nil) != test.remains || remains != nil && !remains.Until.Equal(token.Expiry) {
				t.Errorf("got %+v and %v", remains, err)
			}
		})
	}
}

// TestReplacedDiscovery: endpoints beside the name of a Flyte endpoint need no discovery
// (A33).
func TestReplacedDiscovery(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	m, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Fail("discovery", oauthtest.Fault{Status: http.StatusNotFound})
	c = &oauth.Client{
		Endpoint: "flyte.example.com", AuthEndpoint: m.AuthorizationEndpoint, TokenEndpoint: m.TokenEndpoint,
		ClientID: oauthtest.PublicClient, Scopes: []string{"openid", "offline_access"},
	}
	l := begin(t, c)
	if page := l.signIn(); !strings.Contains(page, "You are logged in to flyte.example.com.") {
		t.Errorf("the page is\n%s", page)
	}
	token := l.succeed()
	if token, err = c.Refresh(t.Context(), token); err != nil || token.Subject != "alice" {
		t.Errorf("got %+v and %v", token, err)
	}
}

// canaryForms are the forms in which an answer may repeat a value.
func canaryForms(value string) []string {
	return []string{value, url.QueryEscape(value), html.EscapeString(value), base64.StdEncoding.EncodeToString([]byte(value)), value[:min(len(value)/2+4, len(value))]}
}

// record notes the values that a client sends, and lets a header go along.
type record struct {
	header string
	mu     sync.Mutex
	sent   []string
}

func (r *record) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("X-Api-Key", r.header)
	if request.Body != nil {
		if err := request.ParseForm(); err != nil {
			return nil, err
		}
		form := request.PostForm
		body := strings.NewReader(form.Encode())
		request.Body, request.ContentLength = http.NoBody, 0
		if len(form) > 0 {
			again, err := http.NewRequestWithContext(request.Context(), request.Method, request.URL.String(), body)
			if err != nil {
				return nil, err
			}
			again.Header = request.Header
			request = again
		}
		r.mu.Lock()
		for _, name := range []string{"code", "code_verifier", "refresh_token", "client_secret", "device_code", "api_key", "token"} {
			r.sent = append(r.sent, form[name]...)
		}
		r.mu.Unlock()
	}
	return unshared().RoundTrip(request)
}

// TestCanary: a server repeats what it is sent in every answer. No error and no page shows
// any of it (A22).
func TestCanary(t *testing.T) {
	const secretHeader, secretParam = `header/"c4nary"<&>+=value`, "p4ram/canary+value&more"
	for name, odd := range map[string]oauthtest.Oddity{
		"as it is":      {Echo: true},
		"as text":       {Echo: true, ContentType: "text/plain"},
		"as HTML":       {Echo: true, ContentType: "text/html"},
		"broken":        {Echo: true, Trailing: "x"},
		"as a form":     {Echo: true, Form: true},
		"with an error": {Echo: true, Refuse: "invalid_grant"},
		"no error code": {Echo: true, Refuse: 7},
		"later":         {Echo: true, Refuse: "server_error", ErrorStatus: 503},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, oauthtest.Config{})
			wire := &record{header: secretHeader}
			c := clientOf(s)
			c.ClientID, c.ClientSecret, c.Scopes = oauthtest.SecretClient, oauthtest.Secret, []string{"openid", "offline_access"}
			c.TokenParams, c.RefreshParams = map[string]string{"api_key": secretParam}, map[string]string{"api_key": secretParam}
			c.HTTP = &http.Client{Transport: wire}
			var shown []string
			note := func(err error) {
				if err == nil {
					return
				}
				shown = append(shown, err.Error())
				if e := oauth.AsError(err); e != nil {
					shown = append(shown, e.Problem, e.Host, e.Code, e.Description, e.URI)
				}
			}
			l := begin(t, c)
			l.signIn()
			good := l.succeed()

			s.Odd("all", odd)
			_, err := c.Refresh(t.Context(), good)
			note(err)
			_, err = c.Revoke(t.Context(), good)
			note(err)
			_, err = c.Discover(t.Context())
			note(err)
			_, err = c.ClientCredentials(t.Context())
			note(err)
			s.Heal()

			s.Odd("token", odd)
			l = begin(t, c)
			wire.sent = append(wire.sent, l.query.Get("state"), l.query.Get("nonce"))
			page, _ := oauthtest.SignIn(t.Context(), browser(), l.URL)
			token, err := l.end()
			note(err)
			shown = append(shown, page)
			if token != nil {
				shown = append(shown, token.IDFault.Reason, token.Account, strings.Join(token.Scopes, " "))
			}
			s.Heal()

			s.Odd("device", odd)
			n := &notes{}
			c.Grant, c.Notify = oauth.GrantDevice, n.tell
			p := beginHere(t, c)
			for p.running() && n.all() == "" {
				time.Sleep(time.Millisecond)
			}
			p.cancel(nil)
			_, err = p.end()
			note(err)
			shown = append(shown, n.all())

			wire.mu.Lock()
			defer wire.mu.Unlock()
			sent := append(wire.sent, secretHeader, secretParam, oauthtest.Secret, base64.StdEncoding.EncodeToString([]byte(oauthtest.SecretClient+":"+oauthtest.Secret)))
			if len(sent) < 10 {
				t.Fatalf("only %d values were sent", len(sent))
			}
			slices.Sort(sent)
			for _, value := range slices.Compact(sent) {
				for _, form := range canaryForms(value) {
					for _, text := range shown {
						if i := strings.Index(strings.ToLower(text), strings.ToLower(form)); i >= 0 && len(form) >= 4 {
							t.Errorf("%q is shown: …%s", form, text[max(0, i-60):min(len(text), i+60)])
						}
					}
				}
			}
			if odd.Refuse != nil && len(shown) < 10 {
				t.Errorf("nothing was shown: %q", shown)
			}
		})
	}
}
