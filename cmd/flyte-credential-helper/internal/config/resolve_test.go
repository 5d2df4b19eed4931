package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// resolveTable is testdata/resolve.json: the variants of each part of an input, by name, and
// cases. A case names a variant of each part and a mode, and says what comes of it.
type resolveTable struct {
	Args    map[string][]string
	Env     map[string]map[string]string // without the prefix of the names
	Config  map[string]*string           // config.yaml; null: there is none
	Cluster map[string]string
	Flyte   map[string]map[string]string // files, by their path at home; null: they do not count
	Cases   [][7]string
}

// Each level has precedence over those below it, the server comes from one level, and what
// is wrong is an error that says where.
func TestResolve(t *testing.T) {
	var table resolveTable
	text, err := os.ReadFile("testdata/resolve.json")
	if err == nil {
		err = json.Unmarshal(text, &table)
	}
	if err != nil || len(table.Cases) < 100 {
		t.Fatalf("%d cases: %v", len(table.Cases), err)
	}
	for _, c := range table.Cases {
		home := t.TempDir()
		line, in := table.input(t, c, home)
		before := fmt.Sprint(*line)
		r, err := Resolve(in)
		got := strings.ReplaceAll(describe(r, err), home, "$HOME")
		if diff := cmp.Diff(c[6], got); diff != "" {
			t.Errorf("args %s, env %s, config %s, cluster %s, flyte %s, mode %s (-want +got):\n%s", c[0], c[1], c[2], c[3], c[4], c[5], diff)
		}
		if again, err := Resolve(in); strings.ReplaceAll(describe(again, err), home, "$HOME") != got || fmt.Sprint(*line) != before {
			t.Errorf("%q: a second call gives another result, or the command line has changed", c[:6])
		}
	}
}

// input is the input of a case.
func (table *resolveTable) input(t *testing.T, c [7]string, home string) (*CommandLine, Input) {
	t.Helper()
	args, files := table.Args[c[0]], table.Flyte[c[4]]
	flags := NewFlags(Among(args))
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	environ := []string{"HOME=" + home}
	for _, name := range slices.Sorted(maps.Keys(table.Env[c[1]])) {
		environ = append(environ, variables+name+"="+table.Env[c[1]][name])
	}
	in := Input{
		CommandLine: flags.CommandLine(), Environ: environ, Home: home, ConfigPaths: []string{filepath.Join(home, "c", Program, "config.yaml")},
		Cluster: ClusterInfo{Server: apiServer(t), Config: []byte(table.Cluster[c[3]])}, Args: append([]string{Program, "x"}, args...),
		ReadFile: func(string) ([]byte, error) {
			if text := table.Config[c[2]]; text != nil {
				return []byte(*text), nil
			}
			return nil, os.ErrNotExist
		},
		TolerateBadConfig: c[5] == "tolerate", CreatesProfile: c[5] == "creates", ServesHost: c[5] == "serves one",
		Profile: map[string]string{"serves one": "one", "profile two": "two"}[c[5]],
	}
	if c[5] == "has login" {
		in.HasLogin = func(endpoint string) bool { return endpoint == "flyte.tree" }
	}
	if files != nil {
		in.Flyte = func(endpoint string) (*flyte.Source, error) {
			return flyte.FindSource(flyte.Env{Environ: environ, Home: home, Dir: filepath.Join(home, "project"), Endpoint: endpoint})
		}
	}
	return in.CommandLine, in
}

// apiServer is the API server of the clusters in tests.
func apiServer(t *testing.T) execcred.Host {
	t.Helper()
	h, err := execcred.ParseHost("https", "api.example.com:6443")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// describe is what Resolve returned.
func describe(r *Resolved, err error) string {
	if err != nil {
		return "error: " + describeError(err)
	}
	var lines []string
	for _, row := range Table() {
		if r.IsSet(row.Name) {
			lines = append(lines, fmt.Sprintf("%s=%s", row.Name, row.value(&r.Settings)))
		}
	}
	if r.ProfileInUse != "" {
		lines = append(lines, "profile in use: "+r.ProfileInUse)
	}
	if r.NewProfile != "" {
		lines = append(lines, "new profile: "+r.NewProfile)
	}
	if r.NoServer != nil {
		lines = append(lines, "no server: "+describeError(r.NoServer))
	}
	lines = append(lines, "given: "+strings.Join(r.GivenFlags(), " "))
	var inherited []string
	for _, name := range r.Inherited() {
		inherited = append(inherited, r.Flag(name)...)
	}
	lines = append(lines, "inherited: "+strings.Join(inherited, " "))
	if f := r.Flyte; f != nil {
		lines = append(lines, fmt.Sprintf("flyte: %s plaintext=%s client=%s secret=%v", f.Source, f.Plaintext, f.Client, f.Secret != nil))
	}
	if r.Untrusted != "" {
		lines = append(lines, "untrusted: "+r.Untrusted)
	}
	if r.BadConfig != nil {
		lines = append(lines, "warning: "+r.BadConfig.Error())
	}
	for _, words := range r.Warnings {
		lines = append(lines, "warning: "+words)
	}
	for _, words := range r.Notes {
		lines = append(lines, "note: "+words)
	}
	return strings.Join(lines, "\n")
}

func describeError(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Problem + " | " + e.Hint.String()
	}
	return "? " + err.Error()
}
