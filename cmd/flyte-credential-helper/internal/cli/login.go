package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/spf13/cobra"
)

// loginCommand is login.
func (a *app) loginCommand() *cobra.Command {
	c := a.userCommand("login", "Log in now, in the browser or with a device code")
	c.Example = "login --issuer https://login.example.com --client-id ID"
	var pins []string
	c.Flags().StringArrayVar(&pins, "pin", nil, "accept this endpoint as one of the authorization server (repeatable: the sign-in page and the token endpoint)")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.run(login.Policy{Explicit: true, Auto: oauth.Auto, Pins: pins}, needs{flyte: true}, func(r *config.Resolved, p login.Policy) (int, error) {
			p.AcceptServers = r.Interactive == "always"
			return 0, logInNow(cmd.Context(), a.env, r, p)
		})
	}
	return c
}

func logInNow(ctx context.Context, env system.Env, r *config.Resolved, p login.Policy) error {
	session, err := login.Open(ctx, r, p, env)
	if err != nil {
		return err
	}
	t, fresh, err := session.LogIn(ctx)
	if err != nil {
		return err
	}
	words := "Logged in to "
	if !fresh {
		words = "Already logged in to "
	}
	return env.Write(words + r.Server() + describe(t, r, session, env))
}

// describe says who is logged in, until when, and in which store the login is.
func describe(t *oauth.Token, r *config.Resolved, session *login.Session, env system.Env) string {
	var b strings.Builder
	store := session.Place()
	if t.Account != "" {
		fmt.Fprintf(&b, " as %s", t.Account)
	}
	b.WriteString(".\n")
	credential := t.Credential(session.Kind())
	switch {
	case credential.Expiry.IsZero():
		b.WriteString("The server did not say how long the token is valid.\n")
	case store == cache.StoreNone:
		fmt.Fprintf(&b, "The token is valid until %s. The next call logs in again.\n", local(credential.Expiry))
	case t.RefreshToken != "" || r.IsMachine():
		fmt.Fprintf(&b, "The token is valid until %s and is refreshed automatically.\n", local(credential.Expiry))
	default:
		fmt.Fprintf(&b, "The token is valid until %s. After that, log in again: the server gave no refresh token%s.\n", local(credential.Expiry), missingScope(t, r))
	}
	fmt.Fprintf(&b, "The token is %s.\n", storedIn(store, string(login.StateDir(env))))
	return b.String()
}

// missingScope says which scope requests a refresh token.
func missingScope(t *oauth.Token, r *config.Resolved) string {
	for _, name := range []string{"offline_access", "offline"} {
		if slices.Contains(t.Server.Scopes, name) && !slices.Contains(r.Scope, name) {
			return " (to request one, use --scope " + name + ")"
		}
	}
	if len(t.Server.Scopes) == 0 && !slices.Contains(r.Scope, "offline_access") {
		return " (most servers give one for --scope offline_access)"
	}
	return ""
}

// storedIn says how the store keeps the token, for a sentence that begins with "The token is".
func storedIn(store cache.StoreKind, dir string) string {
	return map[cache.StoreKind]string{
		cache.StoreKeyring: "stored in " + dir + ", encrypted with a key in the OS keyring",
		cache.StoreKernel:  "stored in " + dir + ", encrypted with a key in the kernel keyring, which a reboot clears",
		cache.StoreFile:    "stored in " + dir + ", not encrypted and readable only by you",
		cache.StoreNone:    "not stored",
	}[store]
}
