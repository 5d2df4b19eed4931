// Package apiserver is the part of a Kubernetes API server that kubectl needs to list
// and create pods and to get the user's name. It checks bearer tokens by the
// authenticator of the real API server,
// k8s.io/apiserver/plugin/pkg/authenticator/token/oidc. That one trusts the keys that
// it has fetched as long as it runs, and fetches them again for a token with an unknown
// key.
package apiserver

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Server is an API server that listens on loopback with TLS.
type Server struct {
	URL string
	CA  []byte // the certificate to trust, as PEM

	issuer *oauthtest.Server
	http   *httptest.Server

	mu     sync.Mutex // guards the fields below
	check  *check
	refuse int
	counts map[string]int
}

// New starts a server that trusts issuer, which must have TLS. It returns once
// the server knows the issuer's metadata. The caller closes it.
func New(ctx context.Context, issuer *oauthtest.Server) (*Server, error) {
	s := &Server{issuer: issuer, counts: map[string]int{}}
	if err := s.Restart(ctx); err != nil {
		return nil, err
	}
	s.http = httptest.NewTLSServer(s.front())
	s.URL = s.http.URL
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
	return s, nil
}

// Close stops the server.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
	s.checker().stop()
}

// Restart makes the server forget the issuer's keys, like an update of the control
// plane.
func (s *Server) Restart(ctx context.Context) error {
	c, err := newCheck(ctx, s.issuer)
	if err != nil {
		return err
	}
	s.mu.Lock()
	before := s.check
	s.check = c
	s.mu.Unlock()
	if before != nil {
		before.stop()
	}
	return nil
}

// Refuse makes the server reject the next n requests with any token.
func (s *Server) Refuse(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = n
}

// Count returns the number of requests: for pods (listed or made), reviews
// (who am I), discovery (of any kind), all; and how often it answered 401.
func (s *Server) Count(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[kind]
}

// ResetCounts sets all counts to zero.
func (s *Server) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = map[string]int{}
}

// front counts requests and rejects those without a valid token.
func (s *Server) front() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.authenticate(r)
		s.count(r, ok)
		if !ok {
			reply(w, http.StatusUnauthorized, failure(http.StatusUnauthorized, "Unauthorized", "Unauthorized"))
			return
		}
		serve(w, r, who)
	})
}

// authenticate returns the user of a request. As in the real server, an invalid token
// counts as none.
func (s *Server) authenticate(r *http.Request) (who user.Info, ok bool) {
	s.mu.Lock()
	refused := s.refuse > 0
	if refused {
		s.refuse--
	}
	s.mu.Unlock()
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if refused || !bearer {
		return nil, false
	}
	return s.checker().user(r.Context(), token)
}

func (s *Server) checker() *check {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.check
}

func (s *Server) count(r *http.Request, known bool) {
	kind := "discovery"
	switch {
	case strings.HasSuffix(r.URL.Path, "/pods"):
		kind = "pods"
	case strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
		kind = "reviews"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts["all"]++
	s.counts[kind]++
	if !known {
		s.counts["401"]++
	}
}
