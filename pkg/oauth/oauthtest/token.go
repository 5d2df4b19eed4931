package oauthtest

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// CreateAccessToken is called for a client that gets no refresh token.
func (s *store) CreateAccessToken(_ context.Context, request op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, expiry := s.newAccess(grantOf(request), nil)
	return id, expiry, nil
}

// CreateAccessAndRefreshTokens starts a family, or uses current, a refresh token of
// one. It checks again whether current is valid, because another request may have
// used it since the provider checked it.
func (s *store) CreateAccessAndRefreshTokens(ctx context.Context, request op.TokenRequest, current string) (string, string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, next := &family{grant: grantOf(request)}, current
	if current != "" {
		t, err := s.usable(ctx, current)
		if err != nil {
			return "", "", time.Time{}, err
		}
		f = t.family
		if !s.config.NoRotation && t.spent.IsZero() {
			t.spent = time.Now()
		}
	}
	if current == "" || !s.config.NoRotation {
		next = "rt." + rand.Text()
		s.refresh[next] = &refreshToken{family: f, expiry: time.Now().Add(s.config.RefreshLifetime)}
	}
	id, expiry := s.newAccess(grantOf(request), f)
	return id, next, expiry, nil
}

// newAccess stores an access token. Its lifetime is half a second longer than
// configured, because the provider rounds expires_in down.
func (s *store) newAccess(g grant, f *family) (id string, expiry time.Time) {
	id, expiry = rand.Text(), time.Now().Add(s.config.AccessLifetime+time.Second/2)
	s.access[id] = accessToken{grant: g, family: f, expiry: expiry}
	return id, expiry
}

// usable returns a refresh token that may be used now. A refresh token that is used
// again after its grace period has leaked, or two programs have it: its family is
// revoked (RFC 9700 §4.14.2).
func (s *store) usable(ctx context.Context, token string) (*refreshToken, error) {
	t, ok := s.refresh[token]
	if !ok {
		return nil, oidc.ErrInvalidGrant().WithDescription("no such refresh token")
	}
	if !t.spent.IsZero() && time.Since(t.spent) >= s.config.Grace {
		t.family.dead = true
		s.requests.add(requestFrom(ctx), "reuse")
	}
	if t.family.dead || time.Now().After(t.expiry) {
		return nil, oidc.ErrInvalidGrant().WithDescription("the refresh token is revoked, spent or expired")
	}
	return t, nil
}

// firstRefresh reports whether a request is the first refresh since its login.
func (s *store) firstRefresh(kinds []string, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.refresh[r.Form.Get("refresh_token")]
	if !ok || !slices.Contains(kinds, "refresh_token") || t.family.refreshed {
		return false
	}
	t.family.refreshed = true
	return true
}

func (s *store) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.usable(ctx, token)
	if err != nil {
		return nil, err
	}
	return &refresh{t.family.grant}, nil
}

func (s *store) GetRefreshTokenInfo(_ context.Context, _, token string) (subject, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.refresh[token]
	if !ok {
		return "", "", op.ErrInvalidRefreshToken
	}
	return t.family.subject, token, nil
}

// RevokeToken revokes a refresh token, or an access token by its ID. The answer to an
// unknown token is the same (RFC 7009 §2.2).
func (s *store) RevokeToken(_ context.Context, token, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.refresh[token]; ok {
		t.family.dead = true
	}
	delete(s.access, token)
	return nil
}

// live returns an access token if it is valid.
func (s *store) live(id string) (accessToken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.access[id]
	return t, ok && time.Now().Before(t.expiry) && (t.family == nil || !t.family.dead)
}

func (s *store) revokeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.refresh {
		t.family.dead = true
	}
}
