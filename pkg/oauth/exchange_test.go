package oauth_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// TestRedirectedPost: a token endpoint that redirects gets its way with
// nothing, neither with a code nor with a refresh token (H-05).
func TestRedirectedPost(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var sunk atomic.Int32
			sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sunk.Add(1)
				answer(`{"access_token":"sink","token_type":"Bearer"}`)(w, r)
			}))
			defer sink.Close()
			f := newFake(t)
			for name, to := range map[string]string{"another origin": sink.URL + "/token", "the same origin": f.URL + "/elsewhere"} {
				for _, hc := range []*http.Client{nil, {Transport: &http.Transport{}}} { // whose zero value follows ten
					f.posts = nil
					f.token = func(w http.ResponseWriter, _ *http.Request) {
						w.Header().Set("Location", to)
						w.Header().Set("Content-Type", "application/json")
						w.WriteHeader(status)
						_, _ = io.WriteString(w, `{"access_token":"at","token_type":"Bearer"}`)
					}
					c := f.client()
					c.HTTP = hc
					_, err := f.login(t, c)
					wantTemporary(t, err)
					_, err = c.Refresh(t.Context(), f.old())
					wantTemporary(t, err)
					if n := len(f.requests()); n != 2 || sunk.Load() != 0 {
						t.Errorf("%s: %d requests at the endpoint and %d at the sink, want 2 and 0", name, n, sunk.Load())
					}
				}
			}
		})
	}
}

// TestOnePost: whatever becomes of the connection, no library sends a code or a
// refresh token again, over a fresh connection or a kept one. Only a refresh
// whose answer broke off is sent once more, by us.
func TestOnePost(t *testing.T) {
	var cut = map[string]http.HandlerFunc{
		"before the answer":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"in the header":         raw("HTTP/1.1 200 OK\r\nContent-"),
		"in the body":           raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"at\""),
		"in a chunk":            raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{\"access_token\":\"at\""),
		"an answer of its own":  raw("hello\r\n"),
		"asks to come again":    raw("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"),
		"request time-out, 408": raw("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
		"misdirected, 421":      raw("HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n"),
		"too early, 425":        raw("HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n"),
	}
	for name, handler := range cut {
		for kind, hc := range map[string]*http.Client{"fresh": nil, "kept": {Transport: &http.Transport{}}} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				f := newFake(t)
				c := f.client()
				c.HTTP = hc
				if _, err := c.Refresh(t.Context(), f.old()); err != nil { // now there is a connection to be kept
					t.Fatal(err)
				}
				f.token = handler
				_, err := c.Refresh(t.Context(), f.old())
				wantTemporary(t, err)
				_, err = f.login(t, c)
				wantTemporary(t, err)
				n := len(f.requests())
				want := 3
				if slices.Contains([]string{"before the answer", "in the body", "in a chunk"}, name) {
					want = 4
				}
				if n > want || n < want && hc == nil { // fewer if a kept connection was already closed
					t.Errorf("%d requests, want %d", n, want)
				}
			})
		}
	}
}

// TestAskedToComeBack: a server that did nothing and says when to come back is
// asked once more if that is soon; a later time is said, and no other is waited
// for.
func TestAskedToComeBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		after  string
		posts  int
		words  string
	}{
		"503, a second":        {503, "1", 2, ""},
		"429, a second":        {429, "1", 2, ""},
		"503, at once":         {503, "0", 1, "503"},
		"503, eleven seconds":  {503, "11", 1, "ask again in 11s"},
		"503, an age":          {503, "1000000000", 1, "ask again in"},
		"503, more than that":  {503, "99999999999999999999", 1, "503"},
		"503, negative":        {503, "-1", 1, "503"},
		"503, words":           {503, "soon", 1, "503"},
		"503, a past date":     {503, "Mon, 02 Jan 2006 15:04:05 GMT", 1, "503"},
		"503, a distant date":  {503, "Fri, 01 Jan 2100 00:00:00 GMT", 1, "ask again in"},
		"500, which says none": {500, "1", 1, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			good := f.token
			f.token = func(w http.ResponseWriter, r *http.Request) {
				if len(f.requests()) > 1 {
					good(w, r)
					return
				}
				w.Header().Set("Retry-After", test.after)
				said(test.status, "text/plain", "")(w, r)
			}
			begun := time.Now()
			token, err := f.client().Refresh(t.Context(), f.old())
			took := time.Since(begun)
			if n := len(f.requests()); n != test.posts {
				t.Errorf("%d requests, want %d", n, test.posts)
			}
			if test.posts == 2 && (err != nil || token.AccessToken != "at" || took < time.Second) {
				t.Errorf("got %v after %s", err, took)
			}
			if test.posts == 1 {
				wantTemporary(t, err)
				if err == nil || !strings.Contains(err.Error(), test.words) || took > time.Second {
					t.Errorf("got %v after %s, want to read of %q at once", err, took, test.words)
				}
			}
		})
	}
}

