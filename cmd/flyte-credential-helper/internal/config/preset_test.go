package config

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// update has a test write the document that it compares.
var update = flag.Bool("update", false, "write the generated documents")

// Every preset is made of settings that exist, in values that they take, names
// its server or says what one looks like, and has its name in the settings' list.
func TestPresets(t *testing.T) {
	var names []string
	for _, p := range presets() {
		names = append(names, p.name)
		r := &resolver{out: &Resolved{Settings: defaults()}, table: Table()}
		s := r.out
		if _, err := r.apply(presetLevel(p.name), anyServer(), func(Setting) bool { return true }); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
		for name, words := range p.settings {
			if !clusterMaySet(row(name)) || len(words) == 0 {
				t.Errorf("%s: %s=%q is not for a preset", p.name, name, words)
			}
		}
		if s.Issuer == "" && s.AuthEndpoint == "" && p.issuerForm == "" || len(p.notes) == 0 {
			t.Errorf("%s says neither where the server is nor what to register", p.name)
		}
		if s.ClientID != "" {
			t.Errorf("%s names a client", p.name)
		}
	}
	if !slices.Equal(names, providers()) || !slices.IsSorted(names) {
		t.Errorf("the presets are %q, the setting takes %q", names, providers())
	}
}

// docs/providers.md says what the table says.
func TestProvidersDocument(t *testing.T) {
	const path = "../../../../docs/providers.md"
	want := providersDocument()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the table says (%v): go test ./cmd/flyte-credential-helper/internal/config -run TestProvidersDocument -update", path, err)
	}
}

func providersDocument() string {
	var b strings.Builder
	b.WriteString(`# Identity providers

` + "`--provider NAME`" + ` sets what one kind of server needs. Flags, variables, profiles and the cluster in a kubeconfig have
precedence over it. A preset names no client. An administrator registers a client at the server, as each section describes,
and users give its ID with ` + "`--client-id`" + `. The presets follow the documentation of the providers. The tests do not
contact these services.

If your server is not in this list, register a public client with the redirect URI http://127.0.0.1, for any port. If the server
compares ports, register http://localhost:8000 and give ` + "`--redirect-uri http://localhost:8000`" + `.
`)
	for _, p := range presets() {
		describePreset(&b, p)
	}
	return b.String()
}

func describePreset(b *strings.Builder, p preset) {
	fmt.Fprintf(b, "\n## %s\n\n```console\n$ flyte-credential-helper login --provider %s", p.title, p.name)
	if p.issuerForm != "" && p.settings["issuer"] == nil {
		fmt.Fprintf(b, " --issuer %s", p.issuerForm)
	}
	b.WriteString(" --client-id ID")
	for _, note := range p.notes {
		if strings.Contains(note, "`client-secret-file`") {
			b.WriteString(" --client-secret-file FILE")
		}
	}
	b.WriteString("\n```\n\n")
	for _, note := range p.notes {
		fmt.Fprintf(b, "* %s\n", note)
	}
	if p.issuerForm != "" && p.settings["issuer"] != nil {
		fmt.Fprintf(b, "* For your own instance, add `--issuer %s`.\n", p.issuerForm)
	}
	if len(p.settings) == 0 && p.gitUsername == "" {
		b.WriteString("\nThis preset sets nothing, because the defaults of the program are correct for such servers.\n")
		return
	}
	b.WriteString("\n| setting | value |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(p.settings)) {
		fmt.Fprintf(b, "| `%s` | `%s` |\n", name, strings.Join(p.settings[name], "`, `"))
	}
	if p.gitUsername != "" {
		fmt.Fprintf(b, "| the user name for git | `%s` |\n", p.gitUsername)
	}
}
