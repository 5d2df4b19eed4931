package cli

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// update makes the test write the document that it compares.
var update = flag.Bool("update", false, "write the generated documents")

const manPage = "../../../../docs/man/flyte-credential-helper.1"

// The man page is made from the command tree and the table of settings.
func TestManPage(t *testing.T) {
	var page bytes.Buffer
	release := Release{}
	root := newApp(system.Env{Args: []string{config.Program}}, release, callers()).root()
	root.InitDefaultCompletionCmd()
	writeManPage(&page, root, config.Table())
	if *update {
		if err := os.WriteFile(manPage, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), page.String()); diff != "" {
		t.Errorf("%s is out of date (-file +commands): go test ./cmd/flyte-credential-helper/internal/cli -run TestManPage -update\n%s", manPage, diff)
	}
}

// writeManPage writes the page in the man macros of roff, man(7).
func writeManPage(w io.Writer, root *cobra.Command, table []config.Setting) {
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	put(".TH FLYTE\\-CREDENTIAL\\-HELPER 1\n.SH NAME\n%s \\- %s\n", roff(root.Name()), roff(strings.ToLower(root.Short[:1])+root.Short[1:]))
	put(".SH SYNOPSIS\n.B %s\n.I COMMAND\n[\\fIflags\\fR]\n.SH COMMANDS\n", roff(root.Name()))
	writeManCommands(put, root)
	put(".SH SETTINGS\nEach setting is a flag, an environment variable and, without the dashes, a key of a profile in\n.IR config.yaml .\n" +
		"The command line has precedence over the environment, and the environment over the profile.\n")
	group := ""
	for _, s := range table {
		if s.Group != group {
			group = s.Group
			put(".SS %s\n", roff(group))
		}
		name, value := s.Flag()
		put(".TP\n%s\n%s\n.br\n.B %s\n", manFlag(name, value), roff(s.Description()), roff(config.Variable(s.Name)))
	}
	put(".SH FILES\n")
	for _, f := range files() {
		put(".TP\n.I %s\n%s\n", roff(f.name), roff(plainText(f.text)))
	}
	put(".SH EXIT STATUS\n")
	for _, e := range exitStatuses() {
		put(".TP\n%s\n%s\n", roff(e.name), roff(plainText(e.text)))
	}
}

// writeManCommands writes the commands below c that can be run, with the flags that only
// they have.
func writeManCommands(put func(string, ...any), c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.HasAvailableSubCommands() {
			writeManCommands(put, sub)
			continue
		}
		rest := strings.TrimPrefix(sub.Use, sub.Name())
		path := strings.TrimPrefix(sub.CommandPath(), config.Program+" ")
		put(".SS %s\\fR\\fI%s\\fR\n%s\n", roff(path), roff(rest), roff(sub.Short))
		sub.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" {
				return
			}
			value := f.Value.Type()
			switch value {
			case "bool":
				value = ""
			case "string":
				value = strings.ToUpper(f.Name)
			case "stringArray":
				value = "URL"
			}
			put(".TP\n%s\n%s\n", manFlag("--"+f.Name, value), roff(f.Usage))
		})
	}
}

// manFlag is a flag in bold, with its value in italics.
func manFlag(name, value string) string {
	if value == "" {
		return ".B " + roff(name)
	}
	return fmt.Sprintf(".BI %s \" %s\"", roff(name), roff(value))
}

// roff escapes text, which is not the beginning of a macro.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}
