package cli

import (
	"context"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
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
	return env.Write(words + r.Server() + session.Describe(t))
}
