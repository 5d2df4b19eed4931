package oauth_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// TestProxy: an error of the proxy names the proxy.
func TestProxy(t *testing.T) {
	answering := func(status int) *httptest.Server {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(proxy.Close)
		return proxy
	}
	stranger, forbidding, troubled := answering(http.StatusProxyAuthRequired), answering(http.StatusForbidden), answering(http.StatusBadGateway)
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, test := range map[string]struct{ issuer, proxy, want string }{
		"no user, https":    {"https://id.example.com", stranger.URL, "the proxy PROXY wants a user and a password (407)"},
		"no user, http":     {"http://127.0.0.1:9", stranger.URL, "the proxy for 127.0.0.1:9 wants a user and a password (407)"},
		"forbidden":         {"https://id.example.com", forbidding.URL, "the proxy PROXY answered 403 Forbidden when asked to connect to id.example.com:443"},
		"in trouble":        {"https://id.example.com", troubled.URL, "the proxy PROXY answered 502 Bad Gateway when asked to connect to id.example.com:443"},
		"no listener":       {"https://id.example.com", closed.URL, "the proxy for id.example.com cannot be reached: dial tcp PROXY"},
		"secret in its URL": {"https://id.example.com", strings.Replace(closed.URL, "//", "//u:hunter2@", 1), "the proxy for id.example.com cannot be reached: dial tcp PROXY"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(test.proxy)
			if err != nil {
				t.Fatal(err)
			}
			transport := oauth.NewTransport(nil)
			transport.Proxy = http.ProxyURL(u)
			c := &oauth.Client{Issuer: test.issuer, ClientID: "app", HTTP: &http.Client{Transport: transport}}
			_, err = c.Discover(t.Context())
			wantTemporary(t, err)
			if want := strings.Replace(test.want, "PROXY", u.Host, 1); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestPortal: a captive portal redirects every request to itself.
func TestPortal(t *testing.T) {
	portal := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(portal.Close)
	s := newServer(t, oauthtest.Config{})
	s.Fail("discovery", oauthtest.Fault{Redirect: portal.URL + "/welcome?to=secret"})
	_, err := clientOf(s).Discover(t.Context())
	wantTemporary(t, err)
	want := "sends us to " + strings.TrimPrefix(portal.URL, "http://") + " (a captive portal?)"
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// TestOffset: what the server's clock says, and when it says nothing.
func TestOffset(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		date, age string
		want      time.Duration
	}{
		"ahead":               {"Sun, 01 Mar 2026 14:00:00 GMT", "", 2 * time.Hour},
		"behind":              {"Sun, 01 Mar 2026 00:00:00 GMT", "", -12 * time.Hour},
		"out of a cache":      {"Sun, 01 Mar 2026 10:00:00 GMT", "7200", 0},
		"cached, and ahead":   {"Sun, 01 Mar 2026 13:00:00 GMT", "3600", 2 * time.Hour},
		"on its way":          {"Sun, 01 Mar 2026 12:00:59 GMT", "", 0},
		"another day":         {"Mon, 02 Mar 2026 12:00:01 GMT", "", 0},
		"a hostile age":       {"Sun, 01 Mar 2026 12:00:00 GMT", "99999999999999999999", 0},
		"a negative age":      {"Sun, 01 Mar 2026 14:00:00 GMT", "-7200", 2 * time.Hour},
		"absent":              {"", "", 0},
		"nothing to be read":  {"yesterday", "", 0},
		"the year of nothing": {"Mon, 01 Jan 0001 00:00:00 GMT", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			resp := &http.Response{Header: http.Header{"Date": {test.date}, "Age": {test.age}}}
			if got := oauth.Offset(resp, noon); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// TestWrongClock: with our clock wrong by up to half a day, either way, a login
// and a refresh verify their ID tokens, and what is known of their end is by our
// clock.
func TestWrongClock(t *testing.T) {
	for _, wrong := range []time.Duration{-12 * time.Hour, -2 * time.Hour, -30 * time.Second, 30 * time.Second, 2 * time.Hour, 12 * time.Hour} {
		t.Run(wrong.String(), func(t *testing.T) {
			s := newServer(t, oauthtest.Config{AccessLifetime: time.Minute, IDLifetime: time.Minute})
			c := clientOf(s)
			c.Now = func() time.Time { return time.Now().Add(wrong) }
			l := begin(t, c)
			l.signIn()
			token := l.succeed()
			renewed, err := c.Refresh(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range []*oauth.Token{token, renewed} {
				for _, kind := range []oauth.Kind{oauth.Access, oauth.ID} {
					cred := token.Credential(kind)
					if left := cred.Expiry.Sub(c.Now()); left < 25*time.Second || left > 95*time.Second {
						t.Errorf("the %s token has %s left by our clock", kind, left)
					}
				}
			}
		})
	}
}

// TestUnaskedIDToken: an ID token that was not requested, so that its keys were not
// fetched, does not make a refresh fail.
func TestUnaskedIDToken(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	l := begin(t, clientOf(s))
	l.signIn()
	token := l.succeed()
	token.IDToken, token.Scopes = "", []string{"offline_access"}
	renewed, err := clientOf(s).Refresh(t.Context(), token)
	if err != nil || renewed.IDToken != "" || renewed.RefreshToken == token.RefreshToken {
		t.Errorf("got %+v and %v", renewed, err)
	}
}

// TestIdlePreconnect: a connection that the browser has opened in advance, and
// sends nothing on, does not delay the login's end.
func TestIdlePreconnect(t *testing.T) {
	l := begin(t, clientOf(newServer(t, oauthtest.Config{})))
	idle, err := net.Dial("tcp", l.redirect.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	l.signIn()
	l.succeed()
	_ = idle.SetReadDeadline(time.Now().Add(patience))
	if _, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection was not closed: %v", err)
	}
}
