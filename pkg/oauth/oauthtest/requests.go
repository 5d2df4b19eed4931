package oauthtest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Request is what a client sent: its query and its form in one, and its header.
type Request struct {
	Form   url.Values
	Header http.Header
	At     time.Time // when it had come
}

// requests remembers what was asked, by kind.
type requests struct {
	mu       sync.Mutex
	received map[string][]Request
}

func (q *requests) add(r Request, kinds ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.received == nil {
		q.received = map[string][]Request{}
	}
	for _, kind := range kinds {
		q.received[kind] = append(q.received[kind], r)
	}
}

// endpoints are all that is served of the provider.
var endpoints = map[string]string{
	oidc.DiscoveryEndpoint:  "discovery",
	"/keys":                 "keys",
	"/authorize":            "authorize",
	"/oauth/token":          "token",
	"/revoke":               "revoke",
	"/userinfo":             "userinfo",
	"/device_authorization": "device",
}

// kinds are the words by which a request is counted and spoilt, the narrowest
// first.
func kinds(r *http.Request) []string {
	kind := endpoints[r.URL.Path]
	switch {
	case kind == "token":
		grant := strings.TrimPrefix(r.Form.Get("grant_type"), "urn:ietf:params:oauth:grant-type:")
		return []string{grant, kind}
	case r.URL.Path == signInPath && r.Method == http.MethodPost:
		return []string{"sign-in"}
	case kind != "":
		return []string{kind}
	}
	return nil
}

type requestKey struct{}

// withRequest lets the store see what the provider does not hand on.
func withRequest(r *http.Request, sent Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, sent))
}

func requestFrom(ctx context.Context) Request {
	sent, _ := ctx.Value(requestKey{}).(Request)
	return sent
}

// audience is the client, for the ID token, and what was asked for with
// audience or resource (RFC 8707), which the provider does not know.
func audience(ctx context.Context, client string) []string {
	form := requestFrom(ctx).Form
	return slices.Concat([]string{client}, form["audience"], form["resource"])
}

// Count says how many requests of a kind came: discovery, keys, authorize,
// sign-in (a form sent), token (of any grant), a grant by its name
// (authorization_code, refresh_token, client_credentials, device_code), revoke,
// userinfo, device (a device authorization), or reuse (a spent refresh token
// that came again after its grace). A request that met a fault counts.
func (s *Server) Count(kind string) int { return len(s.Requests(kind)) }

// Requests gives the requests that [Server.Count] counts, oldest first.
func (s *Server) Requests(kind string) []Request {
	s.store.requests.mu.Lock()
	defer s.store.requests.mu.Unlock()
	return slices.Clone(s.store.requests.received[kind])
}

// ResetCounts forgets all requests seen so far.
func (s *Server) ResetCounts() {
	s.store.requests.mu.Lock()
	defer s.store.requests.mu.Unlock()
	s.store.requests.received = nil
}
