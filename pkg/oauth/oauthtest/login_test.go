package oauthtest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestLogin(t *testing.T) {
	for name, c := range map[string]oauthtest.Config{
		"root":         {},
		"issuer path":  {Path: "/realms/demo/"},
		"tls":          {TLS: true},
		"tls and path": {TLS: true, Path: "/x"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, c)
			token := newApp(t, s).login(t, oauth2.SetAuthURLParam("nonce", "n"), oauth2.SetAuthURLParam("audience", "api"))

			claims, err := s.Verify(token.Extra("id_token").(string))
			if err != nil {
				t.Fatal(err)
			}
			hash := sha256.Sum256([]byte(token.AccessToken))
			for claim, want := range map[string]any{
				"iss": s.URL, "sub": "alice", "name": "Alice", "email": "alice@example.com", "nonce": "n",
				"at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]),
			} {
				if claims[claim] != want {
					t.Errorf("ID token: %s is %v, want %v", claim, claims[claim], want)
				}
			}
			access, err := s.Verify(token.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(access["aud"].([]any), "api") {
				t.Errorf("aud is %v, want api among it", access["aud"])
			}
			if token.ExpiresIn != 300 || token.RefreshToken == "" {
				t.Errorf("got %+v, want 300 s and a refresh token", token)
			}
			for _, kind := range []string{"discovery", "authorize", "sign-in", "token", "authorization_code"} {
				wantCount(t, s, kind, 1)
			}
			wantCount(t, s, "refresh_token", 0)
			if got := s.Requests("authorize")[0].Form.Get("nonce"); got != "n" {
				t.Errorf("the request's nonce is %q", got)
			}
			s.ResetCounts()
			wantCount(t, s, "token", 0)
		})
	}
}

func TestUntrustedCertificate(t *testing.T) {
	s, other := start(t, oauthtest.Config{TLS: true}), start(t, oauthtest.Config{TLS: true})
	if _, err := other.Client().Get(s.URL); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("got %v, want a certificate that another server's client distrusts", err)
	}
}

func TestChallengeIsRequired(t *testing.T) {
	challenge := oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())
	for _, client := range []string{oauthtest.PublicClient, oauthtest.SecretClient} {
		for name, options := range map[string][]oauth2.AuthCodeOption{
			"none":      nil,
			"plain":     {oauth2.SetAuthURLParam("code_challenge", challenge), oauth2.SetAuthURLParam("code_challenge_method", "plain")},
			"no method": {oauth2.SetAuthURLParam("code_challenge", challenge)},
			"short":     {oauth2.SetAuthURLParam("code_challenge", "abc"), oauth2.SetAuthURLParam("code_challenge_method", "S256")},
		} {
			t.Run(client+"/"+name, func(t *testing.T) {
				a := newApp(t, start(t, oauthtest.Config{}))
				a.ClientID = client
				got := a.authorize(t, options...)
				if got.Get("error") != "invalid_request" || got.Get("state") != "st" || got.Get("iss") != a.server.URL || got.Has("code") {
					t.Errorf("got %v, want invalid_request", got)
				}
			})
		}
	}
}

func TestCode(t *testing.T) {
	a := newApp(t, start(t, oauthtest.Config{}))
	challenge := oauth2.S256ChallengeOption(a.verifier)

	code := a.authorize(t, challenge).Get("code")
	if _, err := a.Exchange(a.ctx, code, oauth2.VerifierOption(a.verifier)); err != nil {
		t.Fatal(err)
	}
	_, err := a.Exchange(a.ctx, code, oauth2.VerifierOption(a.verifier))
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")

	code = a.authorize(t, challenge).Get("code")
	_, err = a.Exchange(a.ctx, code, oauth2.VerifierOption(oauth2.GenerateVerifier()))
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")

	a.RedirectURL += "/elsewhere"
	code = a.authorize(t, challenge).Get("code")
	a.RedirectURL += "/again"
	_, err = a.Exchange(a.ctx, code, oauth2.VerifierOption(a.verifier))
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
}

func TestIssuerParameter(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	if got := a.authorize(t, oauth2.S256ChallengeOption(a.verifier)).Get("iss"); got != s.URL {
		t.Errorf("iss is %q, want %q", got, s.URL)
	}
	if got := metadata(t, s)["authorization_response_iss_parameter_supported"]; got != true {
		t.Errorf("announced: %v, want true", got)
	}
}

