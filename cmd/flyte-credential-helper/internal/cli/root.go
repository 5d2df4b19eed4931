package cli

import (
	"context"
	"encoding/json"
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
	groupCommands = "commands"
	groupHelpers  = "helpers"
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

// exited is the exit status of a command that has reported its error already.
type exited int

func (exited) Error() string { return "" }

// runCobra runs a command line with cobra: the commands for users, --help, and command
// lines that cannot be used.
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

// root returns the command tree.
func (a *app) root() *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:           config.Program,
		Short:         "Log in once in the browser, and give the token to other programs",
		SilenceErrors: true, SilenceUsage: true,
		Args: a.noWords,
		RunE: func(*cobra.Command, []string) error {
			if showVersion {
				return a.showVersion()
			}
			return config.Errorf(config.Command(config.Program, "--help"), "a command is needed, such as login")
		},
	}
	// Cobra's own version flag uses a template, which makes the linker keep every method of
	// every type.
	root.Flags().BoolVarP(&showVersion, "version", "v", false, "print the version and the commit")
	root.PersistentFlags().AddFlagSet(a.flags.FlagSet)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetArgs(a.env.Args[1:])
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		help(a.env.Stdout, c, config.Table(), config.ConfigPath(a.env))
	})
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: groupCommands, Title: "Commands"}, &cobra.Group{ID: groupHelpers, Title: "Credential helpers"})
	root.AddCommand(a.loginCommand(), a.logoutCommand(), a.setupCommand(), a.statusCommand(), a.doctorCommand(), a.versionCommand())
	for _, c := range a.callers {
		root.AddCommand(a.callerCommand(c))
	}
	root.AddCommand(a.runCommand())
	root.SetHelpCommandGroupID(groupCommands)
	root.SetCompletionCommandGroupID(groupCommands)
	root.InitDefaultCompletionCmd()
	requireShell(command(root, "completion"))
	root.InitDefaultHelpCmd()
	requireTopic(command(root, "help"))
	a.completeValues(root)
	return root
}

// userCommand returns a command that users run, without RunE.
func (a *app) userCommand(name, short string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, GroupID: groupCommands, Args: a.noWords}
}

// callerCommand returns the command of a caller, for command lines that answerFast declines.
// It reports errors in the caller's protocol.
func (a *app) callerCommand(row callerRow) *cobra.Command {
	c := &cobra.Command{Use: row.Name, Aliases: row.Aliases, Short: row.Short, Example: row.Example, GroupID: groupHelpers, Args: a.noWords}
	if row.Words != "" {
		c.Use, c.Args = row.Name+" "+row.Words, cobra.ArbitraryArgs
	}
	answer := row.New(c.Flags())
	c.RunE = func(cmd *cobra.Command, args []string) error {
		call := caller.Call{Env: a.env, Input: input(a.env, a.flags.CommandLine(), row.ReadsFlyte), Words: args, Version: a.release.version}
		return exit(respond(cmd.Context(), a.env, row, answer, call))
	}
	for _, name := range row.OwnFlags {
		complete(c, name, listed(c.Flags().Lookup(name)))
	}
	return c
}

// exit returns the error for an exit status, or nil for success.
func exit(status int) error {
	if status == exitOK {
		return nil
	}
	return exited(status)
}

// needs says how a command resolves its settings.
type needs struct {
	flyte    bool     // read Flyte's own configuration
	tolerate bool     // make an error in the configuration file a warning
	creates  bool     // --profile may name a profile that does not exist yet
	environ  []string // replaces the environment; nil: the environment
}

// run runs f with the settings, and reports its error. f returns the exit status of the
// command that it ran, if it ran one.
func (a *app) run(p login.Policy, n needs, f func(*config.Resolved, login.Policy) (int, error)) error {
	r, err := login.Resolve(a.input(p, n), p, a.env)
	status := exitOK
	if err == nil {
		if r.BadConfig != nil {
			report(a.env, r.BadConfig, hintOf(r.BadConfig))
		}
		status, err = f(r, p)
		err = login.Explain(err, r, p, a.env)
	}
	if err != nil {
		status = fail(a.env, err)
	}
	return exit(status)
}

// print writes a document as text, or as JSON for scripts.
func (a *app) print(text string, document any, asJSON bool) error {
	if asJSON {
		encoded, err := json.MarshalIndent(document, "", "  ")
		if err != nil {
			return err
		}
		text = string(encoded) + "\n"
	}
	return a.env.Write(text)
}

// jsonFlag adds the flag --json.
func jsonFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print JSON, for scripts")
}

// input returns the input from which the settings of a user's command are resolved.
func (a *app) input(p login.Policy, n needs) config.Input {
	env := a.env
	if n.environ != nil {
		env.Environ = func() []string { return n.environ }
	}
	in := input(env, a.flags.CommandLine(), n.flyte)
	in.Cluster = caller.Cluster(env.Getenv(caller.ExecInfo))
	in.TolerateBadConfig, in.CreatesProfile, in.Command = n.tolerate, n.creates, p.Command
	return in
}

