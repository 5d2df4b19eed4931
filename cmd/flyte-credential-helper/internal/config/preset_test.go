package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// Every preset is made of settings that exist, in values that they take, names
// its server or says what one looks like, and has its name in the settings' list.
func TestPresets(t *testing.T) {
	if names := slices.Sorted(maps.Keys(presets())); !slices.Equal(names, providers()) {
		t.Errorf("the presets are %q, the setting takes %q", names, providers())
	}
	for name, p := range presets() {
		r := &resolver{out: newResolved(), table: Table()}
		s := r.out
		if _, err := r.apply(presetLevel(name), anyServer(), func(Setting) bool { return true }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for setting, words := range p.settings {
			if !clusterMaySet(row(setting)) || len(words) == 0 {
				t.Errorf("%s: %s=%q is not for a preset", name, setting, words)
			}
		}
		if s.Issuer == "" && s.AuthEndpoint == "" && p.issuerForm == "" {
			t.Errorf("%s does not say where the server is", name)
		}
		if s.ClientID != "" {
			t.Errorf("%s names a client", name)
		}
	}
}

// docs/providers.md has a section for each preset, with a command that names the server, and
// a table of exactly the preset's settings.
func TestProvidersDocument(t *testing.T) {
	const path = "../../../../docs/providers.md"
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(document), "\n## ")[1:]
	if len(sections) != len(providers()) {
		t.Fatalf("%s has %d sections, not one for each of %q", path, len(sections), providers())
	}
	for i, name := range providers() {
		p := presets()[name]
		want := "--provider " + name
		if p.issuerForm != "" && p.settings["issuer"] == nil {
			want += " --issuer " + p.issuerForm
		}
		if !strings.Contains(sections[i], want+" --client-id ID") || !strings.Contains(sections[i], p.issuerForm) {
			t.Errorf("%s: section %d has no command with %s", path, i+1, want)
		}
		var rows, described []string
		for _, setting := range slices.Sorted(maps.Keys(p.settings)) {
			rows = append(rows, fmt.Sprintf("| `%s` | `%s` |", setting, strings.Join(p.settings[setting], "`, `")))
		}
		if p.gitUsername != "" {
			rows = append(rows, fmt.Sprintf("| the user name for git | `%s` |", p.gitUsername))
		}
		for line := range strings.Lines(sections[i]) {
			if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| setting ") {
				described = append(described, strings.TrimSpace(line))
			}
		}
		if !slices.Equal(rows, described) {
			t.Errorf("%s: the table of %s is\n%s\nnot\n%s", path, name, strings.Join(described, "\n"), strings.Join(rows, "\n"))
		}
	}
}
