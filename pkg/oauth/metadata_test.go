package oauth_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// documents is a server that has documents at some paths.
type documents struct {
	*httptest.Server
	at map[string]http.HandlerFunc

	mu    sync.Mutex
	asked []string
}

func newDocuments(t testing.TB) *documents {
	t.Helper()
	d := &documents{at: map[string]http.HandlerFunc{}}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.asked = append(d.asked, r.URL.EscapedPath())
		d.mu.Unlock()
		if handler, ok := d.at[r.URL.EscapedPath()]; ok {
			handler(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

// of is what an issuer says of itself.
func (d *documents) of(issuer string, more map[string]any) http.HandlerFunc {
	m := map[string]any{"issuer": issuer, "authorization_endpoint": d.URL + "/auth", "token_endpoint": d.URL + "/token"}
	maps.Copy(m, more)
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return answer(string(body))
}

const (
	openid = "/.well-known/openid-configuration"
	rfc    = "/.well-known/oauth-authorization-server"
)

// TestWellKnown: the metadata are found wherever one of the two documents puts
// them, and looked for in one order.
func TestWellKnown(t *testing.T) {
	for _, test := range []struct {
		issuer, at string
		asked      int
	}{
		{"", openid, 1},
		{"", rfc, 2},
		{"/", openid, 1},
		{"/", rfc, 2},
		{"/realms/demo", "/realms/demo" + openid, 1},
		{"/realms/demo", rfc + "/realms/demo", 2},
		{"/realms/demo", openid + "/realms/demo", 3},
		{"/realms/demo", "/realms/demo" + rfc, 4},
		{"/realms/demo/", "/realms/demo" + openid, 1},
		{"/realms/demo/", rfc + "/realms/demo", 2},
		{"/a%20b", "/a%20b" + openid, 1},
	} {
		for name, other := range map[string]http.HandlerFunc{
			"404": http.NotFound, "HTML": said(200, "text/html", "<p>welcome"), "403": said(403, "application/json", "{}"), "500": said(500, "text/plain", ""),
			"an error with 200": answer(`{"error":"not found"}`), "a login page elsewhere": to("https://sso.example.com/"),
		} {
			t.Run(test.issuer+" at "+test.at+", else "+name, func(t *testing.T) {
				d := newDocuments(t)
				for _, path := range []string{openid, rfc} {
					for _, issuer := range []string{"", "/realms/demo"} {
						d.at[issuer+path], d.at[path+issuer] = other, other
					}
				}
				d.at[test.at] = d.of(d.URL+test.issuer, nil)
				m, err := (&oauth.Client{Issuer: d.URL + test.issuer, ClientID: "app"}).Discover(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				want := oauth.Metadata{Issuer: d.URL + test.issuer, AuthorizationEndpoint: d.URL + "/auth", TokenEndpoint: d.URL + "/token"}
				if diff := cmp.Diff(want, *m); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if len(d.asked) != test.asked {
					t.Errorf("asked at %v, want %d requests", d.asked, test.asked)
				}
			})
		}
	}
}

// TestDiscoverAtAServer: the metadata of a real server, over TLS, with a path.
func TestDiscoverAtAServer(t *testing.T) {
	s := newServer(t, oauthtest.Config{TLS: true, Path: "/realms/demo"})
	c := clientOf(s)
	c.HTTP = s.Client()
	m, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m.Issuer != s.URL || !m.IssuerInResponse || !strings.HasPrefix(m.KeysURI, s.URL) || !strings.HasPrefix(m.RevocationEndpoint, s.URL) {
		t.Errorf("got %+v", m)
	}
	if len(m.Scopes) == 0 || len(m.Challenges) == 0 || len(m.IDTokenAlgorithms) == 0 {
		t.Errorf("got %+v", m)
	}
}

// TestBadMetadata: D-01 to D-06. Nothing is started by metadata that lie or
// name what must not be opened, and the code goes nowhere.
func TestBadMetadata(t *testing.T) {
	t.Parallel()
	j := func(name string, value any) map[string]any { return map[string]any{name: value} }
	for name, test := range map[string]struct {
		more    map[string]any
		handler http.HandlerFunc
		setting string // of the ConfigError; empty: temporary
		words   string
	}{
		"D-01 another issuer":              {more: j("issuer", "https://evil.example"), setting: "issuer", words: "calls itself https://evil.example"},
		"D-01 no issuer":                   {more: j("issuer", nil), setting: "issuer", words: "name no issuer"},
		"D-01 issuer in capitals":          {more: j("issuer", "HTTP://127.0.0.1"), setting: "issuer", words: "calls itself"},
		"D-01 issuer with ESC":             {more: j("issuer", "\x1b]0;owned\x07"), setting: "issuer", words: "calls itself ]0;owned:"},
		"behind a proxy that ends TLS":     {more: j("issuer", "http://keycloak.internal:8080/realms/demo"), setting: "issuer", words: "its administrator must configure its public https address"},
		"Entra, no such tenant":            {handler: said(400, "application/json", `{"error":"invalid_tenant","error_description":"no such tenant"}`), setting: "issuer", words: "answered 400 Bad Request: no such tenant"},
		"an error with 200":                {handler: answer(`{"message":"no such realm"}`), setting: "issuer", words: "name no issuer: no such realm"},
		"500":                              {handler: said(500, "text/plain", ""), words: "500 Internal Server Error"},
		"D-02 a slash more":                {more: j("issuer", "URL/"), setting: "issuer", words: "calls itself"},
		"D-03 http authorization endpoint": {more: j("authorization_endpoint", "http://idp.example/auth"), setting: "auth-endpoint", words: "must be https"},
		"D-03 http token endpoint":         {more: j("token_endpoint", "http://idp.example/token"), setting: "token-endpoint", words: "must be https"},
		"D-03 http keys":                   {more: j("jwks_uri", "http://idp.example/keys"), setting: "issuer", words: "must be https"},
		"D-03 nearly loopback":             {more: j("token_endpoint", "http://127.0.0.1.evil.example/token"), setting: "token-endpoint", words: "must be https"},
		"D-03 nearly localhost":            {more: j("token_endpoint", "http://localhost.evil.example/token"), setting: "token-endpoint", words: "must be https"},
		"D-04 2 MiB":                       {handler: answer(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`), words: "larger than 1 MiB"},
		"D-04 a bomb":                      {handler: bomb, words: "larger than 1 MiB"},
		"D-04 without an end":              {handler: forever, words: "larger than 1 MiB"},
		"D-05 deep":                        {handler: answer(strings.Repeat(`{"x":`, 100<<10)), words: "with broken JSON"},
		"D-05 deep list":                   {handler: answer(strings.Repeat(`[`, 500<<10)), words: "with broken JSON"},
		"D-06 file":                        {more: j("authorization_endpoint", "file:///etc/passwd"), setting: "auth-endpoint", words: "not a URL"},
		"D-06 file on a host":              {more: j("authorization_endpoint", "file://host/etc/passwd"), setting: "auth-endpoint", words: "must be https"},
		"D-06 javascript":                  {more: j("authorization_endpoint", "javascript:alert(1)"), setting: "auth-endpoint", words: "not a URL"},
		"D-06 javascript with slashes":     {more: j("authorization_endpoint", "javascript://x/%0aalert(1)"), setting: "auth-endpoint", words: "must be https"},
		"D-06 a flag":                      {more: j("authorization_endpoint", "--version"), setting: "auth-endpoint", words: "not a URL"},
		"D-06 UNC":                         {more: j("authorization_endpoint", `\\host\x`), setting: "auth-endpoint", words: "not a URL"},
		"D-06 a command":                   {more: j("authorization_endpoint", "https://x/;$(touch /tmp/x)`\n"), setting: "auth-endpoint", words: "not a URL"},
		"D-06 relative":                    {more: j("authorization_endpoint", "/auth"), setting: "auth-endpoint", words: "not a URL"},
		"D-06 without scheme":              {more: j("authorization_endpoint", "//idp.example/auth"), setting: "auth-endpoint", words: "must be https"},
		"D-06 with user":                   {more: j("authorization_endpoint", "https://idp.example@evil.example/"), setting: "auth-endpoint", words: "user name or a password"},
		"D-06 custom scheme":               {more: j("authorization_endpoint", "ms-msdt://x/y"), setting: "auth-endpoint", words: "must be https"},
		"A23 a host with bidi":             {more: j("token_endpoint", "https://evil\u202e.example/token"), setting: "token-endpoint", words: "in ASCII"},
		"A23 a long host":                  {more: j("token_endpoint", "https://"+strings.Repeat("x", 12000)+"/token"), setting: "token-endpoint", words: "not a URL"},
		"D-06 none":                        {more: j("authorization_endpoint", nil), setting: "auth-endpoint", words: "there is no authorization endpoint"},
		"D-06 no token endpoint":           {more: j("token_endpoint", ""), setting: "token-endpoint", words: "there is no token endpoint"},
		"P-03 plain only":                  {more: j("code_challenge_methods_supported", []string{"plain"}), setting: "issuer", words: "PKCE with S256"},
		"P-03 s256":                        {more: j("code_challenge_methods_supported", []string{"s256"}), setting: "issuer", words: "PKCE with S256"},
		"A-01 pushed requests":             {more: j("require_pushed_authorization_requests", true), setting: "issuer", words: "RFC 9126"},
		"unreadable":                       {handler: answer(`{"issuer":`), words: "with broken JSON"},
		"a list":                           {handler: answer(`[]`), words: "with broken JSON"},
		"an object and more":               {handler: answer(`{} {}`), words: "with broken JSON"},
		"A17 many tenants":                 {more: j("issuer", "https://login.example/{tenantid}/v2.0"), setting: "issuer", words: "put your tenant's ID in place of {tenantid}"},
		"503":                              {handler: said(503, "text/plain", ""), words: "503 Service Unavailable"},
		"429":                              {handler: said(429, "text/plain", ""), words: "429 Too Many Requests"},
		"a captive portal":                 {handler: said(200, "text/html", "<html>"), words: "HTML (a captive portal, or a proxy?)"},
		"nowhere":                          {handler: http.NotFound, setting: "issuer", words: "publishes no metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDocuments(t)
			if issuer, ok := test.more["issuer"].(string); ok {
				test.more["issuer"] = strings.Replace(issuer, "URL", d.URL, 1)
			}
			d.at[openid] = d.of(d.URL, test.more)
			if test.handler != nil {
				d.at[openid] = test.handler
			}
			l := start(t, &oauth.Client{Issuer: d.URL, ClientID: "app", Prompt: newTerminal()})
			if l.URL != "" {
				t.Fatalf("a browser was opened at %s", l.URL)
			}
			if test.setting != "" {
				wantConfig(t, l.err, test.setting, test.words)
			} else if wantTemporary(t, l.err); l.err == nil || !strings.Contains(l.err.Error(), test.words) {
				t.Errorf("got %v, want to read of %q", l.err, test.words)
			}
			if l.err != nil {
				wantHarmless(t, l.err)
			}
		})
	}
}

// forever sends a JSON string without an end.
func forever(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, err := io.WriteString(w, `{"x":"`)
	for ; err == nil && r.Context().Err() == nil; _, err = io.WriteString(w, strings.Repeat("x", 64<<10)) {
	}
}

// TestGoodMetadata: what is let through.
func TestGoodMetadata(t *testing.T) {
	for name, more := range map[string]map[string]any{
		"no list of challenges (P-04)": {},
		"an empty list":                {"code_challenge_methods_supported": []string{}},
		"plain and S256":               {"code_challenge_methods_supported": []string{"plain", "S256"}},
		"https elsewhere":              {"authorization_endpoint": "https://idp.example/auth?p=policy"},
		"strangers":                    {"x": map[string]any{"y": []int{1}}, "grant_types_supported": nil},
		"empty where optional":         {"revocation_endpoint": "", "jwks_uri": "", "require_pushed_authorization_requests": false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDocuments(t)
			d.at[openid] = d.of(d.URL, more)
			l := begin(t, &oauth.Client{Issuer: d.URL, ClientID: "app"})
			if l.query.Get("code_challenge_method") != "S256" || len(l.query.Get("code_challenge")) != 43 {
				t.Errorf("the challenge is %q (%q)", l.query.Get("code_challenge"), l.query.Get("code_challenge_method"))
			}
		})
	}
}

// TestConfiguredEndpoints: the same rules apply to configured endpoints.
func TestConfiguredEndpoints(t *testing.T) {
	const a, b = "https://idp.example/auth", "https://idp.example/token"
	for name, test := range map[string]struct {
		client  oauth.Client
		setting string
	}{
		"good":            {oauth.Client{AuthEndpoint: a, TokenEndpoint: b}, ""},
		"http":            {oauth.Client{AuthEndpoint: "http://idp.example/auth", TokenEndpoint: b}, "auth-endpoint"},
		"http, loopback":  {oauth.Client{AuthEndpoint: "http://[::1]:1/auth", TokenEndpoint: "http://localhost:2/token"}, ""},
		"no token":        {oauth.Client{AuthEndpoint: a}, "token-endpoint"},
		"no auth":         {oauth.Client{TokenEndpoint: b}, "auth-endpoint"},
		"http issuer":     {oauth.Client{Issuer: "http://idp.example"}, "issuer"},
		"issuer, no host": {oauth.Client{Issuer: "idp.example"}, "issuer"},
		"issuer, #":       {oauth.Client{Issuer: "https://idp.example#x"}, "issuer"},
	} {
		test.client.ClientID = "app"
		_, discovered := test.client.Discover(t.Context())
		for _, err := range []error{discovered, test.client.Check()} {
			if test.setting == "" && err != nil {
				t.Errorf("%s: %v", name, err)
			} else if test.setting != "" {
				wantConfig(t, err, test.setting, "")
			}
		}
	}
}

// TestRedirectedMetadata: three times, within the host, and never elsewhere.
func TestRedirectedMetadata(t *testing.T) {
	var sunk atomic.Int32
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sunk.Add(1) }))
	defer sink.Close()
	for name, test := range map[string]struct {
		hops int
		to   string // at the end; empty: the metadata
		good bool
	}{
		"once":      {hops: 1, good: true},
		"three":     {hops: 3, good: true},
		"four":      {hops: 4},
		"for ever":  {hops: 100},
		"elsewhere": {hops: 1, to: sink.URL + openid},
		"to a file": {hops: 1, to: "file:///etc/passwd"},
		"localhost": {hops: 1, to: strings.Replace(sink.URL, "127.0.0.1", "localhost", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDocuments(t)
			d.at[openid] = http.RedirectHandler("/hop/1", http.StatusFound).ServeHTTP
			for i := range test.hops {
				d.at[fmt.Sprintf("/hop/%d", i+1)] = http.RedirectHandler(fmt.Sprintf("/hop/%d", i+2), http.StatusTemporaryRedirect).ServeHTTP
			}
			d.at[fmt.Sprintf("/hop/%d", test.hops)] = d.of(d.URL, nil)
			if test.to != "" {
				d.at[fmt.Sprintf("/hop/%d", test.hops)] = http.RedirectHandler(test.to, http.StatusFound).ServeHTTP
			}
			_, err := (&oauth.Client{Issuer: d.URL, ClientID: "app"}).Discover(t.Context())
			switch {
			case test.good && err != nil:
				t.Error(err)
			case strings.HasPrefix(test.to, "http"):
				wantTemporary(t, err) // perhaps a captive portal
			case !test.good:
				wantConfig(t, err, "issuer", "publishes no metadata")
			}
			if sunk.Load() != 0 || len(d.asked) > 5 {
				t.Errorf("%d requests elsewhere, %d here", sunk.Load(), len(d.asked))
			}
		})
	}
}

// TestRedirectOutOfTLS: https metadata do not come over http.
func TestRedirectOutOfTLS(t *testing.T) {
	var sunk atomic.Int32
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sunk.Add(1) }))
	defer sink.Close()
	s := newServer(t, oauthtest.Config{TLS: true})
	c := clientOf(s)
	c.HTTP = s.Client()
	s.Fail("discovery", oauthtest.Fault{Redirect: sink.URL})
	_, err := c.Discover(t.Context())
	wantTemporary(t, err)
	if sunk.Load() != 0 {
		t.Error("the redirect was followed")
	}
}
