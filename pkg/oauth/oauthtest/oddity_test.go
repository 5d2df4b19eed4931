package oauthtest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// answer is what is on the wire.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		t.Fatalf("%v: %q", err, a.body)
	}
	return object
}

func read(t *testing.T, response *http.Response, err error) answer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func get(t *testing.T, url string) answer {
	t.Helper()
	response, err := http.Get(url)
	return read(t, response, err)
}

func (a *app) refreshAnswer(t *testing.T, token string) answer {
	t.Helper()
	response, err := refreshRaw(t.Context(), a, token)
	return read(t, response, err)
}

func setOdd(t *testing.T, s *oauthtest.Server, kind string, words ...string) {
	t.Helper()
	if err := s.SetOdd(kind, words...); err != nil {
		t.Fatal(err)
	}
}

// claimsOf reads a JWT without verification.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	part := strings.Split(token, ".")[1]
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestOddClaims(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	token := a.login(t)
	strict := claimsOf(t, token.Extra("id_token").(string))
	for words, want := range map[string]map[string]any{
		`claim:email=["a@example.com"]`:                        {"email": []any{"a@example.com"}},
		`claim:aud=["flytectl","https://api/"] drop-claim:azp`: {"aud": []any{"flytectl", "https://api/"}, "azp": nil},
		`claim:aud=other`:                                      {"aud": "other", "azp": "flytectl"},
		`claim:nonce=wrong`:                                    {"nonce": "wrong"},
		`claim:at_hash=wrong`:                                  {"at_hash": "wrong"},
		`claim:iss=https://evil.example`:                       {"iss": "https://evil.example"},
		`claim:sub=mallory`:                                    {"sub": "mallory"},
		`drop-claim:iat drop-claim:exp`:                        {"iat": nil, "exp": nil},
		`claim:exp="soon" claim:email_verified="true"`:         {"exp": "soon", "email_verified": "true"},
		`claim:https://example.com/x=1`:                        {"https://example.com/x": 1.0},
	} {
		t.Run(words, func(t *testing.T) {
			setOdd(t, s, "refresh_token", strings.Fields(words)...)
			got := a.refreshAnswer(t, token.RefreshToken).object(t)
			token.RefreshToken = got["refresh_token"].(string)
			idToken := got["id_token"].(string)
			claims := claimsOf(t, idToken)
			for name, value := range want {
				if text, _ := json.Marshal(claims[name]); string(text) != mustJSON(value) {
					t.Errorf("%s is %s, want %s", name, text, mustJSON(value))
				}
			}
			for name := range strict { // the others are those of a strict answer
				if _, changed := want[name]; !changed && claims[name] == nil && name != "nonce" && name != "c_hash" {
					t.Errorf("%s is missing", name)
				}
			}
			wantKey(t, s, idToken, true)
			s.Heal()
		})
	}
}

func mustJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// wantKey wants a signature by a published key, or not.
func wantKey(t *testing.T, s *oauthtest.Server, token string, want bool) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(get(t, s.URL+"/keys").body), &set); err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Claims(set, &map[string]any{}); (err == nil) != want {
		t.Errorf("verified with the published keys: %v, want %v", err, want)
	}
}

func TestOddExpiry(t *testing.T) {
	s := start(t, oauthtest.Config{})
	setOdd(t, s, "authorization_code", "expired=20s")
	claims := claimsOf(t, newApp(t, s).login(t).Extra("id_token").(string))
	expiry := time.Unix(int64(claims["exp"].(float64)), 0)
	if ago := time.Since(expiry); ago < 20*time.Second || ago > time.Minute || claims["iat"].(float64) != claims["exp"].(float64)-300 {
		t.Errorf("expired %v ago, issued at %v", ago, claims["iat"])
	}
}

