//go:build linux && faults

package faults

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

func hostile() []row {
	return []row{
		{name: "B6 endless body", injected: "discovery, keys, token answer without an end", promise: "64 MiB and 20 s at most, status 5", play: endless(pour)},
		{name: "B6 gzip bomb", injected: "the same, compressed", promise: "64 MiB and 20 s at most, status 5", play: endless(bomb)},
		{name: "B7 metadata", injected: "other issuer, http, file:, no S256, …", promise: "status 2 or 5 with the reason, no browser", play: metadata},
		{name: "B11 portal", injected: "HTML with 200, and a redirect, to every request", promise: "status 2 or 5 that speaks of a portal, no browser", play: portal},
		{name: "B11 proxy", injected: "a proxy that answers 407", promise: "status 5 that names the setting to change, no browser", play: proxy},
		{name: "E-11 expires_in", injected: "absent, float, text, negative, huge, …", promise: "the token is returned", play: lifetimes},
	}
}

// endless serves each of the three documents without an end.
func endless(h http.HandlerFunc) func(context.Context, *trial) {
	return func(ctx context.Context, t *trial) {
		for path, browsers := range map[string]int{"discovery": 0, "keys": 0, "token": 1} {
			l := newLiar()
			switch path {
			case "discovery":
				l.mux.HandleFunc("/.well-known/openid-configuration", h)
			case "keys":
				l.metadata["jwks_uri"] = l.URL + "/endless"
			case "token":
				l.metadata["token_endpoint"] = l.URL + "/endless"
			}
			l.mux.HandleFunc("/endless", h)
			m, p := t.asks(ctx, l, "--scope", "openid", "--token-kind", "id") // the keys are for the ID token
			t.failed(p, 5)
			if p.took() > 20*time.Second {
				t.Errorf("%s: it ended after %s", path, p.took())
			}
			t.opened(m, browsers)
		}
		t.small()
	}
}

// plenty is enough to exceed the limit, and not more than a machine can hold if the
// program has no limit.
const plenty = 1 << 29

// pour is a JSON string that does not end.
func pour(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write([]byte(`{"issuer":"`))
	for n, chunk := 0, []byte(strings.Repeat("x", 1<<16)); n < plenty && err == nil; n += len(chunk) {
		_, err = w.Write(chunk)
	}
}

// bomb is the same, compressed to a thousandth.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, err := z.Write([]byte(`{"issuer":"`))
	for n, chunk := 0, []byte(strings.Repeat("x", 1<<20)); n < plenty && err == nil; n += len(chunk) {
		_, err = z.Write(chunk)
	}
}

func metadata(ctx context.Context, t *trial) {
	for _, lie := range []struct {
		field string
		value any
	}{
		{"issuer", "https://other.example.com"},
		{"issuer", nil},
		{"authorization_endpoint", "http://login.example.com/authorize"},
		{"authorization_endpoint", "file:///etc/passwd"},
		{"authorization_endpoint", "javascript:alert(1)"},
		{"authorization_endpoint", "--version"},
		{"authorization_endpoint", `\\host\share`},
		{"authorization_endpoint", "https://user:password@login.example.com/"},
		{"authorization_endpoint", nil},
		{"token_endpoint", "http://login.example.com/token"},
		{"token_endpoint", nil},
		{"jwks_uri", "http://login.example.com/keys"},
		{"code_challenge_methods_supported", []string{"plain"}},
		{"require_pushed_authorization_requests", true},
	} {
		l := newLiar()
		l.metadata[lie.field] = lie.value
		m, p := t.asks(ctx, l, "--scope", "openid", "--token-kind", "id") // the keys are for the ID token
		t.failed(p, 2, 5)
		if m.Browsers() > 0 {
			t.Errorf("a browser opens where %s is %v", lie.field, lie.value)
		}
	}
	l := newLiar() // the trailing slash is part of an issuer's name
	l.metadata["issuer"] = l.URL + "/"
	m, p := t.asks(ctx, l)
	t.failed(p, 2)
	t.opened(m, 0)
	deep(ctx, t)
}

// deep serves JSON that is nested 10,000 and 500,000 levels deep.
func deep(ctx context.Context, t *trial) {
	for _, depth := range []int{1e4, 5e5} {
		l := newLiar()
		for _, document := range []string{"openid-configuration", "oauth-authorization-server"} {
			l.mux.HandleFunc("/.well-known/"+document, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth)))
			})
		}
		m, p := t.asks(ctx, l, "--scope", "openid", "--token-kind", "id") // the keys are for the ID token
		t.failed(p, 2, 5)
		t.opened(m, 0)
	}
	t.small()
}

func portal(ctx context.Context, t *trial) {
	for _, h := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>Welcome to the hotel")) },
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://portal.example.com/", http.StatusFound)
		},
	} {
		s := httptest.NewServer(h)
		m := t.against(s.URL)
		p := t.run(ctx, m, "token")
		s.Close()
		t.failed(p, 2, 5)
		t.says(p, "portal")
		t.opened(m, 0)
	}
}

func proxy(ctx context.Context, t *trial) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer s.Close()
	m := t.against("https://login.example.com")
	m.Set("http-proxy", s.URL)
	p := t.run(ctx, m, "token")
	t.failed(p, 5)
	t.says(p, "407")
	t.opened(m, 0)
}

func lifetimes(ctx context.Context, t *trial) {
	for _, text := range []string{"absent", "null", "0", "-1", "3600.5", `"3600"`, `"soon"`, "true", "[]", "1e300", "9223372036854775808", "-9223372036854775809"} {
		l := newLiar()
		l.answer["expires_in"] = json.RawMessage(text)
		if text == "absent" {
			delete(l.answer, "expires_in")
		}
		m, p := t.asks(ctx, l)
		if p.code != 0 || strings.TrimSpace(p.stdout.String()) != "opaque" {
			t.Errorf("expires_in %s: %s", text, p)
		}
		t.opened(m, 1)
	}
}