// TestCodeIsNeverSentTwice: whatever the server does with it.
func TestCodeIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"cut off":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut in the body": raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"at\""),
		"in trouble":      said(500, "text/plain", ""),
		"asked to come back": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "1")
			said(503, "text/plain", "")(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.token = handler
			_, err := f.login(t, f.client())
			wantTemporary(t, err)
			if n := len(f.requests()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// TestJournal: it learns of a request when the server has been reached, before the server has
// the request, and can stop it.
func TestJournal(t *testing.T) {
	full := errors.New("the disk is full")
	for name, test := range map[string]struct {
		closed       bool
		err          error
		calls, posts int
	}{
		"sent":        {calls: 1, posts: 1},
		"stopped":     {err: full, calls: 1},
		"not reached": {closed: true},
	} {
		f := newFake(t)
		r, err := f.client().PrepareRefresh(t.Context(), f.old(), oauth.Access)
		if err != nil {
			t.Fatal(err)
		}
		if test.closed {
			f.Close()
		}
		calls := 0
		_, err = f.client().Redeem(t.Context(), r, nil, oauth.Journal{Sending: func() error {
			calls++
			if n := len(f.requests()); n != 0 {
				t.Errorf("%s: the server has %d requests", name, n)
			}
			return test.err
		}})
		if posts := len(f.requests()); calls != test.calls || posts != test.posts || test.err != nil && !errors.Is(err, test.err) || (err == nil) != (test.posts == 1) {
			t.Errorf("%s: %d calls, %d requests, %v", name, calls, posts, err)
		}
	}
}

// TestNothingToSendAgain: net/http repeats what it can read again, and a kept
// connection is what makes it. There is neither.
func TestNothingToSendAgain(t *testing.T) {
	f := newFake(t)
	from := map[string]bool{}
	f.token = func(w http.ResponseWriter, r *http.Request) {
		from[r.RemoteAddr] = true
		answer(`{"access_token":"at","token_type":"Bearer"}`)(w, r)
	}
	c := f.client()
	c.HTTP = &http.Client{Transport: oauth.NewTransport(nil)}
	for range 3 {
		if _, err := c.Refresh(t.Context(), f.old()); err != nil {
			t.Fatal(err)
		}
	}
	if len(from) != 3 {
		t.Errorf("three requests over %d connections", len(from))
	}
	c.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.GetBody != nil {
			t.Error("the body can be read again")
		}
		return unshared().RoundTrip(r)
	})}
	if _, err := c.Refresh(t.Context(), f.old()); err != nil {
		t.Error(err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// raw answers with bytes and closes the connection.
func raw(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, s)
		conn.Close()
	}
}

// The secrets of an answer. The tests search for them in texts that must not contain them.
const canaries = `"access_token":"canary-at","refresh_token":"canary-rt","id_token":"canary-id"`

