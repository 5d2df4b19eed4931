package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints the help of a command: its usage, an example, its commands, its flags and, for
// the commands that log in, all settings.
func help(out io.Writer, c *cobra.Command, table []config.Setting, configPath string) {
	command := ""
	if c.HasSubCommands() {
		command = " COMMAND"
	}
	rest := strings.TrimPrefix(c.Use, c.Name())
	_, _ = fmt.Fprintf(out, "%s\n\nUsage: %s%s [flags]%s\n", c.Short, c.CommandPath(), command, rest)
	if c.Example != "" {
		_, _ = fmt.Fprintf(out, "Example: %s %s\n", config.Program, c.Example)
	}
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
		_, _ = fmt.Fprintf(out, "\nFor the settings, run: %s --help\n", config.Program)
		return
	}
	group := ""
	for _, s := range table {
		if s.Group != group {
			group = s.Group
			_, _ = fmt.Fprintf(out, "\n%s:\n", group)
		}
		helpSetting(out, s)
	}
	_, _ = fmt.Fprintf(out, "\nA setting can also be an environment variable or, without the dashes, a key of a profile in\n%s.\nThe command line overrides the environment, and the environment overrides the profile.\n", configPath)
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

func helpSetting(out io.Writer, s config.Setting) {
	name, value := s.Flag()
	_, _ = fmt.Fprintf(out, "  %s\n        %s\n        %s\n", strings.TrimSpace(name+" "+value), s.Description(), config.Variable(s.Name))
}
