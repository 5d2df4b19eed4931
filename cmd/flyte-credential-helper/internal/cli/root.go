package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/caller"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups of commands in --help.
const (
	groupUsers   = "people"
	groupCallers = "programs"
)

// app is a command line that cobra parses.
type app struct {
	env     system.Env
	release Release
	callers []callerRow
	flags   *config.Flags
}

func newApp(env system.Env, r Release, callers []callerRow) *app {
	return &app{env: env, release: r, callers: callers, flags: config.NewFlags(config.Every)}
}

// exited is the error of a command that has reported what is wrong.
type exited int

func (exited) Error() string { return "" }

// runCobra runs a command line with cobra: the commands for users, --help, and command
// lines that are wrong.
func runCobra(ctx context.Context, env system.Env, r Release, callers []callerRow) int {
	err := newApp(env, r, callers).root().ExecuteContext(ctx)
	var status exited
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case !errors.As(err, new(*config.Error)): // cobra's own
		err = config.Errorf(config.Command(config.Program, "--help"), "%s", err)
	}
	return fail(env, err)
}

// root is the command tree.
func (a *app) root() *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:           config.Program,
		Short:         "Log in once in the browser; every program gets the token",
		SilenceErrors: true, SilenceUsage: true,
		Args: noWords,
		RunE: func(*cobra.Command, []string) error {
			if showVersion {
				return a.showVersion()
			}
			return config.Errorf(config.Command(config.Program, "--help"), "which command? %s is run by programs that need a token, or by you with a command such as login", config.Program)
		},
	}
	// Not cobra's own: its template makes the linker keep every method of every type.
	root.Flags().BoolVarP(&showVersion, "version", "v", false, "version for "+config.Program)
	root.PersistentFlags().AddFlagSet(a.flags.FlagSet)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetArgs(a.env.Args[1:])
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		help(a.env.Stdout, c, config.Table(), config.ConfigPath(a.env))
	})
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: groupUsers, Title: "For people"}, &cobra.Group{ID: groupCallers, Title: "For programs that need a token"})
	root.AddCommand(a.loginCommand(), a.logoutCommand(), a.setupCommand(), a.statusCommand(), a.versionCommand())
	for _, c := range a.callers {
		root.AddCommand(a.callerCommand(c))
	}
	root.AddCommand(a.runCommand())
	root.SetHelpCommandGroupID(groupUsers)
	root.SetCompletionCommandGroupID(groupUsers)
	a.completeValues(root)
	return root
}

// userCommand is a command that users run, without RunE.
func (a *app) userCommand(name, short string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, GroupID: groupUsers, Args: noWords}
}

// callerCommand is the command of a caller whose command line is not only its name and
// flags. The caller reads what is wrong in its own way.
func (a *app) callerCommand(row callerRow) *cobra.Command {
	c := &cobra.Command{Use: row.Name, Aliases: row.Aliases, Short: row.Short, GroupID: groupCallers, Args: noWords}
	if row.Words != "" {
		c.Use, c.Args = row.Name+" "+row.Words, cobra.ArbitraryArgs
	}
	answer := row.New(c.Flags())
	c.RunE = func(cmd *cobra.Command, args []string) error {
		call := caller.Call{Env: a.env, Input: input(a.env, a.flags.CommandLine(), row.ReadsFlyte), Words: args}
		return exit(respond(cmd.Context(), a.env, row, answer, call))
	}
	for _, name := range row.OwnFlags {
		completeList(c, c.Flags().Lookup(name))
	}
	return c
}

// exit is the error of a command that ended with a status.
func exit(status int) error {
	if status == exitOK {
		return nil
	}
	return exited(status)
}

// needs says what a command needs of the settings.
type needs struct {
	flyte    bool     // Flyte's own configuration counts
	tolerate bool     // an error in the configuration file is a warning
	creates  bool     // it may make the profile that is named
	environ  []string // instead of the environment; nil: the environment
}

// run runs f with the settings, and reports an error. f returns the exit status of a
// command that it ran.
func (a *app) run(p login.Policy, n needs, f func(*config.Resolved, login.Policy) (int, error)) error {
	status, err := a.try(p, n, f)
	if err != nil {
		status = fail(a.env, err)
	}
	return exit(status)
}

func (a *app) try(p login.Policy, n needs, f func(*config.Resolved, login.Policy) (int, error)) (int, error) {
	r, err := login.Resolve(a.input(p, n), p, a.env)
	if err != nil {
		return 0, err
	}
	status, err := f(r, p)
	return status, login.Explain(err, r, p, a.env)
}

// input is what the settings of a command for users are resolved from.
func (a *app) input(p login.Policy, n needs) config.Input {
	env := a.env
	if n.environ != nil {
		env.Environ = func() []string { return n.environ }
	}
	in := input(env, a.flags.CommandLine(), n.flyte)
	in.Cluster = caller.ClusterConfig(env.Getenv(caller.ExecInfo))
	in.TolerateBadConfig, in.CreatesProfile, in.Command = n.tolerate, n.creates, p.Command
	return in
}

// noWords refuses words that are not flags. A word that looks like a host may be meant for
// --endpoint.
func noWords(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		return config.Errorf(helpOf(c), "there is no command %s%s", oauth.Printable(args[0]), config.Suggestion(args[0], names))
	}
	hint := helpOf(c)
	if strings.ContainsAny(args[0], ".:") {
		hint = config.Command(append(strings.Fields(c.CommandPath()), "--endpoint", args[0])...)
	}
	return config.Errorf(hint, "%s takes flags only, and not the word %s", c.Name(), oauth.Printable(args[0]))
}

// flagError suggests what was meant, and explains why there is no flag for a
// secret. It never repeats the value.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if slices.Contains([]string{"client-secret", "password", "token", "refresh-token"}, name) {
			return config.Errorf(config.Text("put it into a file that only you can read, and give --client-secret-file FILE"), "a secret is never the value of a flag: other users can read command lines")
		}
		var names []string
		for _, s := range config.Table() {
			names = append(names, "--"+s.Name)
		}
		if unknown.GetSpecifiedShortnames() != "" {
			return config.Errorf(helpOf(c), "there is no flag -%s: flags are words, such as --output", name)
		}
		return config.Errorf(helpOf(c), "there is no flag --%s%s", name, config.Suggestion("--"+name, names))
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return config.Errorf(helpOf(c), "--%s %v", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return config.Errorf(helpOf(c), "%s", err)
}

// helpOf is a hint to read the help of a command.
func helpOf(c *cobra.Command) config.Hint {
	return config.Command(append(strings.Fields(c.CommandPath()), "--help")...)
}