func TestOddSignature(t *testing.T) {
	s := start(t, oauthtest.Config{})
	idToken := func(sign oauthtest.Signature) string {
		s.Heal()
		s.Odd("token", oauthtest.Oddity{Sign: sign})
		return newApp(t, s).login(t).Extra("id_token").(string)
	}
	signed := func(token string) (header map[string]any, input, signature string) {
		parts := strings.Split(token, ".")
		text, _ := base64.RawURLEncoding.DecodeString(parts[0])
		_ = json.Unmarshal(text, &header) // a broken header has no alg
		return header, parts[0] + "." + parts[1], parts[2]
	}

	header, input, signature := signed(idToken(oauthtest.SignHS256))
	mac := hmac.New(sha256.New, []byte(oauthtest.Secret))
	mac.Write([]byte(input))
	if header["alg"] != "HS256" || signature != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
		t.Errorf("HS256: %v %s", header, signature)
	}
	header, _, signature = signed(idToken(oauthtest.SignNone))
	if header["alg"] != "none" || signature != "" {
		t.Errorf("none: %v %s", header, signature)
	}
	published := getJSON(t, s, s.URL+"/keys", "")["keys"].([]any)[0].(map[string]any)["kid"]
	for sign, known := range map[oauthtest.Signature]bool{oauthtest.SignUnknownKey: false, oauthtest.SignWrongKey: true} {
		token := idToken(sign)
		if header, _, _ := signed(token); (header["kid"] == published) != known {
			t.Errorf("%s: the key ID is %v", sign, header["kid"])
		}
		wantKey(t, s, token, false)
	}
}

func TestOddRotation(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	setOdd(t, s, "authorization_code", "rotate-keys", "times=1")
	before := get(t, s.URL+"/keys").body
	token := a.login(t)
	after := get(t, s.URL+"/keys").body
	if before == after {
		t.Error("the keys are the same")
	}
	wantKey(t, s, token.Extra("id_token").(string), true)
	a.login(t)
	if get(t, s.URL+"/keys").body != after {
		t.Error("the keys rotated twice")
	}
}

func TestOddKeys(t *testing.T) {
	s := start(t, oauthtest.Config{})
	signing := func() (key map[string]any, all []any) {
		all = get(t, s.URL+"/keys").object(t)["keys"].([]any)
		return all[len(all)-1].(map[string]any), all
	}
	strict, _ := signing()

	setOdd(t, s, "keys", "bad-x5c", "bad-x5t", "extra-keys")
	key, all := signing()
	if key["n"] != strict["n"] || key["kid"] != strict["kid"] || len(all) < 5 {
		t.Errorf("the signing key is %v among %d", key, len(all))
	}
	der, err := base64.StdEncoding.DecodeString(key["x5c"].([]any)[0].(string))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(der); err == nil || !strings.Contains(err.Error(), "negative serial") {
		t.Errorf("the certificate: %v", err)
	}
	delete(key, "x5c")
	if err := new(jose.JSONWebKey).UnmarshalJSON([]byte(mustJSON(key))); err == nil || !strings.Contains(err.Error(), "x5t") {
		t.Errorf("the thumbprint: %v", err)
	}
	types := map[any]bool{}
	for _, key := range all {
		types[key.(map[string]any)["kty"]] = true
	}
	if len(types) < 6 {
		t.Errorf("key types: %v", types)
	}

	s.Heal()
	setOdd(t, s, "keys", "key:kty=future")
	if key, all := signing(); key["kty"] != "future" || len(all) != 1 {
		t.Errorf("keys: %v", all)
	}
	s.Heal()
	if key, _ := signing(); mustJSON(key) != mustJSON(strict) {
		t.Errorf("healed: %v", key)
	}
}