// noWords is the Args of commands that take flags only. Its hints cover three mistakes: a
// flag without its value, a host without --endpoint, and a profile without --profile.
func (a *app) noWords(c *cobra.Command, args []string) error {
	if err := missingValue(c); err != nil || len(args) == 0 {
		return err
	}
	if c.HasSubCommands() {
		return unknownCommand(c, args[0])
	}
	hint := helpOf(c)
	switch word := args[0]; {
	case slices.Contains(a.profileNames(), word):
		hint = config.Command(a.withFlag("--profile", word)...)
	case strings.Contains(word, "://"): // of an endpoint or of an issuer
		hint = config.Hint{Command: a.withFlag("--endpoint", word), Alternative: a.withFlag("--issuer", word)}
	case strings.ContainsAny(word, ".:"):
		hint = config.Command(a.withFlag("--endpoint", word)...)
	}
	name := strings.TrimPrefix(c.CommandPath(), config.Program+" ")
	return config.Errorf(hint, "%s takes only flags, not the word %s", name, oauth.Printable(args[0]))
}

// withFlag returns the command line of this call with a flag before one of its words.
func (a *app) withFlag(flag, word string) []string {
	words := append([]string{config.Program}, a.env.Args[1:]...)
	return slices.Insert(words, slices.Index(words, word), flag)
}

// unknownCommand returns the error for a word that is no command below c.
func unknownCommand(c *cobra.Command, word string) error {
	var names []string
	parent := strings.TrimPrefix(c.CommandPath()+" ", config.Program+" ")
	for _, sub := range c.Commands() {
		if slices.Contains(sub.SuggestFor, word) {
			return config.Errorf(config.Command(append([]string{config.Program}, strings.Fields(sub.Example)...)...), "there is no command %s%s: use %s%s", parent, word, parent, sub.Name())
		}
		names = append(names, sub.Name())
	}
	return config.Errorf(helpOf(c), "there is no command %s%s%s", parent, oauth.Printable(word), config.Suggestion(word, names))
}

// missingValue returns an error if the value of a flag is the name of another flag, as in
// "login --issuer --client-id x".
func missingValue(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		name, found := strings.CutPrefix(f.Value.String(), "--")
		if found && err == nil && c.Flags().Lookup(name) != nil {
			err = config.Errorf(helpOf(c), "--%s has no value: --%s follows it", f.Name, name)
		}
	})
	return err
}

// flagError suggests a flag for one that does not exist, and explains why a secret has
// none. It does not repeat the value, which may be secret.
func flagError(c *cobra.Command, err error) error {
	var (
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		unknown *pflag.NotExistError
	)
	switch {
	case errors.As(err, &missing):
		return config.Errorf(helpOf(c), "--%s has no value", missing.GetSpecifiedName())
	case errors.As(err, &invalid):
		return config.Errorf(helpOf(c), "--%s %v", invalid.GetFlag().Name, invalid.Unwrap())
	case !errors.As(err, &unknown):
		return config.Errorf(helpOf(c), "%s", err)
	}
	name := unknown.GetSpecifiedName()
	if slices.Contains([]string{"client-secret", "password", "token", "refresh-token"}, name) {
		return config.Errorf(config.Text("write the secret to a file that only you can read, and use --client-secret-file FILE"), "a secret cannot be the value of a flag: other users can read command lines")
	}
	if ours := fromKubelogin(name); ours != "" {
		return config.Errorf(config.Command(config.Program, "setup", "kubernetes", "--from-kubelogin"), "--%s is a flag of kubelogin; here it is --%s", name, ours)
	}
	word, _, _ := strings.Cut(unknown.GetSpecifiedShortnames(), "=")
	switch {
	case word == "":
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return config.Errorf(helpOf(c), "there is no flag --%s%s", name, config.Suggestion("--"+name, names))
	case c.Flags().Lookup(word) != nil:
		return config.Errorf(helpOf(c), "there is no flag -%s: did you mean --%s?", word, word)
	}
	return config.Errorf(helpOf(c), "there is no flag -%s: use long flags, such as --output", name)
}

// fromKubelogin returns the setting for a flag of kubelogin's get-token, or "".
// https://github.com/int128/kubelogin/blob/master/docs/usage.md
func fromKubelogin(flag string) (setting string) {
	return map[string]string{
		"oidc-issuer-url":                "issuer",
		"oidc-client-id":                 "client-id",
		"oidc-client-secret":             "client-secret-file",
		"oidc-extra-scope":               "scope",
		"oidc-redirect-url":              "redirect-uri",
		"oidc-auth-request-extra-params": "auth-param",
		"oidc-request-header":            "header",
		"oidc-use-access-token":          "token-kind",
		"listen-address":                 "redirect-port",
		"certificate-authority":          "ca-file",
		"insecure-skip-tls-verify":       "insecure-skip-verify",
		"skip-open-browser":              "no-browser",
		"browser-command":                "browser",
		"grant-type":                     "grant",
		"authentication-timeout-sec":     "login-timeout",
		"token-cache-storage":            "store",
	}[flag]
}

// helpOf returns the hint to read a command's help.
func helpOf(c *cobra.Command) config.Hint {
	return config.Command(append(strings.Fields(c.CommandPath()), "--help")...)
}
