package oauthtest

import (
	"cmp"
	"context"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

const defaultUser = "alice"

// subject returns the user's subject in tokens: a name, or the part of an address
// before the @. A login_hint may be either.
func subject(user string) string {
	subject, _, _ := strings.Cut(user, "@")
	return cmp.Or(subject, defaultUser)
}

// signInUser returns the user that signs in if the form is sent unchanged: that of
// [Server.SignInAs], otherwise that of the client's login_hint.
func (s *store) signInUser(hint string) (user string, deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.user, hint, defaultUser), s.deny
}

// SetUserinfoFromScopes sets all claims for any scopes: the tests are about tokens,
// not about consent.
func (s *store) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, subject, _ string, _ []string) error {
	info.Subject = subject
	info.Name = strings.ToUpper(subject[:1]) + subject[1:]
	info.PreferredUsername = subject
	info.Email = subject + "@example.com"
	info.EmailVerified = true
	groups := s.settings().Groups
	if groups == nil {
		groups = []string{"developers"}
	}
	info.AppendClaims("groups", groups)
	return nil
}

func (s *store) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, id, subject, _ string) error {
	if _, ok := s.live(id); !ok {
		return oidc.ErrInvalidGrant().WithDescription("the access token is revoked or expired")
	}
	return s.SetUserinfoFromScopes(ctx, info, subject, "", nil)
}

func (s *store) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	claims := map[string]any{"scope": strings.Join(scopes, " ")}
	if groups := s.settings().Groups; groups != nil {
		claims["groups"] = groups
	}
	return claims, nil
}
