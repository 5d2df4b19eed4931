package oauthtest

import (
	"errors"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Two requests may both find a refresh token valid before either redeems it. The provider
// must get its own error for that, or it answers 500.
func TestRefreshTokenIsLookedAtAgain(t *testing.T) {
	s := newStore(Config{}.withDefaults())
	_, token, _, err := s.CreateAccessAndRefreshTokens(t.Context(), grant{client: PublicClient, subject: "alice"}, "")
	if err != nil {
		t.Fatal(err)
	}
	first, err1 := s.TokenRequestByRefreshToken(t.Context(), token)
	second, err2 := s.TokenRequestByRefreshToken(t.Context(), token)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.CreateAccessAndRefreshTokens(t.Context(), first, token); err != nil {
		t.Fatal(err)
	}
	_, _, _, err = s.CreateAccessAndRefreshTokens(t.Context(), second, token)
	if refused := (*oidc.Error)(nil); !errors.As(err, &refused) || refused.ErrorType != oidc.InvalidGrant {
		t.Errorf("got %v, want invalid_grant", err)
	}
}

// The provider checks which client may begin the device grant, but not which
// one ends it.
func TestDeviceCodeIsOneClients(t *testing.T) {
	s := newStore(Config{}.withDefaults())
	if err := s.StoreDeviceAuthorization(t.Context(), PublicClient, "code", "user-code", time.Now().Add(time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	s.decide("USER-CODE", "alice", true)
	for _, test := range []struct {
		client string
		want   bool
	}{{SecretClient, false}, {PublicClient, true}} {
		state, err := s.GetDeviceAuthorizatonState(t.Context(), test.client, "code")
		if err != nil || state.Done != test.want {
			t.Errorf("%s: %+v, %v", test.client, state, err)
		}
	}
}
