package cli

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/caller"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// runCommand returns the run command. Its flags end at the first word, where the other
// command begins.
func (a *app) runCommand() *cobra.Command {
	name := execcred.TokenVariable
	c := &cobra.Command{Use: "run -- COMMAND...", Short: "Run a command with the token in its environment", Example: "run -- flytectl get projects", GroupID: groupCommands, Args: cobra.ArbitraryArgs}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return a.run(caller.KeepsToken(), needs{flyte: true}, func(settings *config.Resolved, p login.Policy) (int, error) {
			return runWithToken(cmd.Context(), a.env, settings, p, name, args)
		})
	}
	c.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	c.Flags().SetInterspersed(false)
	c.Flags().StringVar(&name, "env", name, "the environment variable for the token")
	return c
}

// runWithToken runs a command with the token in the environment variable name. On Unix it
// returns only an error, because the command replaces this process.
func runWithToken(ctx context.Context, env system.Env, settings *config.Resolved, p login.Policy, name string, argv []string) (int, error) {
	if !isVariable(name) {
		return 0, config.Errorf(config.Hint{}, "--env must be the name of an environment variable")
	}
	if len(argv) == 0 {
		return 0, config.Errorf(config.Command(config.Program, "run", "--", "COMMAND"), "run needs a command")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, config.Errorf(config.Hint{}, "cannot run %s: %v", argv[0], errors.Unwrap(err))
	}
	session, err := login.Open(ctx, settings, p, env)
	if err != nil {
		return 0, err
	}
	_, credential, err := session.Token(ctx, login.Rejection{})
	if err != nil {
		return 0, err
	}
	environ := slices.DeleteFunc(login.WithoutSecrets(settings, env), func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	env.Terminal.Close() // it is the command's now
	return system.Exec(path, argv, append(environ, name+"="+credential.Value.Reveal()))
}

func isVariable(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
