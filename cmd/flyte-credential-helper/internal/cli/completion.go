package cli

import (
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// requireShell makes the completion command an error if it does not name a known shell. By
// default cobra prints the help on stdout and succeeds, and a shell would source that.
func requireShell(root *cobra.Command) {
	c, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // the caller has added the command
	}
	c.Args, c.Example = cobra.ArbitraryArgs, "completion bash > ~/.local/share/bash-completion/completions/"+config.Program
	c.RunE = func(_ *cobra.Command, args []string) error {
		hint := config.Command(config.Program, "completion", "bash")
		if len(args) > 0 {
			return config.Errorf(hint, "there is no completion for %s: use bash, zsh, fish or powershell", oauth.Printable(args[0]))
		}
		return config.Errorf(hint, "completion needs a shell: bash, zsh, fish or powershell")
	}
}

// requireTopic makes help an error if it names an unknown command. By default cobra prints the
// help of the program and succeeds.
func requireTopic(root *cobra.Command) {
	c, _, err := root.Find([]string{"help"})
	if err != nil {
		panic(err) // the caller has added the command
	}
	c.Args, c.Example = func(_ *cobra.Command, args []string) error {
		if found, _, err := root.Find(args); err != nil || found == root && len(args) > 0 {
			return unknownCommand(root, args[0])
		}
		return nil
	}, "help login"
}

// completeValues sets what a shell offers as the value of each setting and of the output
// flag: the values of a oneOf, the profiles of the configuration, files for a path. Other
// values complete to nothing, because file names would be wrong there.
func (a *app) completeValues(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	for _, s := range config.Table() {
		f := root.PersistentFlags().Lookup(s.Name)
		switch {
		case s.Name == "profile":
			completeFlag(root, f, a.profileNames)
		case s.Kind == config.Path:
			completeFiles(root, f)
		default:
			completeList(root, f)
		}
	}
}

// completeList offers the values of a flag that takes one of a list.
func completeList(c *cobra.Command, f *pflag.Flag) {
	if values := config.Values(f); values != nil {
		completeFlag(c, f, func() []string { return values })
	}
}

// completeFlag offers what names returns as values of c's flag f.
func completeFlag(c *cobra.Command, f *pflag.Flag, names func() []string) {
	register(c, f, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return names(), cobra.ShellCompDirectiveNoFileComp
	})
}

// completeFiles offers files as values of c's flag f.
func completeFiles(c *cobra.Command, f *pflag.Flag) {
	register(c, f, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault))
}

func register(c *cobra.Command, f *pflag.Flag, values cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(f.Name, values); err != nil {
		panic(err) // f is not a flag of c, or is registered twice
	}
}

// profileNames returns the profiles of the configuration, or none if it cannot be read:
// completion cannot report an error.
func (a *app) profileNames() []string {
	file, err := config.ReadFiles(config.ConfigPaths(a.env), readConfig)
	if err != nil {
		return nil
	}
	return file.Names()
}
