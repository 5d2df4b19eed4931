package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// people runs a command line with cobra: the commands for people, --help, and
// command lines that are wrong.
func people(ctx context.Context, w world) int {
	l := newLine(w)
	if err := l.commands(ctx).Execute(); err != nil {
		return wrongCommand(w, err)
	}
	return l.code
}

func newLine(w world) *line {
	s := newSettings()
	table := s.table()
	return &line{world: w, settings: s, table: table, flags: flags(table, every)}
}

// commands is the command tree.
func (l *line) commands(ctx context.Context) *cobra.Command {
	root := l.root()
	root.AddGroup(&cobra.Group{ID: "people", Title: "For people"}, &cobra.Group{ID: "programs", Title: "For programs that need a token"})
	root.AddCommand(
		l.flyte(l.person("login", "Log in through the browser now", func(c *call) error { return login(ctx, c) })),
		l.flyte(l.anyway(l.logout(ctx))),
		l.setup(ctx),
		l.flyte(l.anyway(l.status(ctx))),
		l.version(),
		l.program(ctx, "kubernetes", "kubectl and all that uses client-go: an ExecCredential", kubernetes, "get-token"),
		l.flyte(l.token(ctx)),
		l.flyte(l.runs(ctx)),
		l.protocol(ctx, "git", "get|store|erase", "git: its credential protocol, for the hosts that profiles serve"),
		l.protocol(ctx, "docker", "get|store|erase|list", "docker and its kin: a credential helper, for the registries that profiles serve"),
		l.protocol(ctx, "bazel", "get", "Bazel: a credential helper, for the hosts that profiles serve"),
		l.protocol(ctx, "goauth", "[URL]", "the go command: GOAUTH, for the hosts that profiles serve"),
	)
	root.SetHelpCommandGroupID("people")
	root.SetCompletionCommandGroupID("people")
	l.completeValues(root)
	return root
}

// line is a command line under way.
type line struct {
	world
	*settings
	table []setting
	flags *pflag.FlagSet
	code  int // the exit status
}

func (l *line) root() *cobra.Command {
	asked := false
	root := &cobra.Command{
		Use:           program,
		Short:         "Log in once in the browser; every program gets the token",
		SilenceErrors: true, SilenceUsage: true,
		Args: noWords,
		RunE: func(*cobra.Command, []string) error {
			if asked {
				return l.showVersion()
			}
			return usage(program+" --help", "which command? "+program+" is run by programs that need a token, or by you with a command such as login")
		},
	}
	// Not cobra's own: its template makes the linker keep every method of every type.
	root.Flags().BoolVarP(&asked, "version", "v", false, "version for "+program)
	root.PersistentFlags().AddFlagSet(l.flags)
	root.SetOut(l.stdout)
	root.SetErr(l.stderr)
	root.SetArgs(l.args[1:])
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { help(l.stdout, c, l.table, l.configPath()) })
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(c, err, l.table) })
	return root
}

// run has a command do f with the settings.
func (l *line) run(f func(*call) error) func(*cobra.Command, []string) error {
	return func(*cobra.Command, []string) error {
		l.take(l.flags)
		l.code = with(l.world, l.settings, l.table, f)
		return nil
	}
}

// flyte is a command for which Flyte's configuration counts.
func (l *line) flyte(c *cobra.Command) *cobra.Command {
	return before(c, func() { l.ofFlyte = true })
}

// anyway is a command that tells of a broken configuration, and goes on: what is kept
// does not depend on it.
func (l *line) anyway(c *cobra.Command) *cobra.Command {
	return before(c, func() { l.lenient = true })
}

// before has f done first.
func before(c *cobra.Command, f func()) *cobra.Command {
	next := c.PreRun
	c.PreRun = func(c *cobra.Command, args []string) {
		f()
		if next != nil {
			next(c, args)
		}
	}
	return c
}

// person is a command that people run.
func (l *line) person(name, short string, f func(*call) error) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, GroupID: "people", Args: noWords, RunE: l.run(f)}
}

// program is a command that programs run.
func (l *line) program(ctx context.Context, name, short string, answer answerer, aliases ...string) *cobra.Command {
	c := &cobra.Command{Use: name, Aliases: aliases, Short: short, GroupID: "programs", Args: noWords}
	c.RunE = func(*cobra.Command, []string) error {
		l.take(l.flags)
		l.code = give(ctx, l.world, l.settings, l.table, answer)
		return nil
	}
	return c
}

// protocol is a command whose caller names a host. What it cannot do is said as its
// caller wants to hear it.
func (l *line) protocol(ctx context.Context, name, words, short string) *cobra.Command {
	c := &cobra.Command{Use: name + " " + words, Short: short, GroupID: "programs", Args: cobra.ArbitraryArgs}
	c.RunE = func(_ *cobra.Command, args []string) error {
		l.take(l.flags)
		l.code = protocols()[name](ctx, &desk{world: l.world, settings: l.settings, table: l.table, words: args})
		return nil
	}
	return c
}

