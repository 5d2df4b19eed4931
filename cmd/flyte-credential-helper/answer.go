package main

import (
	"context"
	"fmt"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// kubernetes answers client-go.
func kubernetes(ctx context.Context, c *call) ([]byte, error) {
	request, err := execcred.DecodeKubernetes(c.getenv("KUBERNETES_EXEC_INFO"))
	if err != nil {
		return nil, usage("", "%v", err)
	}
	kind := oauth.Kind(c.tokenKind)
	credential, err := c.credential(ctx, kind)
	if err != nil {
		return nil, err
	}
	return request.Encode(execcred.Credential{
		Token:  credential.Value.Reveal(),
		Expiry: cache.SafeExpiry(credential, c.now()),
	})
}

// tokenMinTTL is how long the token must live for callers that keep what they
// get.
const tokenMinTTL = 5 * time.Minute

// token answers callers that take the bare token.
func token(ctx context.Context, c *call) ([]byte, error) {
	if !c.flags.Changed("min-ttl") {
		c.minTTL = tokenMinTTL
	}
	kind := oauth.Kind(c.tokenKind)
	if kind == oauth.Auto {
		kind = oauth.Access
	}
	credential, err := c.credential(ctx, kind)
	if err != nil {
		return nil, err
	}
	return execcred.EncodeToken(execcred.Credential{Token: credential.Value.Reveal()})
}

// credential gets the part of the token that kind names.
func (c *call) credential(ctx context.Context, kind oauth.Kind) (oauth.Credential, error) {
	source, err := c.source(kind)
	if err != nil {
		return oauth.Credential{}, err
	}
	t, err := source.Token(ctx)
	if err != nil {
		return oauth.Credential{}, err
	}
	credential := t.Credential(kind)
	if credential.Value == "" {
		return oauth.Credential{}, c.noIDToken()
	}
	return credential, nil
}

// write writes the answer, whose reader may have gone.
func (c *call) write(document []byte) error {
	if _, err := c.stdout.Write(document); err != nil {
		return fmt.Errorf("the answer cannot be written to stdout: %w", err)
	}
	return nil
}
