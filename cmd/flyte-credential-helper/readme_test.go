package main

import (
	"os"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/caller"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

// The README tells of every setting, and of none that is not there.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"--all": true, "--json": true, "--help": true, "--long": true, "--from-kubelogin": true, "--undo": true}
	for _, other := range []string{"--global", "--credential", "--config"} { // git's, Bazel's and curl's
		known[other] = true
	}
	for _, name := range caller.Token().OwnFlags {
		known["--"+name] = true
	}
	for _, s := range config.Table() {
		known["--"+s.Name] = true
		if !strings.Contains(string(text), "`--"+s.Name) {
			t.Errorf("the README does not tell of --%s", s.Name)
		}
	}
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) {
		if strings.HasPrefix(word, "--") && strings.Trim(word, "-") != "" && !known[word] {
			t.Errorf("the README tells of %s, which is not there", word)
		}
	}
}
