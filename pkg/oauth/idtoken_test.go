package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Two signing keys: the published one, and another one.
var (
	ourKey   = sync.OnceValue(newRSAKey)
	otherKey = sync.OnceValue(newRSAKey)
)

func newRSAKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

type claims map[string]any

// signed is an ID token as a JWS.
func signed(t testing.TB, algorithm jose.SignatureAlgorithm, key any, c claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// unsigned is one whose algorithm is none.
func unsigned(t testing.TB, algorithm string, c claims) string {
	t.Helper()
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"`+algorithm+`","typ":"JWT"}`)) + "." + encode(payload) + "."
}

func atHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func publicPEM(t testing.TB, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// provider is a fake that gives ID tokens, and says that it signs them in ways
// it should not.
func provider(t testing.TB) (*fake, *oauth.Client) {
	t.Helper()
	f := newFake(t)
	f.metadata["jwks_uri"] = f.URL + "/keys"
	f.metadata["id_token_signing_alg_values_supported"] = []string{"none", "HS256", "RS256", "ES256"}
	f.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: ourKey().Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}}
	c := f.client()
	c.Issuer = f.URL
	return f, c
}

// claims are what a good ID token says.
func (f *fake) claims(nonce string) claims {
	now := time.Now()
	return claims{
		"iss": f.URL, "aud": "app", "sub": "alice", "nonce": nonce, "at_hash": atHash("the-at"),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "email": "alice@example.com",
	}
}

func (f *fake) answerTokens(t testing.TB, id string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"access_token": "the-at", "refresh_token": "the-rt", "id_token": id, "token_type": "Bearer", "expires_in": 300,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.token = answer(string(body))
}

// TestIDToken: I-01. An ID token that belongs to another login (nonce, at_hash, iss) fails
// the login. Any other that is not valid is not handed out, with the reason, and the access
// token is.
func TestIDToken(t *testing.T) {
	good := func(t testing.TB, c claims) string { return signed(t, jose.RS256, ourKey(), c) }
	for name, test := range map[string]struct {
		change claims // nil removes
		make   func(t testing.TB, c claims) string
		good   bool
		fails  bool   // the login
		reason string // that the ID token is not accepted
	}{
		"good":                           {good: true},
		"several audiences, azp ours":    {change: claims{"aud": []string{"app", "api"}, "azp": "app"}, good: true},
		"audience beside a number":       {change: claims{"aud": []any{7, "app"}}, good: true},
		"exp is text":                    {change: claims{"exp": fmt.Sprint(time.Now().Add(time.Hour).Unix())}, good: true},
		"at_hash is padded":              {change: claims{"at_hash": atHash("the-at") + "=="}, good: true},
		"audience in a list":             {change: claims{"aud": []string{"app"}}, good: true},
		"without at_hash":                {change: claims{"at_hash": nil}, good: true},
		"expired 20 s ago":               {change: claims{"exp": time.Now().Add(-20 * time.Second).Unix()}, reason: "expired"},
		"wrong iss":                      {change: claims{"iss": "https://evil.example"}, fails: true},
		"iss with a slash more":          {change: claims{"iss": "URL/"}, fails: true},
		"no iss":                         {change: claims{"iss": nil}, fails: true},
		"wrong aud":                      {change: claims{"aud": "another"}, reason: "another client"},
		"aud of an API, azp ours":        {change: claims{"aud": "api", "azp": "app"}, reason: "another client"},
		"no aud":                         {change: claims{"aud": nil}},
		"aud is ours and more":           {change: claims{"aud": "app "}},
		"several audiences without azp":  {change: claims{"aud": []string{"app", "api"}}, good: true},
		"several audiences, azp another": {change: claims{"aud": []string{"app", "api"}, "azp": "api"}, good: true},
		"one audience, azp another":      {change: claims{"azp": "api"}, good: true},
		"expired":                        {change: claims{"exp": time.Now().Add(-2 * time.Minute).Unix()}},
		"no exp":                         {change: claims{"exp": nil}},
		"exp is 0":                       {change: claims{"exp": 0}},
		"exp is words":                   {change: claims{"exp": "tomorrow"}},
		"not valid for another hour":     {change: claims{"nbf": time.Now().Add(time.Hour).Unix()}},
		"wrong nonce":                    {change: claims{"nonce": "another"}, fails: true},
		"no nonce":                       {change: claims{"nonce": nil}, fails: true, reason: "it has no nonce"},
		"empty nonce":                    {change: claims{"nonce": ""}, fails: true},
		"wrong at_hash":                  {change: claims{"at_hash": atHash("another")}, fails: true},
		"at_hash is garbage":             {change: claims{"at_hash": "x"}, fails: true},
		"no sub":                         {change: claims{"sub": nil}},
		"empty sub":                      {change: claims{"sub": ""}},
		"unknown key":                    {make: func(t testing.TB, c claims) string { return signed(t, jose.RS256, otherKey(), c) }},
		"unknown key of another kind": {make: func(t testing.TB, c claims) string {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			return signed(t, jose.ES256, key, c)
		}},
		"bad signature": {make: func(t testing.TB, c claims) string {
			id := good(t, c)
			return id[:len(id)-6] + strings.Map(func(r rune) rune {
				if r == 'A' {
					return 'B'
				}
				return 'A'
			}, id[len(id)-6:])
		}},
		"claims of another": {make: func(t testing.TB, c claims) string {
			mine := strings.Split(good(t, c), ".")
			c["sub"] = "root"
			return mine[0] + "." + strings.Split(good(t, c), ".")[1] + "." + mine[2]
		}},
		"alg none":                   {make: func(t testing.TB, c claims) string { return unsigned(t, "none", c) }},
		"alg None":                   {make: func(t testing.TB, c claims) string { return unsigned(t, "None", c) }},
		"alg RS256 and no signature": {make: func(t testing.TB, c claims) string { return unsigned(t, "RS256", c) }},
		"HS256 with the public key":  {make: func(t testing.TB, c claims) string { return signed(t, jose.HS256, publicPEM(t, ourKey()), c) }},
		"HS256 with the modulus": {make: func(t testing.TB, c claims) string {
			return signed(t, jose.HS256, ourKey().N.Bytes(), c)
		}},
		"HS256 with the client's secret": {make: func(t testing.TB, c claims) string {
			return signed(t, jose.HS256, []byte("the client's secret of 32 bytes!"), c)
		}},
		"encrypted": {make: func(testing.TB, claims) string { return "e30.canary.canary.canary.canary" }, reason: "it is encrypted (JWE)"},
		"no JWT":    {make: func(testing.TB, claims) string { return "canary-id-token" }},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := provider(t)
			c.ClientSecret = "the client's secret of 32 bytes!"
			l := begin(t, c)
			said := f.claims(l.query.Get("nonce"))
			for claim, value := range test.change {
				if value == nil {
					delete(said, claim)
				} else if text, ok := value.(string); ok {
					said[claim] = strings.Replace(text, "URL", f.URL, 1)
				} else {
					said[claim] = value
				}
			}
			if test.make == nil {
				test.make = good
			}
			id := test.make(t, said)
			f.answerTokens(t, id)
			_, page := l.visit(l.at(url.Values{"code": {"x"}, "state": {l.query.Get("state")}}))
			token, err := l.end()
			if test.good {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				if token.Subject != "alice" || token.Account != "alice@example.com" || token.IDToken.Reveal() != id {
					t.Errorf("got %+v", token)
				}
				return
			}
			if !test.fails {
				err = wantIDFault(t, token, err)
			} else if token != nil || oauth.ClassOf(err) != oauth.ClassInvalid || !oauth.AsError(err).Shown {
				t.Fatalf("got %v and %v, want a refusal", token, err)
			}
			if !strings.Contains(err.Error(), "the ID token of "+f.URL+" is not valid") || !strings.Contains(err.Error(), test.reason) {
				t.Errorf("got %v", err)
			}
			if strings.Contains(page, "Not logged in") != test.fails {
				t.Errorf("the page is\n%s", page)
			}
			for _, secret := range []string{id, "the-at", "the-rt", "canary", l.query.Get("nonce")} {
				if strings.Contains(err.Error(), secret) || strings.Contains(page, secret) {
					t.Errorf("%q is shown: %v\n%s", secret, err, page)
				}
			}
		})
	}
}

// wantIDFault fails unless a login succeeded and its ID token was not accepted. It returns
// the reason. Callers of the access token get it, callers of the ID token get the reason,
// and the next login may succeed.
func wantIDFault(t testing.TB, token *oauth.Token, err error) error {
	t.Helper()
	if err != nil {
		t.Fatalf("the login failed: %v", err)
	}
	if token.IDToken != "" || token.Subject != "" || token.Account != "" || token.IDFault.Reason == "" {
		t.Fatalf("got %+v", token)
	}
	if token.Missing(oauth.Access) != nil || token.Credential(oauth.Access).Value != token.AccessToken || token.AccessToken == "" {
		t.Errorf("the access token is not handed out: %v", token.Missing(oauth.Access))
	}
	if value := token.Credential(oauth.Auto).Value; value != "" {
		t.Errorf("another token is handed out instead")
	}
	if token.Refreshable(oauth.ID) != token.IDFault.Retry {
		t.Errorf("Refreshable is %t", token.Refreshable(oauth.ID))
	}
	for _, kind := range []oauth.Kind{oauth.ID, oauth.Auto} {
		if missing := token.Missing(kind); missing == nil || missing.Error() != token.IDFault.Reason {
			t.Errorf("Missing(%s) is %v", kind, missing)
		}
	}
	return token.Missing(oauth.ID)
}

// TestWithoutKeys: if the server names no keys, the TLS connection replaces the signature
// (OpenID Connect Core §3.1.3.7), and all other checks apply.
func TestWithoutKeys(t *testing.T) {
	for name, test := range map[string]struct {
		change claims
		good   bool
	}{
		"good":        {good: true},
		"wrong nonce": {change: claims{"nonce": "another"}},
		"no exp":      {change: claims{"exp": nil}},
		"wrong aud":   {change: claims{"aud": "another"}},
		"wrong iss":   {change: claims{"iss": "https://evil.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := provider(t)
			delete(f.metadata, "jwks_uri")
			l := begin(t, c)
			said := f.claims(l.query.Get("nonce"))
			maps.Copy(said, test.change)
			f.answerTokens(t, signed(t, jose.RS256, ourKey(), said))
			l.visit(l.at(url.Values{"code": {"x"}, "state": {l.query.Get("state")}}))
			if token, err := l.end(); (err == nil && token.IDFault.Reason == "") != test.good {
				t.Errorf("got %+v and %v", token, err)
			}
		})
	}
}

// TestKeys: they are asked for before a browser opens, and those of a kind that
// is not known here are passed over (RFC 7517 §5).
func TestKeys(t *testing.T) {
	jwk, err := json.Marshal(jose.JSONWebKey{Key: ourKey().Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		keys any
		good bool // a browser opens, and the ID token is taken
		open bool // a browser opens
	}{
		"ours":                  {keys: json.RawMessage(`{"keys":[` + string(jwk) + `]}`), good: true},
		"ours and a future one": {keys: json.RawMessage(`{"keys":[{"kty":"AKP","alg":"ML-DSA-65","pub":"AA","kid":"q"},` + string(jwk) + `]}`), good: true},
		"ours and a future EC":  {keys: json.RawMessage(`{"keys":[{"kty":"EC","crv":"P-999","x":"AA","y":"AA"},` + string(jwk) + `]}`), good: true},
		"ours and a symmetric":  {keys: json.RawMessage(`{"keys":[{"kty":"oct","k":"AAAA"},` + string(jwk) + `]}`), good: true},
		"ours, padded":          {keys: json.RawMessage(`{"keys":[{"kty":"RSA","n":"` + base64.URLEncoding.EncodeToString(ourKey().N.Bytes()) + `","e":"AQAB"}]}`), good: true},
		"ours, in plain Base64": {keys: json.RawMessage(`{"keys":[{"kty":"RSA","n":"` + base64.StdEncoding.EncodeToString(ourKey().N.Bytes()) + `","e":"AQAB"}]}`), good: true},
		"ours, with strangers":  {keys: json.RawMessage(`{"keys":[` + string(jwk) + `],"x":1}`), good: true},
		"none":                  {keys: json.RawMessage(`{"keys":[]}`), open: true},
		"no set":                {keys: json.RawMessage(`[]`)},
		"no JSON":               {keys: nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := provider(t)
			f.keys = test.keys
			if test.keys == nil {
				f.metadata["jwks_uri"] = f.URL + "/nowhere"
			}
			l := start(t, c)
			if l.URL == "" && (test.good || test.open) {
				t.Fatalf("no browser was opened: %v", l.err)
			}
			if !test.good && !test.open {
				if wantTemporary(t, l.err); l.URL != "" {
					t.Error("a browser was opened")
				}
				return
			}
			f.answerTokens(t, signed(t, jose.RS256, ourKey(), f.claims(l.query.Get("nonce"))))
			l.visit(l.at(url.Values{"code": {"x"}, "state": {l.query.Get("state")}}))
			token, err := l.end()
			if test.good {
				if err != nil || token.IDToken == "" {
					t.Errorf("got %+v and %v", token, err)
				}
				return
			}
			if err := wantIDFault(t, token, err); !strings.Contains(err.Error(), "publishes no key that can verify an ID token") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestRefresh: what a refresh keeps and what it replaces, and I-02.
func TestRefresh(t *testing.T) {
	before := time.Now().Add(-time.Hour).Round(0)
	old := func(f *fake) *oauth.Token {
		return &oauth.Token{
			AccessToken: "old-at", RefreshToken: "old-rt", IDToken: "old-id",
			Expiry: before.Add(time.Minute), Obtained: before, Renewed: before, IDExpiry: before.Add(time.Minute), IDObtained: before,
			Scopes: []string{"openid", "all"}, Subject: "alice", Account: "alice@example.com",
			Server: oauth.Metadata{Issuer: f.URL, AuthorizationEndpoint: f.URL + "/auth", TokenEndpoint: f.URL + "/token", KeysURI: f.URL + "/keys"},
		}
	}
	id := func(t testing.TB, f *fake, change claims) string {
		said := f.claims("")
		delete(said, "nonce")
		maps.Copy(said, change)
		return signed(t, jose.RS256, ourKey(), said)
	}
	type reply map[string]any
	for name, test := range map[string]struct {
		reply   reply
		change  claims // of a new ID token; nil: none
		refresh string
		scopes  []string
		refused string
		fault   string // why the new ID token is not accepted
		keeps   bool   // the old ID token, as if there were no new one
	}{
		"all new":                 {reply: reply{"refresh_token": "new-rt"}, change: claims{}, refresh: "new-rt"},
		"no ID token":             {reply: reply{"refresh_token": "new-rt"}, refresh: "new-rt"},
		"no refresh token":        {reply: reply{}, change: claims{}, refresh: "old-rt"},
		"refresh token null":      {reply: reply{"refresh_token": nil}, refresh: "old-rt"},
		"refresh token empty":     {reply: reply{"refresh_token": ""}, refresh: "old-rt"},
		"refresh token no string": {reply: reply{"refresh_token": 1}, refresh: "old-rt"},
		"scope narrower":          {reply: reply{"scope": "all"}, refresh: "old-rt", scopes: []string{"all"}},
		"another person":          {reply: reply{"refresh_token": "new-rt"}, change: claims{"sub": "mallory"}, refused: "another user"},
		"another issuer":          {change: claims{"iss": "https://evil.example"}, refresh: "old-rt", fault: "issue"},
		"another audience":        {change: claims{"aud": "another"}, refresh: "old-rt", fault: "another client"},
		"another azp":             {change: claims{"azp": "another"}, refresh: "old-rt"},
		"another's at_hash":       {reply: reply{"refresh_token": "new-rt"}, change: claims{"at_hash": atHash("another")}, refresh: "new-rt", fault: "another access token"},
		"email is a list":         {change: claims{"email": []string{"alice@example.com"}, "preferred_username": "alice@example.com"}, refresh: "old-rt"},
		"no sub":                  {change: claims{"sub": nil}, refresh: "old-rt", fault: "no sub"},
		"sub is a number":         {change: claims{"sub": 7}, refused: "another user"},
		"expired":                 {reply: reply{"refresh_token": "new-rt"}, change: claims{"exp": before.Unix()}, refresh: "new-rt", keeps: true},
		"expired 20 s ago":        {change: claims{"exp": time.Now().Add(-20 * time.Second).Unix()}, refresh: "old-rt", keeps: true},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := provider(t)
			was, now := old(f), map[string]any{"access_token": "the-at", "token_type": "bearer", "expires_in": 300}
			maps.Copy(now, test.reply)
			if test.change != nil {
				now["id_token"] = id(t, f, test.change)
			}
			body, err := json.Marshal(now)
			if err != nil {
				t.Fatal(err)
			}
			f.token = answer(string(body))
			clock := time.Now().Round(0)
			c.Now = func() time.Time { return clock }
			got, err := c.Refresh(t.Context(), was)
			if diff := cmp.Diff(*old(f), *was); diff != "" {
				t.Errorf("the old set was changed (-was +is):\n%s", diff)
			}
			if len(f.requests()) != 1 {
				t.Errorf("%d token requests, want 1", len(f.requests()))
			}
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) || got != nil || !loggedOut(err) {
					t.Errorf("got %v and %v, want to hear of %q", got, err, test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := old(f)
			want.AccessToken, want.Expiry, want.Obtained, want.Renewed = "the-at", clock.Add(5*time.Minute), clock, clock
			want.RefreshToken = oauth.Secret(test.refresh)
			if test.scopes != nil {
				want.Scopes = test.scopes
			}
			if want.IDFault = got.IDFault; (test.fault != "") != (got.IDFault.Reason != "") || got.IDFault.Retry || !strings.Contains(got.IDFault.Reason, test.fault) {
				t.Errorf("the fault is %+v, want %q", got.IDFault, test.fault)
			}
			renewed := test.change != nil && test.fault == "" && !test.keeps
			if renewed {
				want.IDToken, want.IDObtained = oauth.Secret(now["id_token"].(string)), clock
				want.IDExpiry = got.IDExpiry
				if got.IDExpiry.Before(clock) {
					t.Errorf("the new ID token ends at %s", got.IDExpiry)
				}
			}
			if diff := cmp.Diff(*want, *got); diff != "" {
				t.Errorf("the new set (-want +got):\n%s", diff)
			}
			if !got.Refreshable(oauth.Access) || got.Refreshable(oauth.ID) != renewed {
				t.Errorf("Refreshable: access %t, ID %t", got.Refreshable(oauth.Access), got.Refreshable(oauth.ID))
			}
		})
	}
}

// TestRefreshAtAServer: the same at a server that rotates refresh tokens, keeps them, or
// detects one that is redeemed twice.
func TestRefreshAtAServer(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	l := begin(t, clientOf(s))
	l.signIn()
	first := l.succeed()
	c := clientOf(s)
	second, err := c.Refresh(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken || second.IDToken == first.IDToken || second.Subject != "alice" {
		t.Error("the refresh brought nothing new")
	}
	if got := s.Requests("refresh_token")[0].Form; !cmp.Equal(got, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken.Reveal()}, "client_id": {oauthtest.PublicClient},
	}) {
		t.Errorf("the refresh sent %v", slices.Sorted(maps.Keys(got)))
	}
	s.RotateKeys()
	third, err := c.Refresh(t.Context(), second)
	if err != nil {
		t.Fatalf("after the server changed its key: %v", err)
	}
	if _, err := c.Refresh(t.Context(), second); !loggedOut(err) {
		t.Errorf("a spent token: got %v", err)
	}
	if _, err := c.Refresh(t.Context(), third); !loggedOut(err) {
		t.Errorf("a token of a dead family: got %v", err)
	}
	if s.Count("reuse") != 1 {
		t.Errorf("%d spent twice, want 1", s.Count("reuse"))
	}
	if _, err := c.Refresh(t.Context(), &oauth.Token{AccessToken: "at"}); err == nil || loggedOut(err) {
		t.Errorf("without a refresh token: got %v", err)
	}
}

// TestKeysBeforeSpending: a key server that is down costs no refresh token.
func TestKeysBeforeSpending(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	l := begin(t, clientOf(s))
	l.signIn()
	token := l.succeed()
	s.ResetCounts()
	s.Fail("keys", oauthtest.Fault{Status: 503, Times: 1})
	_, err := clientOf(s).Refresh(t.Context(), token)
	wantTemporary(t, err)
	wantPosts(t, s, 0)
	if _, err := clientOf(s).Refresh(t.Context(), token); err != nil {
		t.Error(err)
	}
}
