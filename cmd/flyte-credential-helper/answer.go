package main

import (
	"context"
	"errors"
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
	issued := &issuedRecord{}
	if c.getenv(execInfo) != "" { // otherwise a person or a script runs it
		issued = c.readIssued(source.Store.ID, c.tokenKind, request.Server, string(request.Config))
		source.Rejected, source.RejectionInferred = issued.Rejected, true
	}
	_, credential, err := c.credential(ctx, source)
	if err != nil {
		return nil, err
	}
	expiry := cache.SafeExpiry(credential, c.now())
	issued.Save(credential, expiry)
	return request.Encode(execcred.Credential{Token: credential.Value.Reveal(), Expiry: expiry})
}

// tokenMinTTL is how long the token must live for callers that keep what they
// get.
const tokenMinTTL = 5 * time.Minute

// token answers callers that take the bare token, or a line with it.
func token(ctx context.Context, c *call) ([]byte, error) {
	source, err := c.keptSource()
	if err != nil {
		return nil, err
	}
	issued := &issuedRecord{}
	if c.renewOnRepeat {
		issued = c.readIssued("token", source.Store.ID, string(source.Kind))
		source.Rejected, source.RejectionInferred = issued.Rejected, true
	}
	t, credential, err := c.credential(ctx, source)
	if err != nil {
		return nil, err
	}
	issued.Save(credential, credential.Expiry)
	if execcred.Form(c.output) == execcred.JSON {
		return execcred.EncodeTokenSet(execcred.TokenSet{
			AccessToken: t.AccessToken.Reveal(), IDToken: t.IDToken.Reveal(), Header: t.Server.HeaderKey,
			Scope: strings.Join(t.Scopes, " "), Account: t.Account, Issuer: t.Server.Issuer,
		}, t.Expiry, c.now())
	}
	return execcred.EncodeToken(execcred.Form(c.output), t.Server.HeaderKey, execcred.Credential{Token: credential.Value.Reveal()})
}

// keptSource returns the source for a caller that keeps the token and shows one line of an
// error at most.
func (c *call) keptSource() (*cache.Source, error) {
	c.terse = true
	if !slices.Contains(c.said, "min-ttl") {
		c.minTTL = tokenMinTTL
	}
	kind := oauth.Kind(c.tokenKind)
	if kind == oauth.Auto {
		kind = oauth.Access
	}
	return c.source(kind)
}

// credential gets a token, and the part of it that source hands out.
func (c *call) credential(ctx context.Context, source *cache.Source) (*oauth.Token, oauth.Credential, error) {
	t, err := source.Token(ctx)
	if err != nil {
		return nil, oauth.Credential{}, err
	}
	return t, t.Credential(source.Kind), nil
}

// answer writes the answer to a program as it is. Its reader may have gone.
func (w world) answer(document []byte) error {
	if w.stdoutClosed() {
		return errors.New("the answer cannot be written: stdout is closed")
	}
	return w.print(document)
}

// print writes to stdout.
func (w world) print(text []byte) error {
	if _, err := w.stdout.Write(text); err != nil {
		return fmt.Errorf("the answer cannot be written to stdout: %w", err)
	}
	return nil
}