func TestOddTokenAnswer(t *testing.T) {
	s := start(t, oauthtest.Config{NoRotation: true})
	a := newApp(t, s)
	token := a.login(t).RefreshToken
	member := func(name string, want any) func(*testing.T, answer) {
		return func(t *testing.T, got answer) {
			if value := got.object(t)[name]; mustJSON(value) != mustJSON(want) || got.status != 200 {
				t.Errorf("%d: %s is %v, want %v", got.status, name, value, want)
			}
		}
	}
	for words, check := range map[string]func(*testing.T, answer){
		"drop:access_token": member("access_token", nil),
		"drop:access_token drop:id_token drop:refresh_token": func(t *testing.T, got answer) {
			for name := range got.object(t) {
				if strings.HasSuffix(name, "_token") {
					t.Errorf("there is a token: %s", got.body)
				}
			}
		},
		"set:token_type=mac":           member("token_type", "mac"),
		`set:expires_in="300"`:         member("expires_in", "300"),
		"set:expires_in=299.5":         member("expires_in", 299.5),
		"set:expires_in=-1":            member("expires_in", -1),
		"drop:expires_in":              member("expires_in", nil),
		`set:scope=["openid"]`:         member("scope", []string{"openid"}),
		"rename:scope=scopes drop:x":   member("scope", nil),
		"set:id_token=no-jwt":          member("id_token", "no-jwt"),
		"claim:sub=x set:id_token=raw": member("id_token", "raw"),
		"set:refresh_token=null": func(t *testing.T, got answer) {
			if value, ok := got.object(t)["refresh_token"]; value != nil || !ok {
				t.Error(got.body)
			}
		},
		"form": func(t *testing.T, got answer) {
			form, err := url.ParseQuery(got.body)
			if err != nil || form.Get("access_token") == "" || form.Get("expires_in") != "300" || form.Get("token_type") != "Bearer" ||
				got.header.Get("Content-Type") != "application/x-www-form-urlencoded" {
				t.Errorf("%v %v", got, err)
			}
		},
		"content-type=text/plain": func(t *testing.T, got answer) {
			if got.object(t)["access_token"] == nil || got.header.Get("Content-Type") != "text/plain" {
				t.Error(got)
			}
		},
		"no-content-type": func(t *testing.T, got answer) {
			if _, ok := got.header["Content-Type"]; ok || got.object(t)["access_token"] == nil {
				t.Error(got)
			}
		},
		"bom trailing=<!-->": func(t *testing.T, got answer) {
			body, ok := strings.CutPrefix(got.body, "\uFEFF{")
			if !ok || !strings.HasSuffix(body, "}\n<!-->") {
				t.Errorf("%q", got.body)
			}
		},
	} {
		t.Run(words, func(t *testing.T) {
			setOdd(t, s, "token", strings.Fields(words)...)
			check(t, a.refreshAnswer(t, token))
			s.Heal()
		})
	}
}

func TestOddRefusal(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	token := a.login(t).RefreshToken
	for words, want := range map[string]answer{
		"refuse=invalid_request":                             {status: 400, body: `{"error":"invalid_request"}`},
		"refuse=bad_refresh_token error-status=200":          {status: 200, body: `{"error":"bad_refresh_token"}`},
		"refuse=bad_refresh_token error-status=200 form":     {status: 200, body: `error=bad_refresh_token`},
		"refuse=invalid_grant content-type=text/plain":       {status: 400, body: `{"error":"invalid_grant"}`},
		`refuse={"code":"invalid_grant","message":"m"}`:      {status: 400, body: `{"error":{"code":"invalid_grant","message":"m"}}`},
		"refuse=17 set:error_description=d error-status=403": {status: 403, body: `{"error":17,"error_description":"d"}`},
	} {
		t.Run(words, func(t *testing.T) {
			setOdd(t, s, "refresh_token", strings.Fields(words)...)
			for range 2 {
				if got := a.refreshAnswer(t, token); got.status != want.status || strings.TrimSpace(got.body) != want.body {
					t.Errorf("%d %q, want %d %q", got.status, got.body, want.status, want.body)
				}
			}
			s.Heal()
		})
	}
	token = a.mustRefresh(t, token) // no refusal spent it

	// The provider's own refusals take the status too.
	setOdd(t, s, "refresh_token", "error-status=500")
	s.RevokeAll()
	if got := a.refreshAnswer(t, token); got.status != 500 || got.object(t)["error"] != "invalid_grant" {
		t.Error(got)
	}
}

func TestFirstRefresh(t *testing.T) {
	s := start(t, oauthtest.Config{})
	setOdd(t, s, "refresh_token", "refuse=unauthorized_client", "first-refresh")
	a := newApp(t, s)
	for range 2 {
		token := a.login(t).RefreshToken
		_, err := a.refresh(token)
		wantRefused(t, err, http.StatusBadRequest, "unauthorized_client")
		a.mustRefresh(t, a.mustRefresh(t, token))
	}
}

func TestOddMetadata(t *testing.T) {
	s := start(t, oauthtest.Config{})
	strict := metadata(t, s)
	setOdd(t, s, "discovery", "content-type=text/plain", "bom", "set:scopes_supported=openid profile", "drop:jwks_uri",
		"set:revocation_endpoint=http://elsewhere.example/revoke", "set:issuer=https://login.example/{tenantid}/v2.0", "set:grant_types_supported=7")
	got := get(t, s.URL+"/.well-known/openid-configuration")
	got.body = strings.TrimPrefix(got.body, "\uFEFF")
	object := got.object(t)
	for name, want := range map[string]any{
		"scopes_supported": "openid profile", "jwks_uri": nil, "revocation_endpoint": "http://elsewhere.example/revoke",
		"issuer": "https://login.example/{tenantid}/v2.0", "grant_types_supported": 7.0, "token_endpoint": strict["token_endpoint"],
	} {
		if object[name] != want {
			t.Errorf("%s is %v, want %v", name, object[name], want)
		}
	}
	if got.header.Get("Content-Type") != "text/plain" {
		t.Error(got.header)
	}
}

