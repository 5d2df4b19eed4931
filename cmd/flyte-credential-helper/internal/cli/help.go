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

// help prints the help of a command: its usage, an example, its commands, its flags and the
// common settings. The help of the program has all settings.
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
		case "stringArray": // --pin
			name += " URL"
		default:
			name += " " + kind
		}
		_, _ = fmt.Fprintf(out, "\n  --%s\n        %s\n", name, f.Usage)
	})
	switch {
	case !c.HasParent():
		helpSettings(out, table, configPath)
	case takesSettings(c):
		_, _ = fmt.Fprint(out, "\nCommon settings:\n")
		for _, s := range table {
			if slices.Contains(commonSettings(), s.Name) {
				helpFlag(out, s)
			}
		}
		_, _ = fmt.Fprintf(out, "\nFor all settings, run: %s --help\n", config.Program)
	default:
		_, _ = fmt.Fprintf(out, "\nFor the settings, run: %s --help\n", config.Program)
	}
}

// takesSettings reports whether users often give settings to the command c. The other
// commands take them from a profile, or need none.
func takesSettings(c *cobra.Command) bool {
	return slices.Contains([]string{"login", "logout", "run", "kubernetes", "token"}, c.Name()) || c.Parent().HasParent()
}

// commonSettings are the names of the settings that most users need.
func commonSettings() []string {
	return []string{"profile", "endpoint", "issuer", "provider", "client-id", "scope", "grant", "interactive", "store", "log-level"}
}

// helpSettings prints all settings, with their environment variables.
func helpSettings(out io.Writer, table []config.Setting, configPath string) {
	group := ""
	for _, s := range table {
		if s.Group != group {
			group = s.Group
			_, _ = fmt.Fprintf(out, "\n%s:\n", group)
		}
		helpFlag(out, s)
		_, _ = fmt.Fprintf(out, "        %s\n", config.Variable(s.Name))
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

func helpFlag(out io.Writer, s config.Setting) {
	name, value := s.Flag()
	_, _ = fmt.Fprintf(out, "  %s\n        %s\n", strings.TrimSpace(name+" "+value), s.Description())
}
