package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/go.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the code blocks of a language.
func blocks(document, language string) (all []string) {
	for _, b := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(document, -1) {
		all = append(all, b[1])
	}
	return all
}

// Each Go snippet of docs/go.md is a part of a file that is compiled.
func TestSnippets(t *testing.T) {
	root := filepath.Join("..", "..")
	var compiled strings.Builder
	for _, pattern := range []string{"hack/examples/*/main.go", "pkg/*/example_test.go", "pkg/oauth/*/example_test.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compiled.Write(text)
		}
	}
	snippets := blocks(document(t), "go")
	if len(snippets) < 4 {
		t.Errorf("%d snippets were found", len(snippets))
	}
	for _, snippet := range snippets {
		if !strings.Contains(compiled.String(), snippet) {
			t.Errorf("no file contains this snippet:\n%s", snippet)
		}
	}
}

// docs/go.md lists the modules that a program gets, on any system.
func TestModules(t *testing.T) {
	lists := blocks(document(t), "text")
	if len(lists) != 1 {
		t.Fatalf("%d lists of modules", len(lists))
	}
	want := strings.Fields(lists[0])
	if diff := cmp.Diff(want, modules(t, "cache", "execcred", "oauth")); diff != "" {
		t.Errorf("-docs/go.md +linked:\n%s", diff)
	}
	want = append(want, "github.com/goccy/go-yaml", "github.com/kballard/go-shellquote")
	slices.Sort(want)
	if diff := cmp.Diff(want, modules(t, "cache", "execcred", "oauth", "oauth/flyte")); diff != "" {
		t.Errorf("with pkg/oauth/flyte, -docs/go.md +linked:\n%s", diff)
	}
}

// modules returns the modules that the packages link on some system, without this one.
func modules(t *testing.T, packages ...string) (all []string) {
	t.Helper()
	const module = "github.com/flyteorg/flyte-credential-helper"
	args := []string{"list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}
	for _, p := range packages {
		args = append(args, module+"/pkg/"+p)
	}
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(out))...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(path string) bool { return path == module })
}
