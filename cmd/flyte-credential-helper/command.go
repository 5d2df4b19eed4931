package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// people serves a command line with cobra: the commands for people, --help, and
// whatever is wrong.
func people(ctx context.Context, w world) int {
	s := newSettings()
	table := s.table()
	fs := flags(table)
	code := exitOK
	showVersion := func() error {
		_, err := fmt.Fprintln(w.stdout, program, version())
		return err
	}
	var versionAsked bool
	root := &cobra.Command{
		Use:           program,
		Short:         "Log in once in the browser; every program gets the token",
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if versionAsked {
				return showVersion()
			}
			return usage(program+" --help", "which command? "+program+" is run by programs that need a token, or by you with a command such as login")
		},
	}
	// Not cobra's own: its template makes the linker keep every method of every type.
	root.Flags().BoolVarP(&versionAsked, "version", "v", false, "version for "+program)
	root.PersistentFlags().AddFlagSet(fs)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetArgs(w.args[1:])
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { help(w.stdout, c, table, w.configPath()) })
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(c, err, table) })
	run := func(f func(*call) error) func(*cobra.Command, []string) error {
		return func(*cobra.Command, []string) error {
			code = with(w, fs, s, table, f)
			return nil
		}
	}
	programs := func(c *cobra.Command, answer answerer) *cobra.Command {
		c.GroupID, c.Args = "programs", cobra.NoArgs
		c.RunE = func(*cobra.Command, []string) error {
			code = give(ctx, w, fs, s, table, answer)
			return nil
		}
		return c
	}
	person := func(c *cobra.Command) *cobra.Command {
		c.GroupID, c.Args = "people", cobra.NoArgs
		return c
	}
	var all, asJSON bool
	logoutCommand := person(&cobra.Command{
		Use: "logout", Short: "Revoke and forget the login", RunE: run(func(c *call) error { return logout(ctx, c, all) }),
	})
	logoutCommand.Flags().BoolVar(&all, "all", false, "every login that is kept, not just this one")
	statusCommand := person(&cobra.Command{
		Use: "status", Short: "List the logins that are kept", RunE: run(func(c *call) error { return status(ctx, c, asJSON) }),
	})
	statusCommand.Flags().BoolVar(&asJSON, "json", false, "as JSON, for scripts")
	var options setupOptions
	setup := person(&cobra.Command{Use: "setup", Short: "Have another program use this one"})
	setup.Args = cobra.ArbitraryArgs
	setup.RunE = func(_ *cobra.Command, args []string) error {
		return usage(program+" setup kubernetes", "set up which program? There is kubernetes")
	}
	kubectl := &cobra.Command{
		Use: "kubernetes", Short: "Have a kubeconfig's user run this program, and log in", Args: cobra.NoArgs,
		RunE: run(func(c *call) error {
			c.verb = "setup kubernetes"
			return setupKubernetes(ctx, c, options)
		}),
	}
	setUp, undo := kubectl.RunE, false
	kubectl.RunE = func(c *cobra.Command, args []string) error {
		if !undo {
			return setUp(c, args)
		}
		code = undoSetup(w, options.dryRun)
		return nil
	}
	kubectl.Flags().StringVar(&options.context, "context", "", "the kubeconfig's context (default: the current one)")
	kubectl.Flags().StringVar(&options.user, "user", "", "the kubeconfig's user to change or make (default: the context's)")
	kubectl.Flags().BoolVar(&options.kubelogin, "from-kubelogin", false, "take over every user that runs kubelogin, or that of --user")
	kubectl.Flags().BoolVar(&options.dryRun, "dry-run", false, "show what would change, and change nothing")
	kubectl.Flags().BoolVar(&options.yes, "yes", false, "do not ask before anything is changed")
	kubectl.Flags().BoolVar(&undo, "undo", false, "put back what setup has changed")
	for _, other := range []string{"from-kubelogin", "context", "user"} {
		kubectl.MarkFlagsMutuallyExclusive("undo", other)
	}
	setup.AddCommand(kubectl)
	root.AddGroup(&cobra.Group{ID: "people", Title: "For people"}, &cobra.Group{ID: "programs", Title: "For programs that need a token"})
	root.AddCommand(
		person(&cobra.Command{Use: "login", Short: "Log in through the browser now", RunE: run(func(c *call) error { return login(ctx, c) })}),
		logoutCommand,
		setup,
		statusCommand,
		person(&cobra.Command{Use: "version", Short: "Print the version", RunE: func(*cobra.Command, []string) error { return showVersion() }}),
		programs(&cobra.Command{Use: "kubernetes", Aliases: []string{"get-token"}, Short: "kubectl and all that uses client-go: an ExecCredential"}, kubernetes),
		programs(&cobra.Command{Use: "token", Short: "Flyte's clients and scripts: the bare token"}, token),
	)
	root.SetHelpCommandGroupID("people")
	root.SetCompletionCommandGroupID("people")
	if err := root.Execute(); err != nil {
		return wrongCommand(w, root, err)
	}
	return code
}