func TestMetadata(t *testing.T) {
	s := start(t, oauthtest.Config{Path: "/realms/demo"})
	origin := strings.TrimSuffix(s.URL, "/realms/demo")
	got := getJSON(t, s, origin+"/.well-known/oauth-authorization-server/realms/demo", "")
	if got["issuer"] != s.URL || got["token_endpoint"] != s.URL+"/oauth/token" {
		t.Errorf("issuer %v, token endpoint %v", got["issuer"], got["token_endpoint"])
	}
	if getJSON(t, s, origin+"/.well-known/openid-configuration", "") != nil {
		t.Error("metadata outside the issuer's path")
	}
	if !slices.Contains(got["scopes_supported"].([]any), "offline_access") {
		t.Error("offline_access is not announced")
	}
	wantCount(t, s, "discovery", 1)
}

func TestNoOfflineAccess(t *testing.T) {
	s := start(t, oauthtest.Config{NoOfflineAccess: true})
	if token := newApp(t, s).login(t); token.RefreshToken != "" || token.Extra("scope") != "openid" {
		t.Errorf("got %+v, want no refresh token", token)
	}
	if slices.Contains(metadata(t, s)["scopes_supported"].([]any), "offline_access") {
		t.Error("offline_access is announced")
	}
}

func TestScopesDecide(t *testing.T) {
	a := newApp(t, start(t, oauthtest.Config{}))
	a.Scopes = []string{"all"}
	token := a.login(t)
	if token.RefreshToken != "" || token.Extra("id_token") != nil || token.Extra("scope") != "all" {
		t.Errorf("got %+v, want neither refresh nor ID token", token)
	}
}

func TestWhoSignsIn(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	hint := oauth2.SetAuthURLParam("login_hint", "carol@example.com")
	for _, test := range []struct{ as, want string }{{"", "carol"}, {"bob", "bob"}, {"", "carol"}} {
		s.SignInAs(test.as)
		claims, err := s.Verify(a.login(t, hint).Extra("id_token").(string))
		if err != nil {
			t.Fatal(err)
		}
		if claims["sub"] != test.want {
			t.Errorf("signed in as %q: %v, want %s", test.as, claims["sub"], test.want)
		}
	}
	s.Deny(true)
	if got := a.authorize(t, oauth2.S256ChallengeOption(a.verifier)); got.Get("error") != "access_denied" || got.Get("iss") != s.URL {
		t.Errorf("got %v, want access_denied", got)
	}
	s.Deny(false)
	a.login(t)
}

func TestSignInPage(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	page := func() string {
		response, err := http.Get(a.AuthCodeURL("st", oauth2.S256ChallengeOption(a.verifier), oauth2.SetAuthURLParam("login_hint", `"><script>x`)))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return string(body)
	}
	if got := page(); strings.Contains(got, "<script") || !strings.Contains(got, oauthtest.PublicClient) {
		t.Errorf("want the client's name and no script:\n%s", got)
	}
	s.Configure(func(c *oauthtest.Config) { c.SubmitSignIn = true })
	if got := page(); strings.Count(got, "<script") != 1 {
		t.Errorf("want one script:\n%s", got)
	}
}

