package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// kubernetes answers client-go.
func kubernetes(ctx context.Context, c *call) ([]byte, error) {
	request, err := execcred.DecodeKubernetes(c.getenv(execInfo))
	if err != nil {
		return nil, usage("", "%v", err)
	}
	source, err := c.source(oauth.Kind(c.tokenKind))
	if err != nil {
		return nil, err
	}
	n := c.noteFor(request, source.Store.ID)
	source.Refused = n.refused
	_, credential, err := c.credential(ctx, source)
	if err != nil {
		return nil, err
	}
	expiry := cache.SafeExpiry(credential, c.now())
	n.remember(credential, expiry)
	return request.Encode(execcred.Credential{Token: credential.Value.Reveal(), Expiry: expiry})
}

// tokenMinTTL is how long the token must live for callers that keep what they
// get.
const tokenMinTTL = 5 * time.Minute

// token answers callers that take the bare token, or a line with it.
func token(ctx context.Context, c *call) ([]byte, error) {
	t, credential, err := c.kept(ctx)
	if err != nil {
		return nil, err
	}
	if execcred.Form(c.output) == execcred.JSON {
		return execcred.EncodeTokenSet(execcred.TokenSet{
			AccessToken: t.AccessToken.Reveal(), IDToken: t.IDToken.Reveal(), Header: t.Server.HeaderKey,
			Scope: strings.Join(t.Scopes, " "), Account: t.Account, Issuer: t.Server.Issuer,
		}, t.Expiry, c.now())
	}
	return execcred.EncodeToken(execcred.Form(c.output), t.Server.HeaderKey, execcred.Credential{Token: credential.Value.Reveal()})
}

// kept gets the token for a caller that keeps what it gets, and shows people one
// line of what goes wrong at the most.
func (c *call) kept(ctx context.Context) (*oauth.Token, oauth.Credential, error) {
	c.terse = true
	if !slices.Contains(c.said, "min-ttl") {
		c.minTTL = tokenMinTTL
	}
	kind := oauth.Kind(c.tokenKind)
	if kind == oauth.Auto {
		kind = oauth.Access
	}
	source, err := c.source(kind)
	if err != nil {
		return nil, oauth.Credential{}, err
	}
	return c.credential(ctx, source)
}

// credential gets a token, and the part of it that source hands out.
func (c *call) credential(ctx context.Context, source *cache.Source) (*oauth.Token, oauth.Credential, error) {
	t, err := source.Token(ctx)
	if err != nil {
		return nil, oauth.Credential{}, err
	}
	credential := t.Credential(source.Kind)
	if credential.Value == "" {
		return nil, oauth.Credential{}, c.noIDToken()
	}
	return t, credential, nil
}

// write writes the answer, whose reader may have gone.
func (c *call) write(document []byte) error {
	if _, err := c.stdout.Write(document); err != nil {
		return fmt.Errorf("the answer cannot be written to stdout: %w", err)
	}
	return nil
}