func TestOddRedirect(t *testing.T) {
	s := start(t, oauthtest.Config{Path: "/realms/demo"})
	a := newApp(t, s)
	for word, want := range map[string]string{
		"drop:iss": "", "set:iss=https://evil.example": "https://evil.example", "rename:state=iss": "st",
	} {
		setOdd(t, s, "sign-in", word)
		got := a.authorize(t, oauth2.S256ChallengeOption(a.verifier))
		if got.Get("iss") != want || got.Get("code") == "" {
			t.Errorf("%s: %v", word, got)
		}
		s.Heal()
	}
}

func TestOddRevocation(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	token := a.login(t)
	setOdd(t, s, "revoke", "refuse=unsupported_token_type", "when:token=eyJ*")
	for sent, want := range map[string]int{token.RefreshToken: 200, token.AccessToken: 400} {
		status, answer := post(t, s.URL+"/revoke", url.Values{"token": {sent}, "client_id": {a.ClientID}})
		if status != want || want == 400 && answer["error"] != "unsupported_token_type" {
			t.Errorf("%d %v, want %d", status, answer, want)
		}
	}
	_, err := a.refresh(token.RefreshToken)
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
}

func TestOddDevice(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	setOdd(t, s, "device", "set:interval=0.1", "rename:verification_uri=verification_url")
	_, begun := post(t, a.Endpoint.DeviceAuthURL, url.Values{"client_id": {a.ClientID}, "scope": {"openid"}})
	if begun["interval"] != 0.1 || begun["verification_uri"] != nil || begun["verification_url"] != s.URL+"/device" {
		t.Error(begun)
	}
	poll := func() (int, map[string]any) {
		return post(t, a.Endpoint.TokenURL, url.Values{
			"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
			"device_code": {begun["device_code"].(string)},
			"client_id":   {a.ClientID},
		})
	}
	setOdd(t, s, "device_code", "error-status=428")
	if status, answer := poll(); status != 428 || answer["error"] != "authorization_pending" {
		t.Error(status, answer)
	}
	s.ApproveDevice(begun["user_code"].(string))
	if status, answer := poll(); status != 200 || answer["access_token"] == nil {
		t.Error(status, answer)
	}
}