// wrongCommand reports what cobra could not make sense of.
func wrongCommand(w world, root *cobra.Command, err error) int {
	var u *usageError
	if !errors.As(err, &u) {
		err = usage(program+" --help", "%s", err)
	}
	code, hint := outcome(err, "")
	report(w, err, hint)
	return code
}

// flagError suggests what was meant, and explains why there is no flag for a
// secret. It never repeats the value.
func flagError(c *cobra.Command, err error, table []setting) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if slices.Contains([]string{"client-secret", "password", "token", "refresh-token"}, name) {
			return usage("put it into a file that only you can read, and give --client-secret-file FILE", "a secret is never the value of a flag: other users can read command lines")
		}
		var names []string
		for _, s := range table {
			names = append(names, "--"+s.name)
		}
		return usage(c.CommandPath()+" --help", "there is no flag --%s%s", name, suggestion("--"+name, names))
	}
	return usage(c.CommandPath()+" --help", "%s", err)
}

// version is what the Go command knows of the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// help prints a command, and under it every setting with its variable.
func help(out io.Writer, c *cobra.Command, table []setting, configPath string) {
	command := ""
	if c.HasSubCommands() {
		command = " COMMAND"
	}
	_, _ = fmt.Fprintf(out, "%s\n\nUsage: %s%s [flags]\n", c.Short, c.CommandPath(), command)
	groups := c.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands"}}
	}
	for _, g := range groups {
		helpGroup(out, c, g)
	}
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		name := f.Name
		if f.Value.Type() == "string" {
			name += " NAME"
		}
		_, _ = fmt.Fprintf(out, "\n  --%s\n        %s\n", name, f.Usage)
	})
	if c.HasParent() && !slices.Contains([]string{"login", "kubernetes", "token"}, c.Name()) {
		_, _ = fmt.Fprintf(out, "\nThe settings are in: %s --help\n", program)
		return
	}
	group := ""
	for _, s := range table {
		if s.group != group {
			group = s.group
			_, _ = fmt.Fprintf(out, "\n%s:\n", group)
		}
		helpSetting(out, s)
	}
	_, _ = fmt.Fprintf(out, "\nEach setting may also stand in the environment, or, without the dashes, in a profile of\n%s;\nthe command line wins over the environment, and that over the profile.\n", configPath)
}

func helpGroup(out io.Writer, c *cobra.Command, g *cobra.Group) {
	title := "\n" + g.Title + ":\n"
	for _, sub := range c.Commands() {
		if sub.GroupID == g.ID && sub.IsAvailableCommand() {
			_, _ = fmt.Fprintf(out, "%s  %-12s %s\n", title, sub.Name(), sub.Short)
			title = ""
		}
	}
}

func helpSetting(out io.Writer, s setting) {
	name := "--" + s.name
	if _, ok := s.value.(boolValue); !ok {
		name += " " + s.value.Type()
	}
	usage := s.usage
	switch v := s.value.(type) {
	case listValue, portsValue, mapValue:
		usage += " (repeatable)"
	case oneOf, durationValue:
		if d := v.String(); d != "" && d != "0s" {
			usage += " (default " + d + ")"
		}
	}
	_, _ = fmt.Fprintf(out, "  %s\n        %s\n        %s\n", name, usage, variable(s.name))
}