func (l *line) token(ctx context.Context) *cobra.Command {
	c := l.program(ctx, "token", "Flyte's clients and scripts: the bare token", token)
	l.addTokenFlags(c.Flags())
	completeList(c, c.Flags().Lookup("output"))
	return c
}

// runs is run: its command line belongs to somebody else from its first word on.
func (l *line) runs(ctx context.Context) *cobra.Command {
	name := execcred.TokenVariable
	c := &cobra.Command{Use: "run -- COMMAND...", Short: "Run a command that finds the token in its environment", GroupID: "programs", Args: cobra.ArbitraryArgs}
	c.RunE = func(_ *cobra.Command, args []string) error {
		l.take(l.flags)
		l.forProgram = true
		code := 0 // the command's own
		l.code = cmp.Or(with(l.world, l.settings, l.table, func(call *call) (err error) {
			code, err = call.run(ctx, name, args)
			return err
		}), code)
		return nil
	}
	c.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	c.Flags().SetInterspersed(false)
	c.Flags().StringVar(&name, "env", name, "the environment variable that has the token")
	return c
}

func (l *line) logout(ctx context.Context) *cobra.Command {
	all := false
	c := l.person("logout", "Revoke and forget the login", func(c *call) error { return logout(ctx, c, all) })
	c.Flags().BoolVar(&all, "all", false, "every login that is kept, not just this one")
	return c
}

func (l *line) status(ctx context.Context) *cobra.Command {
	asJSON := false
	c := l.person("status", "List the logins that are kept", func(c *call) error { return status(ctx, c, asJSON) })
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON, for scripts")
	return c
}

func (l *line) version() *cobra.Command {
	c := l.person("version", "Print the version and the commit", nil)
	c.RunE = func(*cobra.Command, []string) error { return l.showVersion() }
	return c
}

func (l *line) showVersion() error {
	_, err := fmt.Fprintln(l.stdout, program, versionLine())
	return err
}

// wrongCommand reports what cobra could not make sense of.
func wrongCommand(w world, err error) int {
	var u *usageError
	if !errors.As(err, &u) {
		err = usage(program+" --help", "%s", err)
	}
	return failed(w, err, "")
}

// noWords refuses words that are no flags. What looks like a host may be meant for
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
		return usage(c.CommandPath()+" --help", "there is no command %s%s", oauth.Printable(args[0]), suggestion(args[0], names))
	}
	hint := c.CommandPath() + " --help"
	if strings.ContainsAny(args[0], ".:") {
		hint = c.CommandPath() + " --endpoint " + pasted(args[:1])
	}
	return usage(hint, "%s takes flags only, and not the word %s", c.Name(), oauth.Printable(args[0]))
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
		if unknown.GetSpecifiedShortnames() != "" {
			return usage(c.CommandPath()+" --help", "there is no flag -%s: flags are words, such as --output", name)
		}
		return usage(c.CommandPath()+" --help", "there is no flag --%s%s", name, suggestion("--"+name, names))
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return usage(c.CommandPath()+" --help", "--%s %v", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return usage(c.CommandPath()+" --help", "%s", err)
}

// help prints a command, and under it every setting with its variable.
func help(out io.Writer, c *cobra.Command, table []setting, configPath string) {
	command := ""
	if c.HasSubCommands() {
		command = " COMMAND"
	}
	rest := strings.TrimPrefix(c.Use, c.Name())
	_, _ = fmt.Fprintf(out, "%s\n\nUsage: %s%s [flags]%s\n", c.Short, c.CommandPath(), command, rest)
	groups := c.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands"}}
	}
	for _, g := range groups {
		helpGroup(out, c, g)
	}
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		name := f.Name
		switch kind := f.Value.Type(); kind {
		case "bool":
		case "string":
			name += " NAME"
		default:
			name += " " + kind
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
	name, value := s.flag()
	_, _ = fmt.Fprintf(out, "  %s\n        %s\n        %s\n", strings.TrimSpace(name+" "+value), s.description(), variable(s.name))
}

// flag is the setting's flag and what its value is called; a bool has none.
func (s setting) flag() (name, value string) {
	if _, ok := s.value.(boolValue); ok {
		return "--" + s.name, ""
	}
	return "--" + s.name, s.value.Type()
}

// description is the setting's usage, with its default if that is not in the text.
func (s setting) description() string {
	switch v := s.value.(type) {
	case listValue, portsValue, mapValue:
		return s.usage + " (repeatable)"
	case oneOf, durationValue:
		if d := v.String(); d != "" && d != "0s" {
			return s.usage + " (default " + d + ")"
		}
	}
	return s.usage
}