func TestEcho(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	setOdd(t, s, oauthtest.AllKinds, "echo")
	send := func(url string) answer {
		request, err := http.NewRequest(http.MethodPost, url+"?in=query", strings.NewReader("grant_type=refresh_token&refresh_token=a%26canary"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("X-Api-Key", "key-canary")
		request.SetBasicAuth(oauthtest.SecretClient, "secret-canary")
		response, err := http.DefaultClient.Do(request)
		return read(t, response, err)
	}
	canaries := []string{"in=query", "a&canary", "a%26canary", "key-canary", "secret-canary"}
	for _, url := range []string{a.Endpoint.TokenURL, s.URL + "/revoke", s.URL + "/device_authorization"} {
		got := send(url)
		description, _ := got.object(t)["error_description"].(string)
		uri, _ := got.object(t)["error_uri"].(string)
		for _, canary := range canaries {
			if !strings.Contains(description, canary) {
				t.Errorf("%s: %q is not in %q", url, canary, description)
			}
		}
		if !strings.Contains(uri, "a%26canary") {
			t.Errorf("%s: error_uri is %q", url, uri)
		}
	}
	if got := send(s.URL + "/nowhere"); !strings.Contains(got.body, "key-canary") || got.status != 404 {
		t.Error(got)
	}
	s.Fail("token", oauthtest.Fault{Status: 500, Body: "<html>oops</html>"}) // an echo in a fault's body
	if got := send(a.Endpoint.TokenURL); !strings.Contains(got.body, "secret-canary") || got.status != 500 {
		t.Error(got)
	}
	s.Fail("token", oauthtest.Fault{}) // good answers are good
	got := a.authorize(t, oauth2.S256ChallengeOption(a.verifier))
	if !strings.Contains(got.Get("error_description"), "username=alice") || got.Get("code") == "" {
		t.Error(got)
	}
	if token, err := a.Exchange(a.ctx, got.Get("code"), oauth2.VerifierOption(a.verifier)); err != nil || token.Extra("error_description") == nil {
		t.Error(token, err)
	}
}

// The provider does its work at once; a client that leaves has lost the answer.
func TestHeldAnswer(t *testing.T) {
	s := start(t, oauthtest.Config{})
	a := newApp(t, s)
	token := a.login(t).RefreshToken
	const held = 100 * time.Millisecond
	s.Fail("refresh_token", oauthtest.Fault{Times: 1, After: true, Delay: held})
	began := time.Now()
	token = a.mustRefresh(t, token)
	if took := time.Since(began); took < held {
		t.Errorf("took only %v", took)
	}
	s.Fail("refresh_token", oauthtest.Fault{Times: 1, After: true, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), held)
	defer cancel()
	if _, err := refreshRaw(ctx, a, token); err == nil {
		t.Error("the answer was not held")
	}
	_, err := a.refresh(token)
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant")
	wantCount(t, s, "reuse", 1)
}

func TestOdditiesCombine(t *testing.T) {
	s := start(t, oauthtest.Config{NoRotation: true})
	a := newApp(t, s)
	token := a.login(t).RefreshToken
	setOdd(t, s, "refresh_token", "set:from=grant", "times=1")
	setOdd(t, s, "token", "set:from=token", "set:also=1")
	setOdd(t, s, "token", "set:and=2")
	for _, want := range []string{"grant", "token"} {
		if got := a.refreshAnswer(t, token).object(t); got["from"] != want || got["also"] != 1.0 || got["and"] != 2.0 {
			t.Errorf("from %v, want %s", got, want)
		}
	}
}

func TestOddMistakes(t *testing.T) {
	s := start(t, oauthtest.Config{})
	for words, want := range map[string]string{
		"tokens echo": "no requests of kind", "keys claim:sub=x": "no ID token", "token bad-x5c": "no keys", "token first-refresh": "no refreshes",
		"token sign=md5": "no signature", "token ecco": "no oddity ecco", "token drop": "needs a name", "token times=x": "invalid syntax", "token when:x=[": "syntax error",
	} {
		list := strings.Fields(words)
		if err := s.SetOdd(list[0], list[1:]...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", words, err)
		}
	}
}

func TestGoogle(t *testing.T) {
	s := start(t, oauthtest.Config{Google: true})
	a := newApp(t, s)
	a.ClientID, a.ClientSecret = oauthtest.SecretClient, oauthtest.Secret
	a.Scopes = []string{"openid", "email"}
	exchange := func(options ...oauth2.AuthCodeOption) *oauth2.Token {
		t.Helper()
		code := a.authorize(t, append(options, oauth2.S256ChallengeOption(a.verifier))...).Get("code")
		token, err := a.Exchange(a.ctx, code, oauth2.VerifierOption(a.verifier), oauth2.SetAuthURLParam("audience", "WEBAPP"))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	check := func(token map[string]any, audience string) {
		t.Helper()
		claims, err := s.Verify(token["id_token"].(string))
		if err != nil || claims["aud"] != audience || claims["azp"] != oauthtest.SecretClient || claims["email"] != "alice@example.com" || claims["at_hash"] == nil || claims["groups"] != nil {
			t.Errorf("%v %v", claims, err)
		}
		if _, err := s.Verify(token["access_token"].(string)); err == nil || token["scope"] != "openid email" {
			t.Error(token)
		}
	}
	token := exchange(oauth2.SetAuthURLParam("access_type", "offline"))
	check(map[string]any{"id_token": token.Extra("id_token"), "scope": token.Extra("scope"), "access_token": token.AccessToken}, "WEBAPP")
	for _, audience := range []string{"WEBAPP", "OTHER", ""} {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}, "client_id": {a.ClientID}, "client_secret": {a.ClientSecret}}
		if audience != "" {
			form.Set("audience", audience)
		} else {
			audience = a.ClientID
		}
		status, answer := post(t, a.Endpoint.TokenURL, form)
		if status != 200 || answer["refresh_token"] != nil {
			t.Fatal(status, answer)
		}
		check(answer, audience)
	}
	if token := exchange(); token.RefreshToken != "" {
		t.Error("a refresh token without access_type=offline")
	}
	a.Scopes = append(a.Scopes, "offline_access")
	if got := a.authorize(t, oauth2.S256ChallengeOption(a.verifier)); got.Get("error") != "invalid_scope" {
		t.Error(got)
	}
	if scopes := metadata(t, s)["scopes_supported"].([]any); slices.Contains(scopes, any("offline_access")) {
		t.Error(scopes)
	}
}
