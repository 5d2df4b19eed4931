package apiserver

import (
	"context"
	"time"

	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// check checks bearer tokens, and caches the metadata and keys of the issuer.
type check struct {
	oidc.AuthenticatorTokenWithHealthCheck
	stop context.CancelFunc
}

// authority is a CA file that does not change.
type authority []byte

func (a authority) CurrentCABundleContent() []byte { return a }

// newCheck waits until the authenticator knows the issuer's metadata: it requests them in the background, and again after ten seconds.
func newCheck(ctx context.Context, issuer *oauthtest.Server) (*check, error) {
	lifetime, stop := context.WithCancel(context.WithoutCancel(ctx))
	a, err := oidc.New(lifetime, oidc.Options{
		JWTAuthenticator:  settings(issuer.URL),
		CAContentProvider: authority(issuer.CA),
		APIServerID:       "e2e",
	})
	if err != nil {
		stop()
		return nil, err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for a.HealthCheck() != nil {
		select {
		case <-ctx.Done():
			stop()
			return nil, a.HealthCheck()
		case <-tick.C:
		}
	}
	return &check{a, stop}, nil
}

// settings returns the settings of an API server with --oidc-issuer-url and similar
// flags.
func settings(issuer string) apiserver.JWTAuthenticator {
	none := ""
	return apiserver.JWTAuthenticator{
		Issuer: apiserver.Issuer{URL: issuer, Audiences: []string{oauthtest.PublicClient}},
		ClaimMappings: apiserver.ClaimMappings{
			Username: apiserver.PrefixedClaimOrExpression{Claim: "email", Prefix: &none},
			Groups:   apiserver.PrefixedClaimOrExpression{Claim: "groups", Prefix: &none},
		},
	}
}

func (c *check) user(ctx context.Context, token string) (user.Info, bool) {
	answer, ok, err := c.AuthenticateToken(ctx, token)
	if err != nil || !ok {
		return nil, false
	}
	return answer.User, true
}
