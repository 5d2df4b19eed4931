package oauthtest

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is one of the two clients, with the configuration at the time when the
// provider looked it up.
type client struct {
	id     string
	config Config
}

func (c client) secret() bool { return c.id == SecretClient }

// GetID implements [op.Client], as do the methods below.
func (c client) GetID() string { return c.id }

func (c client) RedirectURIs() []string { return c.config.RedirectURIs }

// RedirectURIGlobs accepts all of loopback if no redirect URI is registered.
func (c client) RedirectURIGlobs() []string {
	if len(c.config.RedirectURIs) > 0 {
		return nil
	}
	return []string{`http://{127.0.0.1,localhost,\[::1\]}{,:*}{,/**}`}
}

func (c client) PostLogoutRedirectURIs() []string     { return nil }
func (c client) PostLogoutRedirectURIGlobs() []string { return nil }

// ApplicationType is native if any port is accepted: the provider accepts any port
// for native clients only.
func (c client) ApplicationType() op.ApplicationType {
	switch {
	case c.secret():
		return op.ApplicationTypeWeb
	case c.config.StrictRedirect:
		return op.ApplicationTypeUserAgent
	default:
		return op.ApplicationTypeNative
	}
}

// DevMode allows http redirect URIs for clients that are not native. For native
// clients it would also allow hosts other than loopback.
func (c client) DevMode() bool { return c.config.StrictRedirect }

// AuthMethod is Basic for the confidential client. The provider then accepts the
// secret in the form too.
func (c client) AuthMethod() oidc.AuthMethod {
	if c.secret() {
		return oidc.AuthMethodBasic
	}
	return oidc.AuthMethodNone
}

func (c client) GrantTypes() []oidc.GrantType {
	if c.secret() {
		return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials}
	}
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode}
}

func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c client) LoginURL(id string) string { return c.config.Path + signInPath + "?id=" + id }

func (c client) AccessTokenType() op.AccessTokenType {
	if c.config.OpaqueAccess {
		return op.AccessTokenTypeBearer
	}
	return op.AccessTokenTypeJWT
}

func (c client) IDTokenLifetime() time.Duration       { return c.config.IDLifetime }
func (c client) IsScopeAllowed(string) bool           { return true }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return allScopes }
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return allScopes }

func allScopes(scopes []string) []string { return scopes }
