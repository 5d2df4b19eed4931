package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// requireShell makes the completion command an error if it does not name a known shell. By
// default cobra prints the help on stdout and succeeds, and a shell would source that.
func requireShell(c *cobra.Command) {
	c.Args, c.Example = cobra.ArbitraryArgs, "completion bash > ~/.local/share/bash-completion/completions/"+config.Program
	c.RunE = func(_ *cobra.Command, args []string) error {
		problem := "completion needs a shell:"
		if len(args) > 0 {
			problem = "there is no completion for " + oauth.Printable(args[0]) + ": use"
		}
		return config.Errorf(config.Command(config.Program, "completion", "bash"), "%s bash, zsh, fish or powershell", problem)
	}
}

// requireTopic makes help an error if it names an unknown command. By default cobra prints the
// help of the program and succeeds.
func requireTopic(c *cobra.Command) {
	c.Args, c.Example = func(_ *cobra.Command, args []string) error {
		root := c.Root()
		if found, _, err := root.Find(args); err != nil || found == root && len(args) > 0 {
			return unknownCommand(root, args[0])
		}
		return nil
	}, "help login"
}

// command returns the command of that name, which cobra has added to root.
func command(root *cobra.Command, name string) *cobra.Command {
	c, _, err := root.Find([]string{name})
	if err != nil {
		panic(err)
	}
	return c
}

// completeValues sets what a shell offers as the value of each setting: the values of a list,
// the profiles of the configuration, files for a path. Other values complete to nothing,
// because file names would be wrong there.
func (a *app) completeValues(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	for _, s := range config.Table() {
		switch {
		case s.Name == "profile":
			complete(root, s.Name, namesFrom(a.profileNames))
		case s.Kind == config.Path:
			complete(root, s.Name, fileNames())
		default:
			complete(root, s.Name, listed(root.PersistentFlags().Lookup(s.Name)))
		}
	}
}

// complete offers values for a flag of c.
func complete(c *cobra.Command, flag string, values cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, values); err != nil {
		panic(err) // it is not a flag of c, or is registered twice
	}
}

// listed offers the values of a flag that takes one of a list.
func listed(f *pflag.Flag) cobra.CompletionFunc {
	values, _ := f.Value.(config.OneOf)
	return cobra.FixedCompletions(values.List, cobra.ShellCompDirectiveNoFileComp)
}

// namesFrom offers what names returns.
func namesFrom(names func() []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return names(), cobra.ShellCompDirectiveNoFileComp
	}
}

// fileNames offers files.
func fileNames() cobra.CompletionFunc {
	return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
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
