package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/flyteorg/flyte-credential-helper"

func imports(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// The binary links just these packages. What is new here costs every call at
// its start: add it to the list on purpose, or not at all.
func TestImports(t *testing.T) {
	want, err := os.ReadFile("testdata/imports.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := imports(t, ".")
	slices.Sort(got)
	if diff := cmp.Diff(strings.Fields(string(want)), got); diff != "" {
		t.Errorf("the binary's imports have changed (testdata/imports.txt has -, the binary +):\n%s", diff)
	}
}

// Who may know whom: the protocols and the ways to a token do not know each
// other, the cache knows only what a token is, and nothing knows the program.
func TestLayers(t *testing.T) {
	for pkg, allowed := range map[string][]string{
		"/pkg/execcred":              {"/pkg/execcred"},
		"/pkg/execcred/execcredtest": {"/pkg/execcred/execcredtest"}, // for other plugins too
		"/pkg/oauth":                 {"/pkg/oauth"},
		"/pkg/oauth/flyte":           {"/pkg/oauth/flyte", "/pkg/oauth"},
		"/pkg/cache":                 {"/pkg/cache", "/pkg/oauth"},
	} {
		for _, path := range imports(t, module+pkg) {
			if own, ok := strings.CutPrefix(path, module); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s", pkg, own)
			}
		}
	}
}

// Of the packages in hack, tests of the product import only the test environment.
func TestTestImports(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", `{{range .TestImports}}{{println .}}{{end}}{{range .XTestImports}}{{println .}}{{end}}`, module+"/cmd/...", module+"/pkg/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"/hack/testenv", "/hack/testenv/desktop"}
	found := 0
	for _, path := range strings.Fields(string(out)) {
		own, ok := strings.CutPrefix(path, module)
		if ok && strings.HasPrefix(own, "/hack/") && !slices.Contains(allowed, own) {
			t.Errorf("a test imports %s", own)
		}
		if slices.Contains(allowed, own) {
			found++
		}
	}
	if found == 0 {
		t.Error("no test imports the test environment: the search is wrong")
	}
}