// said is an answer of status and content type.
func said(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestAnswer: an answer without a token is refused in words that fit on a line and tell no
// secret. The content decides, and only a dead refresh token ends the login.
func TestAnswer(t *testing.T) {
	t.Parallel()
	const j, temporary = "application/json", "(temporary)"
	long := strings.Repeat(`\u001b]8;;http://evil\u0007<b>\u202e\n`, 40<<10/4)
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string // an RFC 6749 error, or temporary
		words   string
	}{
		"HTML":          {said(200, "text/html", "<html>canary-at"), temporary, "HTML (a captive portal, or a proxy?)"},
		"HTML, charset": {said(200, "text/html; charset=utf-8", "canary-at"), temporary, "HTML"},
		"text":          {said(200, "text/plain", "canary-at"), temporary, "text/plain where JSON was due"},
		"no content type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "canary-at")
		}, temporary, "something where JSON was due"},
		"HTML with 400":           {said(400, "text/html", "canary-at"), temporary, "400 Bad Request"},
		"HTML with 502":           {said(502, "text/html", "canary-at"), temporary, "502 Bad Gateway"},
		"empty":                   {said(200, j, ""), temporary, "200 OK without a body"},
		"204":                     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, temporary, "204 No Content"},
		"broken JSON":             {said(200, j, `{`+canaries), temporary, "broken JSON"},
		"two objects":             {said(200, j, `{`+canaries+`}{}`), temporary, "broken JSON"},
		"a list":                  {said(200, j, `[{`+canaries+`}]`), temporary, "broken JSON"},
		"null":                    {said(200, j, `null`), temporary, "broken JSON"},
		"deep":                    {said(200, j, strings.Repeat("[", 500<<10)), temporary, "broken JSON"},
		"no token":                {said(200, j, `{"refresh_token":"canary-rt","token_type":"Bearer"}`), temporary, "without a token"},
		"token is a number":       {said(200, j, `{"access_token":1,"token_type":"Bearer"}`), temporary, "without a token"},
		"token is null":           {said(200, j, `{"access_token":null,"token_type":"Bearer"}`), temporary, "without a token"},
		"token with 400":          {said(400, j, `{`+canaries+`,"token_type":"Bearer"}`), temporary, "400 Bad Request without a token"},
		"token with 302":          {said(302, j, `{`+canaries+`,"token_type":"Bearer"}`), temporary, "302 Found without a token"},
		"error with 200":          {said(200, j, `{"error":"invalid_grant"}`), "invalid_grant", "answered invalid_grant"},
		"error as text":           {said(400, "text/plain", `{"error":"invalid_grant"}`), "invalid_grant", "answered invalid_grant"},
		"error after a BOM":       {said(400, j, "\ufeff"+`{"error":"invalid_grant"}`), "invalid_grant", "answered invalid_grant"},
		"error and a token":       {said(400, j, `{"error":"invalid_grant","access_token":"canary-at"}`), temporary, "without a token"},
		"invalid_grant":           {said(400, j, `{"error":"invalid_grant","error_description":"it was revoked","refresh_token":"canary-rt"}`), "invalid_grant", "answered invalid_grant: it was revoked"},
		"invalid_grant, as +json": {said(400, "application/problem+json; charset=utf-8", `{"error":"invalid_grant"}`), "invalid_grant", ""},
		"invalid_client":          {said(401, j, `{"error":"invalid_client"}`), "invalid_client", ""},
		"invalid_scope":           {said(400, j, `{"error":"invalid_scope"}`), "invalid_scope", ""},
		"invalid_target":          {said(400, j, `{"error":"invalid_target"}`), "invalid_target", ""},
		"something new":           {said(400, j, `{"error":"teapot"}`), "teapot", ""},
		"error is an object":      {said(400, j, `{"error":{"code":"invalid_grant","message":"it was revoked"}}`), "invalid_grant", "answered invalid_grant: it was revoked"},
		"error object, number":    {said(400, j, `{"error":{"code":400,"message":"no such token"}}`), temporary, "answered 400 Bad Request: 400 no such token"},
		"error object, no code":   {said(400, j, `{"error":{"code":null,"message":"no such token"}}`), temporary, "400 Bad Request: no such token"},
		"error is no code":        {said(400, j, `{"error":"invalid \"grant\""}`), temporary, "answered 400 Bad Request: invalid"},
		"error is null":           {said(400, j, `{"error":null}`), temporary, "400 Bad Request without a token"},
		"error is empty":          {said(400, j, `{"error":""}`), temporary, "400 Bad Request without a token"},
		"other JSON":              {said(404, j, `{"message":"no \u001bsuch path"}`), temporary, "404 Not Found without a token: no such path"},
		"server_error with 400":   {said(400, j, `{"error":"server_error"}`), temporary, "server_error"},
		"temporarily_unavailable": {said(400, j, `{"error":"temporarily_unavailable"}`), temporary, "temporarily_unavailable"},
		"429":                     {said(429, "text/plain", "slow down"), temporary, "429 Too Many Requests"},
		"429 with an error":       {said(429, j, `{"error":"slow_down"}`), temporary, "slow_down"},
		"503":                     {said(503, "text/plain", ""), temporary, "503 Service Unavailable"},
		"500 with server_error":   {said(500, j, `{"error":"server_error"}`), temporary, "server_error"},
		"503 with invalid_grant":  {said(503, j, `{"error":"invalid_grant"}`), temporary, "invalid_grant"},
		"429 with invalid_grant":  {said(429, j, `{"error":"invalid_grant"}`), temporary, "invalid_grant"},
		"302 with invalid_grant":  {said(302, j, `{"error":"invalid_grant"}`), temporary, ""},
		"Google in trouble":       {said(400, j, `{"error":"internal_failure"}`), temporary, "internal_failure"},
		"Slack, too often":        {said(200, j, `{"ok":false,"error":"ratelimited"}`), temporary, "ratelimited"},
		"Auth0, too often":        {said(403, j, `{"error":"too_many_requests"}`), temporary, "too_many_requests"},
		"Spring Boot, 401":        {said(401, j, `{"timestamp":"2020","status":401,"error":"Unauthorized","path":"/token"}`), temporary, "answered 401 Unauthorized"},
		"Spring Boot, 403":        {said(403, j, `{"status":403,"error":"Forbidden","message":"no \u001bCSRF token"}`), temporary, "answered 403 Forbidden: no CSRF token"},
		"Spring's old codes":      {said(401, j, `{"error":"unauthorized","error_description":"Bad credentials"}`), "unauthorized", "answered unauthorized: Bad credentials"},
		"401 and a header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(401)
		}, temporary, "401 Unauthorized without a body"},
		"WeChat":                   {said(200, "text/plain", `{"errcode":40029,"errmsg":"invalid code"}`), temporary, "200 OK without a token: invalid code"},
		"Okta":                     {said(403, j, `{"errorCode":"E0000006","errorSummary":"You do not have permission"}`), temporary, "without a token: You do not have permission"},
		"Vault":                    {said(400, j, `{"errors":["permission denied"]}`), temporary, "without a token: permission denied"},
		"Fitbit":                   {said(400, j, `{"errors":[{"errorType":"invalid_grant","message":"no such token"}]}`), temporary, "without a token: no such token"},
		"only a description":       {said(400, j, `{"error":null,"error_description":"no such token"}`), temporary, "without a token: no such token"},
		"sent to a login page":     {to("https://sso.example.com/login?token=canary"), temporary, "answered 302 Found and sends us to sso.example.com"},
		"a line break in a token":  {said(200, j, `{"access_token":"canary\nquit=1"}`), temporary, "characters that no token may have"},
		"a scheme in a token":      {said(200, j, `{"access_token":"Bearer canary"}`), temporary, "characters that no token may have"},
		"a blank token":            {said(200, j, `{"access_token":"  "}`), temporary, "without a token"},
		"deflate":                  {encoded("deflate", "\x03canary"), temporary, "broken JSON"},
		"token_type mac":           {said(200, j, `{`+canaries+`,"token_type":"mac"}`), temporary, "only bearer tokens"},
		"token_type DPoP":          {said(200, j, `{`+canaries+`,"token_type":"DPoP"}`), temporary, "only bearer tokens"},
		"token_type with ESC":      {said(200, j, `{`+canaries+`,"token_type":"\u001b[2Jx"}`), temporary, ""},
		"ESC and much of it":       {said(400, j, `{"error":"x`+long+`","error_description":"`+long+`","error_uri":"`+long+`",`+canaries+`}`), "", ""},
		"ESC in the status":        {raw("HTTP/1.1 400 \x1b]0;owned\x07\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"), temporary, ""},
		"ESC in the content type":  {said(200, "\x1b]0;owned\x07/x", `{}`), temporary, ""},
		"more than 1 MiB":          {said(200, j, `{`+canaries+`,"token_type":"Bearer"}`+strings.Repeat(" ", 1<<20)), temporary, "larger than 1 MiB"},
		"error of more than 1 MiB": {said(400, j, `{"error":"invalid_grant","error_description":"`+strings.Repeat("x", 1<<20)+`"}`), temporary, "larger than 1 MiB"},
		"a bomb":                   {bomb, temporary, "larger than 1 MiB"},
		"header without an end":    {endless, temporary, ""},
		"broken gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			said(200, j, compressed(`{` + canaries + `}`)[:20])(w, nil)
		}, temporary, ""},
		"an unknown encoding": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "zstd")
			said(200, j, "canary-at")(w, nil)
		}, temporary, "broken JSON"},
		"not UTF-8 in the words":     {said(400, j, "{\"error\":\"invalid_scope\",\"error_description\":\"\xff\xfe\"}"), "invalid_scope", ""},
		"keys twice, the last count": {said(400, j, `{"error":"","error":"invalid_scope"}`), "invalid_scope", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.token = test.handler
			_, err := f.client().Refresh(t.Context(), f.old())
			switch {
			case err == nil:
				t.Fatal("accepted")
			case test.want == temporary:
				wantTemporary(t, err)
			case test.want != "":
				wantDefinite(t, err, test.want)
			}
			if loggedOut(err) != (test.want == "invalid_grant") {
				t.Errorf("loggedOut is %t of %v", loggedOut(err), err)
			}
			if !strings.Contains(err.Error(), test.words) {
				t.Errorf("got %q, want to read of %q", err, test.words)
			}
			wantHarmless(t, err)
			want := 1
			if name == "broken gzip" { // which is an answer that broke off
				want = 2
			}
			if n := len(f.requests()); n != want {
				t.Errorf("%d requests, want %d", n, want)
			}
		})
	}
}

