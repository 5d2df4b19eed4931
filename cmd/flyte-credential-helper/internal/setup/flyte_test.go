package setup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

// Only the entries that have to change do, whatever is around them.
func TestFlyteSteps(t *testing.T) {
	const command = "[flyte-credential-helper, token, \"--endpoint\", flyte.example.com]"
	entries := []flyteEntry{
		{key: "endpoint", value: "dns:///flyte.example.com", keeps: true}, {key: "insecure", value: "false", usual: "false"},
		{key: "authType", value: "ExternalCommand"}, {key: "command", value: command}, {key: "disableKeyring", value: "true"},
	}
	const set = "authType: ExternalCommand\n  command: " + command + "\n  disableKeyring: true\n"
	for name, test := range map[string]struct{ before, after string }{
		"nothing":       {"", "admin:\n  endpoint: dns:///flyte.example.com\n  insecure: false\n  " + set},
		"only comments": {"# mine\n", "# mine\nadmin:\n  endpoint: dns:///flyte.example.com\n  insecure: false\n  " + set},
		"no admin yet":  {"admin: # of admin\n", "admin: # of admin\n  endpoint: dns:///flyte.example.com\n  insecure: false\n  " + set},
		"replaced": {
			"admin:\n  authType: \"Pkce\" # as it's been\n  endpoint: x\n  command:\n  - a # one\n  - b\n  insecure: true\n  disableKeyring: false\n",
			"admin:\n  authType: ExternalCommand # as it's been\n  endpoint: x\n  command: " + command + "\n  insecure: false\n  disableKeyring: true\n",
		},
		"only others":   {"logger: {level: 0}", "logger: {level: 0}\nadmin:\n  endpoint: dns:///flyte.example.com\n  insecure: false\n  " + set},
		"more flags":    {"admin:\n  endpoint: x\n  command: [flyte-credential-helper, token, --endpoint, flyte.example.com, --account, me]\n", "admin:\n  endpoint: x\n  command: [flyte-credential-helper, token, --endpoint, flyte.example.com, --account, me]\n  authType: ExternalCommand\n  disableKeyring: true\n"},
		"small letters": {"admin:\n  authtype: Pkce\n  endpoint: x\n", "admin:\n  authtype: ExternalCommand\n  endpoint: x\n  " + strings.TrimPrefix(set, "authType: ExternalCommand\n  ")},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
				t.Fatal(err)
			}
			changes := changesOf(t, path, entries)
			if err := (edit.Formats{kindFlyte: flyteFormat()}).Apply(t.Context(), changes); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != test.after {
				t.Errorf("%v\n%s\nwant\n%s", err, got, test.after)
			}
			for i, c := range changesOf(t, path, entries) {
				if now, err := flyteFormat().Get(t.Context(), []byte(test.after), c.Key); err != nil || now == nil || *now != c.New {
					t.Errorf("step %d once more: %v", i, err)
				}
			}
		})
	}
}

func changesOf(t *testing.T, path string, entries []flyteEntry) (changes []edit.Change) {
	t.Helper()
	steps, err := flyteSteps(path, entries)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps[1:] {
		changes = append(changes, s.Change)
	}
	return changes
}

// The file of a machine, and a form that cannot be edited, are refused.
func TestFlyteRefused(t *testing.T) {
	for before, words := range map[string]string{
		"admin: {endpoint: x}\n": "is not a mapping",
		"admin: x\n":             "is not a mapping",
		"{other: 1}\n":           "is not a mapping",
		"admin:\n  endpoint: x\n  authType: clientsecret\n":   "admin.authType, so it is the file of a machine",
		"admin:\n  endpoint: x\n  clientSecretLocation: /s\n": "admin.clientSecretLocation, so it is the file of a machine",
		"admin:\n\tendpoint: x\n":                             "config.yaml: line 2: ",
		"admin:\n  endpoint: x\n---\nadmin:\n  endpoint: y\n": "more than one YAML document",
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		if steps, err := flyteSteps(path, []flyteEntry{{key: "command", value: "[c]"}}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v\n%v", before, err, steps)
		}
	}
	if _, err := flyteSteps("config", nil); err == nil || !strings.Contains(err.Error(), "auth_mode = external_process") {
		t.Errorf("INI: %v", err)
	}
}

// What a message says of a replaced user names its credentials, and no secret.
func TestShownUser(t *testing.T) {
	for value, want := range map[string]string{
		"\n  token: hunter2\n  client-key-data: x":             "client-key-data, token",
		"\n  exec:\n    command: a\n    args: [b, c, hunter2]": "exec (a b c …)",
		"{}":      "",
		"[1":      "another user",
		"hunter2": "another user",
	} {
		if got := shownUser(value); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

// If several files of KUBECONFIG have an entry of one name, the first counts.
func TestKubeconfigOrder(t *testing.T) {
	k := &kubeconfig{clusters: map[string]KubeCluster{}}
	first := "users:\n- name: a\n  user: {token: x}\ncontexts:\n- name: c\n  context: {cluster: k, user: a}\n"
	second := "current-context: d\nusers: [{name: a, user: {exec: {command: y}}}, {name: b, user: null}]\nclusters: [{name: k, cluster: {server: https://k}}]\ncontexts:\n- {name: c, context: {user: b}}\n- {name: d, context: {user: a}}\n"
	for path, text := range map[string]string{"first": first} {
		if err := k.add(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.add("second", []byte(second)); err != nil {
		t.Fatal(err)
	}
	if k.user("a").path != "first" || k.user("b").path != "second" || k.current != "d" || k.clusters["k"].Server != "https://k" {
		t.Errorf("%+v", k)
	}
	if got := k.contextsOf("a"); !slices.Equal(got, []string{"c", "d"}) {
		t.Errorf("the contexts of a: %q", got)
	}
}
