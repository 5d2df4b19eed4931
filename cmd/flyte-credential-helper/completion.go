package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completeValues says what a shell offers as the value of each setting and of the
// output flag: the list of a oneOf, the configuration's profiles, files for a path.
// Other values complete to nothing, because file names would be wrong there.
func (l *line) completeValues(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	for _, s := range l.table {
		f := root.PersistentFlags().Lookup(s.name)
		switch {
		case s.name == "profile":
			completeFlag(root, f, l.profileNames)
		case s.kind == path:
			completeFiles(root, f)
		default:
			completeList(root, f)
		}
	}
}

// completeList offers the values of a flag that takes one of a list.
func completeList(c *cobra.Command, f *pflag.Flag) {
	if v, ok := f.Value.(oneOf); ok {
		completeFlag(c, f, func() []string { return v.list })
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

// profileNames are the profiles of the configuration, or none if it cannot be read:
// a shell has no place for an error.
func (l *line) profileNames() []string {
	c, err := readConfig(l.configPath(), l.table)
	if err != nil {
		return nil
	}
	return c.names()
}

// contextNames are the contexts of the kubeconfig, or none if kubectl cannot be run.
func (l *line) contextNames(ctx context.Context) (names []string) {
	k, err := l.readKubeconfig(ctx)
	if err != nil {
		return nil
	}
	for _, c := range k.Contexts {
		names = append(names, c.Name)
	}
	return names
}

// userNames are the users of the kubeconfig, or none if kubectl cannot be run.
func (l *line) userNames(ctx context.Context) (names []string) {
	k, err := l.readKubeconfig(ctx)
	if err != nil {
		return nil
	}
	for _, u := range k.Users {
		names = append(names, u.Name)
	}
	return names
}
