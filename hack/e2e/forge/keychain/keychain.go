// Package keychain lets go-containerregistry, and so crane and ko, use the login that
// flyte-credential-helper saved.
package keychain

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// Keychain returns the token of a source for the registries that match a pattern.
type Keychain struct {
	Source   *cache.Source
	Registry execcred.Pattern
}

var _ authn.ContextKeychain = Keychain{}

// Resolve implements [authn.Keychain].
func (k Keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), r)
}

// ResolveContext implements [authn.ContextKeychain].
func (k Keychain) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	host, err := execcred.ParseHost("https", r.RegistryStr())
	if err != nil || !k.Registry.Matches(host) {
		return authn.Anonymous, nil
	}
	t, err := k.Source.Token(ctx)
	if err != nil {
		return nil, err
	}
	return authn.FromConfig(authn.AuthConfig{Username: execcred.DefaultUsername, Password: t.AccessToken.Reveal()}), nil
}
