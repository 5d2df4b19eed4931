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

// The binary links these packages, and its own below internal. A new package costs every
// call at its start: add it to the list on purpose, or not at all.
func TestImports(t *testing.T) {
	want, err := os.ReadFile("testdata/imports.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := slices.DeleteFunc(imports(t, "."), func(path string) bool { return strings.Contains(path, "/internal/") && strings.HasPrefix(path, module) })
	slices.Sort(got)
	if diff := cmp.Diff(strings.Fields(string(want)), got); diff != "" {
		t.Errorf("the binary's imports have changed (testdata/imports.txt has -, the binary +):\n%s", diff)
	}
}

// The packages under pkg know neither the program nor each other, except as listed.
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

// Imports inside the program go one way: a package may import the packages that follow it
// in this list, and setup and caller do not import each other. edit and system import no
// package of this module.
func TestProgramLayers(t *testing.T) {
	const internal = module + "/cmd/flyte-credential-helper/internal/"
	order := []string{"cli", "doctor", "setup", "setup/kubelogin", "caller", "login", "config", "edit", "system"}
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, internal+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], internal)
		from := slices.Index(order, name)
		if from < 0 {
			t.Errorf("%s is not in the list of layers", name)
			continue
		}
		found++
		for _, path := range fields[1:] {
			imported, inside := strings.CutPrefix(path, internal)
			to := slices.Index(order, imported)
			switch {
			case inside && (to <= from || name == "setup" && imported == "caller" || name == "edit"):
				t.Errorf("%s imports %s", name, imported)
			case !inside && strings.HasPrefix(path, module) && (name == "edit" || name == "system"):
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
	if found != len(order) {
		t.Errorf("%d packages of %d were found", found, len(order))
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
