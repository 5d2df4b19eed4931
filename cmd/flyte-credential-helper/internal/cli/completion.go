package cli

import (
	"os"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completeValues says what a shell offers as the value of each setting and of the
// output flag: the list of a oneOf, the configuration's profiles, files for a path.
// Other values complete to nothing, because file names would be wrong there.
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

// profileNames are the profiles of the configuration, or none if it cannot be read: a shell
// has no place for an error.
func (a *app) profileNames() []string {
	file, err := config.ReadFile(config.ConfigPath(a.env), os.ReadFile)
	if err != nil {
		return nil
	}
	return file.Names()
}