// to redirects to an address.
func to(address string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", address)
		w.WriteHeader(http.StatusFound)
	}
}

// encoded answers with JSON that is said to have a content coding.
func encoded(coding, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", coding)
		answer(body)(w, r)
	}
}

// TestCompressed: the content decides whether a body is compressed, as proxies change the
// body or the header and forget the other.
func TestCompressed(t *testing.T) {
	const good = ` {"access_token":" at\n","expires_in":300}`
	for name, handler := range map[string]http.HandlerFunc{
		"as it should be":  encoded("gzip", compressed(good)),
		"without a header": answer(compressed(good)),
		"header alone":     encoded("gzip", good),
		"twice":            encoded("gzip", compressed(compressed(good))),
		"old name":         encoded("x-gzip", compressed(good)),
		"no coding":        encoded("utf-8", good),
	} {
		f := newFake(t)
		f.token = handler
		if token, err := f.client().Refresh(t.Context(), f.old()); err != nil || token.AccessToken != "at" {
			t.Errorf("%s: %v and %v", name, token, err)
		}
	}
}

// TestHTTP1: a server that resets each stream of HTTP/2 is asked over HTTP/1.1.
func TestHTTP1(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			panic(http.ErrAbortHandler)
		}
		answer(`{"access_token":"at"}`)(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	c := &oauth.Client{ClientID: "app", AuthEndpoint: s.URL, TokenEndpoint: s.URL, TLS: &tls.Config{RootCAs: x509.NewCertPool()}}
	c.TLS.RootCAs.AddCert(s.Certificate())
	if _, err := c.Refresh(t.Context(), &oauth.Token{RefreshToken: "rt", Server: oauth.Metadata{TokenEndpoint: s.URL}}); err != nil {
		t.Error(err)
	}
}

