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

// Request is a request of a client.
type Request struct {
	Form   url.Values // the query and the form
	Header http.Header
	At     time.Time // when it arrived
}

// requests stores the requests that arrived, by kind.
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

// endpoints are the paths of the provider that are served, with their kinds.
var endpoints = map[string]string{
	oidc.DiscoveryEndpoint:  "discovery",
	"/keys":                 "keys",
	"/authorize":            "authorize",
	"/oauth/token":          "token",
	"/revoke":               "revoke",
	"/userinfo":             "userinfo",
	"/device_authorization": "device",
}

// kinds returns the kinds of a request, for [Server.Count] and [Server.Fail], the
// narrowest first.
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

// withRequest adds the request to the context for the store, because the provider
// does not pass on all of it.
func withRequest(r *http.Request, sent Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, sent))
}

func requestFrom(ctx context.Context) Request {
	sent, _ := ctx.Value(requestKey{}).(Request)
	return sent
}

// audience returns the client, for the ID token, and the values of the parameters
// audience and resource (RFC 8707), which the provider does not support.
func audience(ctx context.Context, client string) []string {
	form := requestFrom(ctx).Form
	return slices.Concat([]string{client}, form["audience"], form["resource"])
}

// Count returns the number of requests of a kind: discovery, keys, authorize,
// sign-in (a submitted form), token (of any grant), a grant by its name
// (authorization_code, refresh_token, client_credentials, device_code), revoke,
// userinfo, device (a device authorization), or reuse (a used refresh token that was
// sent again after its grace period). Requests with a fault count too.
func (s *Server) Count(kind string) int { return len(s.Requests(kind)) }

// Requests returns the requests that [Server.Count] counts, the oldest first.
func (s *Server) Requests(kind string) []Request {
	s.store.requests.mu.Lock()
	defer s.store.requests.mu.Unlock()
	return slices.Clone(s.store.requests.received[kind])
}

// ResetCounts deletes all requests so far.
func (s *Server) ResetCounts() {
	s.store.requests.mu.Lock()
	defer s.store.requests.mu.Unlock()
	s.store.requests.received = nil
}
