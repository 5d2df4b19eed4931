package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// login logs in because a person says so.
func login(ctx context.Context, c *call) error {
	c.person = true
	source, err := c.source(oauth.Kind(c.tokenKind))
	if err != nil {
		return err
	}
	t, fresh, err := source.Login(ctx)
	if err != nil {
		return err
	}
	words := "Logged in to "
	if !fresh {
		words = "Already logged in to "
	}
	return c.write([]byte(words + c.server() + c.describe(t, source.Store.Place())))
}

// describe says who is logged in, until when, and where that is kept.
func (c *call) describe(t *oauth.Token, store string) string {
	var b strings.Builder
	if t.Account != "" {
		fmt.Fprintf(&b, " as %s", t.Account)
	}
	b.WriteString(".\n")
	credential := t.Credential(oauth.Kind(c.tokenKind))
	switch {
	case credential.Expiry.IsZero():
		b.WriteString("The server did not say how long the token is good.\n")
	case store == cache.StoreNone:
		fmt.Fprintf(&b, "The token is good until %s, and the next call logs in anew.\n", local(credential.Expiry))
	case t.RefreshToken != "" || c.machine():
		fmt.Fprintf(&b, "The token is good until %s, and is renewed by itself.\n", local(credential.Expiry))
	default:
		fmt.Fprintf(&b, "The token is good until %s. Then you log in again: the server gave no refresh token%s.\n", local(credential.Expiry), c.missingScope(t))
	}
	fmt.Fprintf(&b, "It is kept %s.\n", keptIn(store, string(c.stateDir())))
	return b.String()
}

// missingScope names the scope that asks for a refresh token.
func (c *call) missingScope(t *oauth.Token) string {
	for _, name := range []string{"offline_access", "offline"} {
		if slices.Contains(t.Server.Scopes, name) && !slices.Contains(c.scope, name) {
			return ", which it gives with --scope " + name
		}
	}
	if len(t.Server.Scopes) == 0 && !slices.Contains(c.scope, "offline_access") {
		return ", which most servers give with --scope offline_access"
	}
	return ""
}

func keptIn(store, dir string) string {
	return map[string]string{
		"keyring": "sealed in " + dir + ", with the key in the OS keyring",
		"kernel":  "sealed in " + dir + ", with the key in the kernel's keyring, which forgets it at reboot",
		"file":    "in " + dir + ", readable for you alone",
		"none":    "nowhere",
	}[store]
}