// wantHarmless: an error is short and printable in all its parts, and holds no
// secret.
func wantHarmless(t *testing.T, err error) {
	t.Helper()
	parts := []string{err.Error()}
	if e := (*oauth.Error)(nil); errors.As(err, &e) {
		parts = append(parts, e.Code, e.Description, e.URI, e.Host)
	}
	for _, s := range parts {
		if len(s) > 2<<10 {
			t.Errorf("it has %d bytes: %.80q…", len(s), s)
		}
		for _, r := range s {
			if !unicode.IsPrint(r) {
				t.Errorf("%.80q holds %q", s, r)
			}
		}
		for _, secret := range []string{"canary", "old-rt", "old-at", "the-code"} {
			if strings.Contains(s, secret) {
				t.Errorf("%.80q holds %q", s, secret)
			}
		}
	}
}

// bomb is 8 MiB that travel as 8 KiB.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	zeros := bytes.Repeat([]byte(" "), 1<<20)
	for range 8 {
		if _, err := z.Write(zeros); err != nil {
			return
		}
	}
	_ = z.Close()
}

// compressed is a text in the form of gzip.
func compressed(text string) string {
	var b strings.Builder
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // a strings.Builder takes all
	_ = z.Close()
	return b.String()
}

// endless sends header lines until the client has had enough.
func endless(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
	for i := 0; err == nil; i++ {
		_, err = fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("x", 1000))
	}
}

// TestLifetime: all forms of expires_in. No value makes the login fail, and no expiry is
// in the past or overflows.
func TestLifetime(t *testing.T) {
	const most = 10 * 365 * 24 * time.Hour
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	jwt := func(exp string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":`+exp+`}`)) + ".c2ln"
	}
	in := func(d time.Duration) string { return fmt.Sprint(clock.Add(d).Unix()) }
	for name, test := range map[string]struct {
		token     string
		expiresIn string // JSON; empty: absent
		want      time.Duration
	}{
		"number":                       {expiresIn: `3600`, want: time.Hour},
		"float":                        {expiresIn: `3600.0`, want: time.Hour},
		"fraction":                     {expiresIn: `0.5`, want: time.Second / 2},
		"exponent":                     {expiresIn: `3.6e3`, want: time.Hour},
		"string":                       {expiresIn: `"3600"`, want: time.Hour},
		"string of a float":            {expiresIn: `"3600.0"`, want: time.Hour},
		"absent":                       {},
		"null":                         {expiresIn: `null`},
		"zero":                         {expiresIn: `0`},
		"negative":                     {expiresIn: `-1`},
		"negative string":              {expiresIn: `"-3600"`},
		"words":                        {expiresIn: `"soon"`},
		"empty":                        {expiresIn: `""`},
		"not a number":                 {expiresIn: `"NaN"`},
		"a list":                       {expiresIn: `[3600]`},
		"an object":                    {expiresIn: `{"s":3600}`},
		"true":                         {expiresIn: `true`},
		"huge":                         {expiresIn: `9223372036854775807`, want: most},
		"larger than any int":          {expiresIn: `1e300`, want: most},
		"infinite":                     {expiresIn: `"Infinity"`, want: most},
		"JWT only":                     {token: jwt(in(time.Minute)), want: time.Minute},
		"JWT, fraction":                {token: jwt(in(time.Minute) + ".9"), want: time.Minute},
		"JWT shortens":                 {token: jwt(in(time.Minute)), expiresIn: `3600`, want: time.Minute},
		"JWT does not lengthen":        {token: jwt(in(time.Hour)), expiresIn: `60`, want: time.Minute},
		"JWT in the year 9999":         {token: jwt("253402300799"), expiresIn: `60`, want: time.Minute},
		"JWT in the year 9999, alone":  {token: jwt("253402300799")},
		"JWT with garbage":             {token: jwt(`"x"`), expiresIn: `60`, want: time.Minute},
		"JWT with a negative exp":      {token: jwt(`-5`), expiresIn: `60`, want: time.Minute},
		"JWT with an infinite exp":     {token: jwt(`1e400`), expiresIn: `60`, want: time.Minute},
		"three parts that are no JWT":  {token: "a.b.c", expiresIn: `60`, want: time.Minute},
		"three parts, none with words": {token: "..", expiresIn: `60`, want: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			reply := map[string]any{"access_token": "opaque", "token_type": "Bearer"}
			if test.token != "" {
				reply["access_token"] = test.token
			}
			if test.expiresIn != "" {
				reply["expires_in"] = json.RawMessage(test.expiresIn)
			}
			body, err := json.Marshal(reply)
			if err != nil {
				t.Fatal(err)
			}
			f.token = answer(string(body))
			c := f.client()
			c.Now = func() time.Time { return clock }
			got, err := c.Refresh(t.Context(), f.old())
			if err != nil {
				t.Fatal(err)
			}
			want := time.Time{}
			if test.want != 0 {
				want = clock.Add(test.want)
			}
			if !got.Expiry.Equal(want) {
				t.Errorf("it ends at %v, want %v", got.Expiry, want)
			}
			if valid := got.Credential(oauth.Access).ValidAt(clock); !valid {
				t.Error("it is not valid when it comes")
			}
		})
	}
}