func TestRedirectURI(t *testing.T) {
	const registered = "http://localhost:53593/callback"
	for name, test := range map[string]struct {
		config oauthtest.Config
		uri    string
		want   bool
	}{
		"anything on loopback":      {oauthtest.Config{}, "http://127.0.0.1:1234/a/b", true},
		"no path":                   {oauthtest.Config{}, "http://localhost:1234", true},
		"no port":                   {oauthtest.Config{}, "http://localhost/callback", true},
		"IPv6":                      {oauthtest.Config{}, "http://[::1]:1234/", true},
		"elsewhere":                 {oauthtest.Config{}, "http://evil.example/callback", false},
		"elsewhere in disguise":     {oauthtest.Config{}, "http://localhost:1@evil.example/callback", false},
		"registered":                {oauthtest.Config{RedirectURIs: []string{registered}}, registered, true},
		"another port":              {oauthtest.Config{RedirectURIs: []string{registered}}, "http://localhost:1/callback", true},
		"another path":              {oauthtest.Config{RedirectURIs: []string{registered}}, "http://localhost:53593/", false},
		"strict":                    {oauthtest.Config{RedirectURIs: []string{registered}, StrictRedirect: true}, registered, true},
		"another port, but strict":  {oauthtest.Config{RedirectURIs: []string{registered}, StrictRedirect: true}, "http://localhost:1/callback", false},
		"IP for a name, but strict": {oauthtest.Config{RedirectURIs: []string{registered}, StrictRedirect: true}, "http://127.0.0.1:53593/callback", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, start(t, test.config))
			a.RedirectURL = test.uri
			browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			response, err := browser.Get(a.AuthCodeURL("st", oauth2.S256ChallengeOption(a.verifier)))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if got := response.StatusCode == http.StatusFound; got != test.want {
				t.Errorf("status %d", response.StatusCode)
			}
		})
	}
	if _, err := oauthtest.NewServer(oauthtest.Config{StrictRedirect: true}); err == nil {
		t.Error("a server that accepts no redirect URI starts")
	}
}

func TestSecretClient(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	a.ClientID = oauthtest.SecretClient
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		a.ClientSecret, a.Endpoint.AuthStyle = oauthtest.Secret, style
		a.mustRefresh(t, a.login(t).RefreshToken)

		itself := clientcredentials.Config{
			ClientID: a.ClientID, ClientSecret: oauthtest.Secret, TokenURL: a.Endpoint.TokenURL, AuthStyle: style,
			Scopes: []string{"all"}, EndpointParams: url.Values{"audience": {"api"}},
		}
		token, err := itself.Token(a.ctx)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := s.Verify(token.AccessToken)
		if err != nil || claims["sub"] != oauthtest.SecretClient || claims["scope"] != "all" || token.RefreshToken != "" {
			t.Errorf("got %v, %v", claims, err)
		}
		itself.ClientSecret = "wrong"
		_, err = itself.Token(a.ctx)
		wantRefused(t, err, http.StatusUnauthorized, "invalid_client")

		code := a.authorize(t, oauth2.S256ChallengeOption(a.verifier)).Get("code")
		a.ClientSecret = "wrong"
		_, err = a.Exchange(a.ctx, code, oauth2.VerifierOption(a.verifier))
		wantRefused(t, err, http.StatusUnauthorized, "invalid_client")
	}
	wantCount(t, s, "client_credentials", 4)
	public := clientcredentials.Config{ClientID: oauthtest.PublicClient, TokenURL: a.Endpoint.TokenURL, AuthStyle: oauth2.AuthStyleInParams}
	_, err := public.Token(a.ctx)
	wantRefused(t, err, http.StatusUnauthorized, "invalid_client")
	a.ClientID = "stranger"
	_, err = a.refresh("rt.x")
	wantRefused(t, err, http.StatusUnauthorized, "invalid_client")
}

func TestVerify(t *testing.T) {
	s := start(t, oauthtest.Config{AccessLifetime: time.Second})
	a := newApp(t, s)
	token := a.login(t)
	if token.ExpiresIn != 1 {
		t.Errorf("expires_in is %d, want 1", token.ExpiresIn)
	}
	if _, err := start(t, oauthtest.Config{}).Verify(token.AccessToken); err == nil {
		t.Error("another issuer's token verifies")
	}
	time.Sleep(2 * time.Second) // claims are whole seconds
	if _, err := s.Verify(token.AccessToken); err == nil {
		t.Error("an expired token verifies")
	}
	id := token.Extra("id_token").(string)
	if _, err := s.Verify(id); err != nil {
		t.Error(err)
	}
	s.RotateKeys()
	if _, err := s.Verify(id); err == nil {
		t.Error("a token of the old key verifies")
	}
	if _, err := s.Verify(a.login(t).AccessToken); err != nil {
		t.Error(err)
	}
}

func TestOpaqueAccess(t *testing.T) {
	s := start(t, oauthtest.Config{OpaqueAccess: true})
	token := newApp(t, s).login(t)
	if _, err := s.Verify(token.AccessToken); err == nil {
		t.Error("the access token is a JWT")
	}
	if got := getJSON(t, s, s.URL+"/userinfo", token.AccessToken); got["email"] != "alice@example.com" {
		t.Errorf("userinfo: %v", got)
	}
}
