package cli

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// setupCommand returns the setup command, with a command for each caller.
func (a *app) setupCommand() *cobra.Command {
	c := a.userCommand("setup", "Configure another program to use this one")
	c.Args = cobra.ArbitraryArgs
	c.Aliases = []string{"kubectl", "k8s"}
	c.Example = "setup kubernetes --issuer https://login.example.com --client-id ID"
	c.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(c, args[0])
		}
		return config.Errorf(config.Command(config.Program, "setup", "--help"), "setup needs a program: kubernetes, flyte, git, docker, bazel or goauth")
	}
	for _, row := range a.callers {
		if row.setup != nil {
			sub := row.setup(a)
			sub.SuggestFor = row.tools
			c.AddCommand(sub)
		}
	}
	return c
}

func (a *app) setupKubernetes() *cobra.Command {
	var o setup.KubernetesOptions
	c := a.setupOf("kubernetes", "Log in, and make kubectl use this program for a kubeconfig user", func([]string) (needs, setupFunc) {
		return needs{}, func(ctx context.Context, r *setup.Run) error { return setup.Kubernetes(ctx, r, o) }
	})
	f := c.Flags()
	c.Aliases = []string{"kubectl", "k8s"}
	c.Example = "setup kubernetes --issuer https://login.example.com --client-id ID"
	f.StringVar(&o.Context, "context", "", "the kubeconfig context (default: the current one)")
	f.StringVar(&o.User, "user", "", "the kubeconfig user to change or create (default: the user of the context)")
	f.BoolVar(&o.FromKubelogin, "from-kubelogin", false, "convert every kubeconfig user that runs kubelogin, or only --user")
	complete(c, "context", namesFrom(func() []string { contexts, _ := setup.KubeNames(a.env); return contexts }))
	complete(c, "user", namesFrom(func() []string { _, users := setup.KubeNames(a.env); return users }))
	for _, other := range []string{"from-kubelogin", "context", "user"} {
		c.MarkFlagsMutuallyExclusive("undo", other)
	}
	return c
}

func (a *app) setupFlyte() *cobra.Command {
	file := ""
	c := a.setupOf("flyte", "Log in, and make Flyte's clients use this program", func([]string) (needs, setupFunc) {
		n := needs{flyte: true}
		if file != "" {
			file, n.environ = setup.FlyteFile(a.env, file)
		}
		return n, func(ctx context.Context, r *setup.Run) error { return setup.Flyte(ctx, r, file) }
	})
	c.Example = "setup flyte --endpoint flyte.example.com"
	return withConfig(c, &file, "Flyte's clients")
}

// setupHosts returns the setup command of a caller whose requests name a host.
func setupHosts(caller, host, short string, f func(context.Context, *setup.Run, []string) error) func(*app) *cobra.Command {
	return func(a *app) *cobra.Command {
		c := a.setupOf(caller, short, func(hosts []string) (needs, setupFunc) {
			return needs{creates: true}, func(ctx context.Context, r *setup.Run) error { return f(ctx, r, hosts) }
		})
		c.Use += " HOST..."
		c.Example = "setup " + caller + " " + host + " --issuer https://login.example.com --client-id ID"
		c.Args = cobra.ArbitraryArgs
		return c
	}
}

func (a *app) setupDocker() *cobra.Command {
	file := ""
	c := setupHosts("docker", "registry.example.com", "Log in, and make docker and podman use this program for the registries",
		func(ctx context.Context, r *setup.Run, hosts []string) error {
			return setup.Docker(ctx, r, hosts, file)
		})(a)
	return withConfig(c, &file, "docker, podman and similar tools")
}

// withConfig adds the flag --config, the file of the programs that c configures.
func withConfig(c *cobra.Command, file *string, programs string) *cobra.Command {
	c.Flags().StringVar(file, "config", "", "the file to change (default: the file that "+programs+" read here)")
	complete(c, "config", fileNames())
	return c
}

// setupFunc sets up one caller.
type setupFunc func(context.Context, *setup.Run) error

// setupOf returns the setup command of one caller, with --undo. prepare is called after the
// command line has been parsed.
func (a *app) setupOf(caller, short string, prepare func(words []string) (needs, setupFunc)) *cobra.Command {
	var o setup.Options
	undo := false
	c := &cobra.Command{Use: caller, Short: short}
	c.Args = func(c *cobra.Command, args []string) error {
		if undo {
			return nil // contexts
		}
		return a.noWords(c, args)
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if undo {
			if file, _ := cmd.Flags().GetString("config"); caller == "flyte" && file != "" {
				file, _ = setup.FlyteFile(a.env, file)
				args = append(args, file)
			}
			if err := setup.Undo(cmd.Context(), a.env, caller, args, o.DryRun); err != nil {
				return exit(fail(a.env, err))
			}
			return nil
		}
		n, f := prepare(args)
		p := login.Policy{Auto: oauth.Auto, Command: append(append([]string{"setup", caller}, args...), ownFlags(cmd)...)}
		return a.run(p, n, func(r *config.Resolved, p login.Policy) (int, error) {
			return 0, f(cmd.Context(), setup.New(a.env, r, p, a.input(p, n), o))
		})
	}
	flags := c.Flags()
	flags.BoolVar(&o.DryRun, "dry-run", false, "show the changes without making them")
	flags.BoolVar(&o.Print, "print", false, "print the lines of the files instead of writing them")
	flags.BoolVar(&o.Yes, "yes", false, "do not ask for confirmation")
	flags.BoolVar(&undo, "undo", false, "undo the changes of earlier setups: all, or those for the named hosts or contexts")
	return c
}

// ownFlags returns the flags on the command line that are not settings.
func ownFlags(c *cobra.Command) (words []string) {
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		switch {
		case !f.Changed:
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
		default:
			words = append(words, "--"+f.Name, f.Value.String())
		}
	})
	return words
}