// TestLifetimeFromTheRequest: what a slow server takes is not given twice.
func TestLifetimeFromTheRequest(t *testing.T) {
	f := newFake(t)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var passed atomic.Int64
	f.token = func(w http.ResponseWriter, r *http.Request) {
		passed.Store(int64(10 * time.Second))
		answer(`{"access_token":"at","token_type":"Bearer","expires_in":60}`)(w, r)
	}
	c := f.client()
	c.Now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	got, err := c.Refresh(t.Context(), f.old())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Expiry.Equal(start.Add(time.Minute)) || !got.Obtained.Equal(start) || !got.Renewed.Equal(start.Add(10*time.Second)) {
		t.Errorf("ends %s, obtained %s, renewed %s", got.Expiry, got.Obtained, got.Renewed)
	}
}

// TestSuccess: any 2xx that brings a token will do. flytekit wants 200.
func TestSuccess(t *testing.T) {
	for _, status := range []int{200, 201, 203} {
		f := newFake(t)
		f.token = said(status, "application/json", `{"access_token":"at","token_type":"Bearer"}`)
		if token, err := f.client().Refresh(t.Context(), f.old()); err != nil || token.AccessToken != "at" {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

func TestTokenType(t *testing.T) {
	for _, kind := range []string{`"Bearer"`, `"bearer"`, `"BEARER"`, `""`, `null`, `1`} {
		f := newFake(t)
		f.token = answer(`{"access_token":"at","token_type":` + kind + `}`)
		if _, err := f.client().Refresh(t.Context(), f.old()); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestSecret: how a client's secret travels. The vectors are flytekit's; we
// encode the id as well, as RFC 6749 §2.3.1 says.
func TestSecret(t *testing.T) {
	const hard = `abc%%$?\/\/`
	for name, test := range map[string]struct {
		id, secret string
		methods    []string
		basic      string
		form       bool
	}{
		"public client":               {id: "client_id", methods: []string{"client_secret_basic"}},
		"nothing said":                {id: "client_id", secret: "abc", form: true},
		"basic":                       {id: "client_id", secret: "abc", methods: []string{"client_secret_basic"}, basic: "Basic Y2xpZW50X2lkOmFiYw=="},
		"basic, to be encoded":        {id: "client_id", secret: hard, methods: []string{"client_secret_basic"}, basic: "Basic Y2xpZW50X2lkOmFiYyUyNSUyNSUyNCUzRiU1QyUyRiU1QyUyRg=="},
		"basic, id to be encoded too": {id: "a:b c", secret: "d", methods: []string{"private_key_jwt", "client_secret_basic"}, basic: "Basic " + base64.StdEncoding.EncodeToString([]byte("a%3Ab+c:d"))},
		"form":                        {id: "client_id", secret: hard, methods: []string{"client_secret_post"}, form: true},
		"both":                        {id: "client_id", secret: hard, methods: []string{"client_secret_basic", "client_secret_post"}, form: true},
		"neither":                     {id: "client_id", secret: hard, methods: []string{"private_key_jwt"}, form: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			c := f.client()
			c.ClientID, c.ClientSecret = test.id, oauth.Secret(test.secret)
			old := f.old()
			old.Server.TokenAuthMethods = test.methods
			if _, err := c.Refresh(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			got := f.requests()[0]
			want := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"old-rt"}}
			if test.basic == "" {
				want.Set("client_id", test.id)
			}
			if test.form {
				want.Set("client_secret", test.secret)
			}
			if diff := cmp.Diff(want, got.form); diff != "" {
				t.Errorf("the form (-want +got):\n%s", diff)
			}
			if got.header.Get("Authorization") != test.basic {
				t.Errorf("Authorization is %q, want %q", got.header.Get("Authorization"), test.basic)
			}
			if got.header.Get("Content-Type") != "application/x-www-form-urlencoded" || got.header.Get("Accept") != "application/json" {
				t.Errorf("the header is %v", got.header)
			}
		})
	}
}

// TestSecretPlace: if the metadata leave open where the secret goes, a server may still have
// registered the client for one place. It is asked once more, and what it took is saved.
func TestSecretPlace(t *testing.T) {
	const header, form, both = "client_secret_basic", "client_secret_post", "client_secret_basic client_secret_post"
	refusal := said(401, "application/json", `{"error":"invalid_client"}`)
	spring := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth2/client"`)
		said(401, "application/json", `{"error":"unauthorized"}`)(w, r)
	}
	for name, test := range map[string]struct {
		listed  string
		takes   string // where the server takes the secret
		refuses http.HandlerFunc
		posts   []int // of a user, and of a machine
		good    bool
	}{
		"both listed, header only": {both, header, refusal, []int{2, 1}, true},
		"both listed, form only":   {both, form, refusal, []int{1, 2}, true},
		"nothing listed":           {"", header, refusal, []int{2, 1}, true},
		"nothing listed, Spring":   {"", header, spring, []int{2, 1}, true},
		"form listed, header only": {form, header, refusal, []int{1, 1}, false},
		"wrong secret":             {both, "", refusal, []int{2, 2}, false},
		"another refusal":          {both, "", said(400, "application/json", `{"error":"invalid_grant"}`), []int{1, 1}, false},
	} {
		for i, want := range test.posts {
			machine := i == 1
			f := newFake(t)
			f.metadata["token_endpoint_auth_methods_supported"] = strings.Fields(test.listed)
			f.token = func(w http.ResponseWriter, r *http.Request) {
				took := ""
				if _, _, basic := r.BasicAuth(); basic {
					took = header
				} else if r.PostForm.Has("client_secret") {
					took = form
				}
				if took != test.takes {
					test.refuses(w, r)
					return
				}
				answer(`{"access_token":"at","refresh_token":"rt"}`)(w, r)
			}
			c := f.client()
			c.Issuer, c.ClientSecret, c.Scopes = f.URL, "s3cret", []string{"all"}
			renew := func() (*oauth.Token, error) { return c.ClientCredentials(t.Context()) }
			if !machine {
				renew = func() (*oauth.Token, error) { return f.login(t, c) }
			}
			token, err := renew()
			posts := len(f.requests())
			if (err == nil) != test.good || posts != want {
				t.Errorf("%s, machine %t: %v after %d requests, want %d", name, machine, err, posts, want)
			}
			if err != nil || machine {
				continue
			}
			if _, err := c.Refresh(t.Context(), token); err != nil || len(f.requests()) != posts+1 {
				t.Errorf("%s: a refresh ends with %v after %d requests", name, err, len(f.requests())-posts)
			}
		}
	}
}

// TestConfidentialClient: a real server takes what we send for a secret.
func TestConfidentialClient(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	c.ClientID, c.ClientSecret, c.RedirectURI = oauthtest.SecretClient, oauthtest.Secret, ""
	l := begin(t, c)
	l.signIn()
	token := l.succeed()
	if _, err := c.Refresh(t.Context(), token); err != nil {
		t.Error(err)
	}
	c.ClientSecret = "wrong-canary"
	_, err := c.Refresh(t.Context(), token)
	wantDefinite(t, err, "invalid_client")
	wantHarmless(t, err)
}

// TestUnreachable: a server that cannot be reached is named, and what was sent
// to it is not.
func TestUnreachable(t *testing.T) {
	secure := newServer(t, oauthtest.Config{TLS: true})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, test := range map[string]struct {
		endpoint string
		words    string
	}{
		"no listener":   {"http://" + closed.Addr().String() + "/token?canary", "cannot be reached"},
		"no such host":  {"https://nowhere.invalid/token?canary", ""},
		"unknown CA":    {secure.URL + "/oauth/token?canary", "not signed by an authority"},
		"does not talk": {"https://" + strings.TrimPrefix(newFake(t).URL, "http://") + "/token?canary", "does not speak TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &oauth.Client{ClientID: "app", AuthEndpoint: test.endpoint, TokenEndpoint: test.endpoint}
			_, err := c.Refresh(t.Context(), &oauth.Token{RefreshToken: "old-rt", Server: oauth.Metadata{TokenEndpoint: test.endpoint}})
			wantTemporary(t, err)
			if err == nil || !strings.Contains(err.Error(), test.words) {
				t.Errorf("got %v, want to read of %q", err, test.words)
			}
			wantHarmless(t, err)
			if (oauth.ClassOf(err) == oauth.ClassUntrusted) != (name == "unknown CA") {
				t.Errorf("got %v (%T)", err, err)
			}
		})
	}
}

// TestSilentServer: a token request to a server that does not answer ends after its time,
// or when the caller's context does.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, oauthtest.Config{})
	s.Fail("token", oauthtest.Fault{Hang: true})
	token := &oauth.Token{RefreshToken: "x", Server: oauth.Metadata{TokenEndpoint: s.URL + "/oauth/token"}}
	c := clientOf(s)
	oauth.SetTokenTime(c, time.Second)
	_, err := c.Refresh(t.Context(), token)
	wantTemporary(t, err)
	if err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("got %v", err)
	}
	wantPosts(t, s, 1)
	gone := errors.New("the caller has gone")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, gone)
	defer cancel()
	if _, err := clientOf(s).Refresh(ctx, token); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	wantPosts(t, s, 2)
}

