package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// asked is how a person wants a setup to go.
type asked struct{ dryRun, yes bool }

// setup is the command that has other programs use this one.
func (l *line) setup(ctx context.Context) *cobra.Command {
	c := l.person("setup", "Have another program use this one", nil)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(*cobra.Command, []string) error {
		return usage(program+" setup --help", "set up which program? There are kubernetes, flyte, git, docker, bazel and goauth")
	}
	c.AddCommand(
		l.setupKubernetes(ctx),
		l.flyte(l.setupFlyte(ctx)),
		l.setupHosts(ctx, "git", "Have git ask this program for a host, and log in", func(c *call) tool { return &gitTool{c: c} }),
		l.setupHosts(ctx, "docker", "Have docker and its kin ask this program for registries, and log in", func(c *call) tool { return &dockerTool{c: c} }),
		l.setupHosts(ctx, "bazel", "Let Bazel ask this program for hosts, and log in", func(c *call) tool { return &bazelTool{c: c} }),
		l.setupHosts(ctx, "goauth", "Have the go command ask this program for hosts, and log in", func(c *call) tool { return &goTool{c: c} }),
	)
	return c
}

func (l *line) setupKubernetes(ctx context.Context) *cobra.Command {
	var o setupOptions
	c := l.setupOf("kubernetes", "Have a kubeconfig's user run this program, and log in", func(c *call, _ []string, a asked) error {
		return setupKubernetes(ctx, c, o, a)
	})
	f := c.Flags()
	f.StringVar(&o.context, "context", "", "the kubeconfig's context (default: the current one)")
	f.StringVar(&o.user, "user", "", "the kubeconfig's user to change or make (default: the context's)")
	f.BoolVar(&o.kubelogin, "from-kubelogin", false, "take over every user that runs kubelogin, or that of --user")
	completeFlag(c, f.Lookup("context"), func() []string { return l.contextNames(ctx) })
	completeFlag(c, f.Lookup("user"), func() []string { return l.userNames(ctx) })
	for _, other := range []string{"from-kubelogin", "context", "user"} {
		c.MarkFlagsMutuallyExclusive("undo", other)
	}
	return c
}

func (l *line) setupFlyte(ctx context.Context) *cobra.Command {
	config := ""
	c := l.setupOf("flyte", "Have Flyte's other clients run this program, and log in", func(c *call, _ []string, a asked) error {
		return setupFlyte(ctx, c, config, a)
	})
	before(c, func() {
		if config != "" {
			config = l.readFlyteFile(config)
		}
	})
	c.Flags().StringVar(&config, "config", "", "the file to change (default: the one that Flyte's clients read here)")
	completeFiles(c, c.Flags().Lookup("config"))
	return c
}

// setupHosts is the setup of a caller that names a host.
func (l *line) setupHosts(ctx context.Context, caller, short string, of func(*call) tool) *cobra.Command {
	c := l.setupOf(caller, short, func(c *call, hosts []string, a asked) error {
		return setupHosts(ctx, c, caller, hosts, of(c), a)
	})
	c.Use += " HOST..."
	c.Args = cobra.ArbitraryArgs
	return before(c, func() { l.makes = true })
}

// setupOf is the setup of one caller, which --undo takes back.
func (l *line) setupOf(caller, short string, f func(*call, []string, asked) error) *cobra.Command {
	var a asked
	undo := false
	c := &cobra.Command{Use: caller, Short: short, Args: noWords}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if undo && len(args) > 0 {
			return usage(c.CommandPath()+" --undo", "--undo takes back all that setup %s has changed, and no host alone", caller)
		}
		if undo {
			only, _ := cmd.Flags().GetString("config") // setup flyte's
			l.code = undoSetup(l.world, caller, only, a.dryRun)
			return nil
		}
		return l.run(func(c *call) error {
			c.verb = append([]string{"setup", caller}, append(args, ownFlags(cmd)...)...)
			return f(c, args, a)
		})(cmd, args)
	}
	flags := c.Flags()
	flags.BoolVar(&a.dryRun, "dry-run", false, "show what would change, and change nothing")
	flags.BoolVar(&a.yes, "yes", false, "do not ask before anything is changed")
	flags.BoolVar(&undo, "undo", false, "put back what setup has changed")
	return c
}

// ownFlags are those of the command line that are no settings.
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
