package oauth

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestChallenge: the vectors of RFC 7636, appendix B, and of flytekit.
func TestChallenge(t *testing.T) {
	for verifier, want := range map[string]string{
		"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		"test_code_verifier":                          "Qq1fGD0HhxwbmeMrqaebgn1qhvKeguQPXqLdpmixaM4",
	} {
		c := &Client{ClientID: "app"}
		a := newLoginFlow(c, &Metadata{AuthorizationEndpoint: "https://idp.example/auth"}, nil, "http://127.0.0.1:1", nil)
		a.verifier = verifier
		address, err := a.url()
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query(); got.Get("code_challenge") != want || got.Get("code_challenge_method") != "S256" {
			t.Errorf("the challenge is %v", got)
		}
		if strings.Contains(address, verifier) {
			t.Error("the verifier is in the login's URL")
		}
	}
}

func TestPasted(t *testing.T) {
	want := url.Values{"code": {"c"}, "state": {"s"}}
	for line, want := range map[string]url.Values{
		"http://127.0.0.1:1/cb?code=c&state=s":     want,
		"http://127.0.0.1:1/cb?code=c&state=s#x=y": want,
		"?code=c&state=s":                          want,
		"code=c&state=s":                           want,
		"code=c&state=s#":                          want,
		"/cb?code=a%2Bb+c&state=s":                 {"code": {"a+b+c"}, "state": {"s"}},
		"/cb?code=c?d&state=s":                     {"code": {"c?d"}, "state": {"s"}},
		"/cb?state=s&state=t":                      {"state": {"s", "t"}},
		"hello":                                    {"hello": {""}},
		"":                                         {},
		"?%zz":                                     {},
		"code=c;state=s":                           {"code": {"c;state=s"}},
		"http://127.0.0.1:1/cb#code=c&state=s":     want,
		"?code=c&amp;state=s":                      want,
	} {
		if diff := cmp.Diff(want, pasted(line)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}

func TestSeconds(t *testing.T) {
	const most = 10 * 365 * 24 * time.Hour
	for raw, want := range map[string]time.Duration{
		"": 0, "null": 0, "0": 0, "-1": 0, `"-1"`: 0, `"x"`: 0, `""`: 0, `[1]`: 0, `{}`: 0, `true`: 0, `"NaN"`: 0, `"-Inf"`: 0,
		"1": time.Second, `"1"`: time.Second, "1.5": 1500 * time.Millisecond, `"1.5"`: 1500 * time.Millisecond, "1e2": 100 * time.Second,
		"315360000": most, "315360001": most, "9223372036854775808": most, `"Inf"`: most,
	} {
		if got := seconds(json.RawMessage(raw)); got != want {
			t.Errorf("%s is %s, want %s", raw, got, want)
		}
	}
}

func TestWellKnownAddresses(t *testing.T) {
	for issuer, want := range map[string][]string{
		"https://a":        {"https://a/.well-known/openid-configuration", "https://a/.well-known/oauth-authorization-server"},
		"https://a:8443/":  {"https://a:8443/.well-known/openid-configuration", "https://a:8443/.well-known/oauth-authorization-server"},
		"https://a/x%2Fy/": wellKnown("https://a/x%2Fy"),
		"https://a/x": {
			"https://a/x/.well-known/openid-configuration", "https://a/.well-known/oauth-authorization-server/x",
			"https://a/.well-known/openid-configuration/x", "https://a/x/.well-known/oauth-authorization-server",
		},
	} {
		if diff := cmp.Diff(want, wellKnown(issuer)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", issuer, diff)
		}
	}
}

func TestParseRedirect(t *testing.T) {
	for raw, want := range map[string]struct {
		path, sent string // with port 5; empty: refused
		loopback   bool
	}{
		"":                           {"/", "http://127.0.0.1:5", true},
		"http://127.0.0.1":           {"/", "http://127.0.0.1:5", true},
		"http://127.0.0.1/":          {"/", "http://127.0.0.1:5/", true},
		"http://127.0.0.1:5":         {"/", "http://127.0.0.1:5", true},
		"http://localhost:1/cb":      {"/cb", "http://localhost:5/cb", true},
		"http://localhost/cb/":       {"/cb/", "http://localhost:5/cb/", true},
		"http://[::1]":               {"/", "http://[::1]:5", true},
		"http://[::1]:5/a%20b?x=y":   {"/a%20b", "http://[::1]:5/a%20b?x=y", true},
		"http://127.0.0.1/a%2Fb":     {"/a%2Fb", "http://127.0.0.1:5/a%2Fb", true},
		"https://app.example/cb":     {path: "/cb", sent: "https://app.example:5/cb"},
		"https://localhost.evil/cb":  {path: "/cb", sent: "https://localhost.evil:5/cb"},
		"http://127.0.0.1.evil/cb":   {path: "/cb", sent: "http://127.0.0.1.evil:5/cb"},
		"https://localhost/cb":       {},
		"ftp://127.0.0.1/cb":         {},
		"http://127.0.0.1/cb#x":      {},
		"http://user@127.0.0.1/cb":   {},
		"http://127.0.0.1:x/":        {},
		"127.0.0.1:5/cb":             {},
		"/cb":                        {},
		"urn:ietf:wg:oauth:2.0:oob":  {},
		"\x1b]0;owned\x07":           {},
		"http://local\nhost/\u202ex": {},
	} {
		r, err := parseRedirect(raw)
		if want.path == "" {
			e := AsError(err)
			if e == nil || e.Class != ClassConfig || e.Setting != "redirect-uri" || Printable(e.Problem) != e.Problem {
				t.Errorf("%q: got %v and %v, want an error of the setting", raw, r, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", raw, err)
			continue
		}
		if r.path != want.path || r.withPort(5) != want.sent || r.loopback() != want.loopback {
			t.Errorf("%q: got %s %s %t, want %v", raw, r.path, r.withPort(5), r.loopback(), want)
		}
	}
}

// TestUnusableRedirect: a redirect URI that no browser can reach, or at which no listener
// is possible, is an error at once.
func TestUnusableRedirect(t *testing.T) {
	for _, raw := range []string{
		"http://127.0.0.2/cb",          // an address that not every machine has
		"http://[::ffff:127.0.0.1]/cb", // a Host that is refused
		"http://127.0.0.1:0/cb",        // a port that no browser can be sent to
	} {
		t.Run(raw, func(t *testing.T) {
			r, err := parseRedirect(raw)
			if err != nil || !r.loopback() {
				return // refused, or pasted
			}
			b, err := r.bind(t.Context(), &Client{})
			if err != nil {
				return
			}
			defer b.release()
			u, err := url.Parse(r.withPort(b.port))
			if err != nil {
				t.Fatal(err)
			}
			if !r.named(u.Host, b.port) || b.port == 0 || b.listeners[0].Addr().(*net.TCPAddr).Port != b.port {
				t.Errorf("the browser is sent to %s, and the login listens at %s", u, b.listeners[0].Addr())
			}
		})
	}
}

func TestJWTExpiry(t *testing.T) {
	jwt := func(payload string) Secret {
		return Secret("e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln")
	}
	for token, want := range map[Secret]int64{
		jwt(`{"exp":1700000000}`):           1700000000,
		jwt(`{"exp":1.7e9}`):                1700000000,
		jwt(`{"exp":1700000000.9}`):         1700000000,
		jwt(`{"exp":1,"exp":1700000000}`):   1700000000,
		jwt(`{"exp":0}`):                    0,
		jwt(`{"exp":-1}`):                   0,
		jwt(`{"exp":"1700000000"}`):         1700000000,
		jwt(`{"exp":253402300799}`):         0, // in the year 9999
		jwt(`{"exp":1e400}`):                0,
		jwt(`{}`):                           0,
		jwt(`[]`):                           0,
		jwt(`{`):                            0,
		"":                                  0,
		"opaque":                            0,
		"a.b":                               0,
		"a.!.c":                             0,
		jwt(`{"exp":1700000000}`) + ".x":    0,
		jwt(`{"exp":1700000000}`) + ".x.y.": 0,
	} {
		got, ok := jwtExpiry(token)
		if ok != (want != 0) || ok && got.Unix() != want {
			t.Errorf("%s: got %v %t, want %d", token.Reveal(), got, ok, want)
		}
	}
}

func TestAlgorithms(t *testing.T) {
	for _, test := range []struct{ listed, want []string }{
		{[]string{"none"}, []string{}},
		{[]string{"HS256", "HS512"}, []string{}},
		{[]string{"none", "HS256", "RS256"}, []string{"RS256"}},
		{[]string{"ES256", "RS256", "EdDSA", "rs256"}, []string{"RS256", "ES256", "EdDSA"}},
		{nil, []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"}},
	} {
		if diff := cmp.Diff(test.want, algorithms(test.listed)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.listed, diff)
		}
	}
}

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"":                           "",
		"plain words, 日本語, é":        "plain words, 日本語, é",
		" around ":                   "around",
		"a\r\nb\tc":                  "a  b c",
		"\x1b[31mred\x1b[0m":         "[31mred[0m",
		"\x1b]8;;http://x\x07y":      "]8;;http://xy",
		"a\u0085b\u009bc":            "a bc",
		"\u202eevil\u2066\u200f":     "evil",
		"zero\u200bwidth\ufeff":      "zerowidth",
		"line\u2028paragraph\u2029x": "line paragraph x",
		"NUL\x00DEL\x7f":             "NULDEL",
		"tag\U000e0041":              "tag",
		"private\ue000":              "private",
		strings.Repeat("é", 500):     strings.Repeat("é", 500),
		strings.Repeat("é", 501):     strings.Repeat("é", 500) + "…",
		strings.Repeat("x", 1<<20):   strings.Repeat("x", 500) + "…",
		strings.Repeat("\x1b", 1000): "",
		"<b>&amp;":                   "<b>&amp;",
	} {
		if got := Printable(s); got != want {
			t.Errorf("%.40q is %.80q, want %.80q", s, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		2 * time.Minute: "2m", 90 * time.Second: "1m30s", time.Hour: "1h0m", 20 * time.Second: "20s", 10 * time.Second: "10s", 10 * time.Minute: "10m",
	} {
		if got := short(d); got != want {
			t.Errorf("%s is written %s, want %s", d, got, want)
		}
	}
}