// TestRevoke: RFC 7009: the refresh token first, then the access token.
func TestRevoke(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	l := begin(t, c)
	l.signIn()
	token := l.succeed()
	if remains, err := c.Revoke(t.Context(), token); err != nil || remains != nil {
		t.Fatal(remains, err)
	}
	var sent []string
	for _, r := range s.Requests("revoke") {
		sent = append(sent, r.Form.Get("token_type_hint")+" "+r.Form.Get("client_id"))
	}
	if diff := cmp.Diff([]string{"refresh_token flytectl", "access_token flytectl"}, sent); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.Refresh(t.Context(), token); !loggedOut(err) {
		t.Errorf("a revoked token refreshes: %v", err)
	}
	for name, test := range map[string]struct {
		token *oauth.Token
		fault oauthtest.Fault
		check func(error) bool
	}{
		"no endpoint": {&oauth.Token{RefreshToken: "x"}, oauthtest.Fault{}, func(err error) bool { return errors.Is(err, oauth.ErrNoRevocation) }},
		"in trouble":  {token, oauthtest.Fault{Status: 503}, func(err error) bool { return oauth.IsTemporary(err) }},
		"redirected":  {token, oauthtest.Fault{Redirect: "http://127.0.0.1:1/"}, func(err error) bool { return err != nil }},
		"nothing":     {&oauth.Token{Server: token.Server}, oauthtest.Fault{}, func(err error) bool { return err == nil }},
	} {
		s.Heal()
		if test.fault.Status != 0 || test.fault.Redirect != "" {
			s.Fail("revoke", test.fault)
		}
		if remains, err := c.Revoke(t.Context(), test.token); !test.check(err) || remains != nil {
			t.Errorf("%s: got %v and %v", name, remains, err)
		}
	}
}

// TestWrongTokenTypeSaved: the refresh token of an answer whose access token cannot be handed
// on is saved, since the old one is used up.
func TestWrongTokenTypeSaved(t *testing.T) {
	f := newFake(t)
	f.token = answer(`{"access_token":"other","refresh_token":"new-rt","token_type":"N_A"}`)
	c, old := f.client(), f.old()
	r, err := c.PrepareRefresh(t.Context(), old, oauth.Access)
	if err != nil {
		t.Fatal(err)
	}
	var saved *oauth.Token
	_, err = c.Redeem(t.Context(), r, old, oauth.Journal{Save: func(t *oauth.Token) { saved = t }})
	wantTemporary(t, err)
	if saved == nil || saved.RefreshToken != "new-rt" || saved.AccessToken != old.AccessToken {
		t.Errorf("saved %v", saved)
	}
	f.token = answer(`{"access_token":"at","refresh_token":"new-rt","token_type":" Bearer "}`)
	if _, err := c.Refresh(t.Context(), old); err != nil {
		t.Error(err)
	}
}

// TestRefreshWithoutAccessToken: the old one stays.
func TestRefreshWithoutAccessToken(t *testing.T) {
	f := newFake(t)
	f.token = answer(`{"id_token":"x","refresh_token":"new-rt"}`)
	old := f.old()
	got, err := f.client().Refresh(t.Context(), old)
	if err != nil || got.RefreshToken != "new-rt" || got.AccessToken != old.AccessToken || !got.Expiry.Equal(old.Expiry) {
		t.Errorf("%v, %v", got, err)
	}
}
