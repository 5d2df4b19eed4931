package setup

import (
	"strings"
	"testing"
)

// Only the lines that have to change do, whatever stands around them.
func TestFlyteText(t *testing.T) {
	command := []string{"flyte-credential-helper", "token", "--endpoint", "flyte.example.com"}
	endpoint := []flyteChange{{key: "endpoint", value: "dns:///flyte.example.com", keeps: true}, {key: "insecure", value: "false", usual: "false"}}
	const set = "authType: ExternalCommand\n  command: [flyte-credential-helper, token, \"--endpoint\", flyte.example.com]\n  disableKeyring: true\n"
	for name, test := range map[string]struct{ before, after string }{
		"nothing":       {"", "admin:\n  endpoint: dns:///flyte.example.com\n  insecure: false\n  " + set},
		"no admin yet":  {"admin: # of admin\n", "admin: # of admin\n  endpoint: dns:///flyte.example.com\n  insecure: false\n  " + set},
		"only comments": {"# mine\n", "# mine\nadmin:\n  endpoint: dns:///flyte.example.com\n  insecure: false\n  " + set},
		"appended": {
			"# top\nadmin: # here\n  # where\n  endpoint: dns:///flyte.example.com\n\nlogger:\n  level: 0 # quiet\n",
			"# top\nadmin: # here\n  # where\n  endpoint: dns:///flyte.example.com\n  " + set + "\nlogger:\n  level: 0 # quiet\n",
		},
		"replaced": {
			"admin:\n  authType: \"Pkce\" # as it's been\n  endpoint: x\n  command:\n  - a # one\n  - b\n  insecure: true\n  disableKeyring: false\n",
			"admin:\n  authType: ExternalCommand # as it's been\n  endpoint: x\n  command: [flyte-credential-helper, token, \"--endpoint\", flyte.example.com]\n  insecure: false\n  disableKeyring: true\n",
		},
		"others' keys only":        {"logger: {level: 0}", "logger: {level: 0}\nadmin:\n  endpoint: dns:///flyte.example.com\n  insecure: false\n  " + set},
		"more is said":             {"admin:\n  endpoint: x\n  command: [flyte-credential-helper, token, --endpoint, flyte.example.com, --account, me]\n", "admin:\n  endpoint: x\n  command: [flyte-credential-helper, token, --endpoint, flyte.example.com, --account, me]\n  authType: ExternalCommand\n  disableKeyring: true\n"},
		"small letters":            {"admin:\n  authtype: Pkce\n  endpoint: x\n", "admin:\n  authtype: ExternalCommand\n  endpoint: x\n  " + strings.TrimPrefix(set, "authType: ExternalCommand\n  ")},
		"last line without an end": {"admin:\n  endpoint: x", "admin:\n  endpoint: x\n  " + set},
		"CR LF":                    {"admin:\r\n  endpoint: x\r\n", strings.ReplaceAll("admin:\n  endpoint: x\n  "+set, "\n", "\r\n")},
		"four blanks":              {"admin:\n    endpoint: x\nb: 1\n", "admin:\n    endpoint: x\n    " + strings.ReplaceAll(set, "\n  ", "\n    ") + "b: 1\n"},
		"before others":            {"a: 1\nadmin:\n  endpoint: x\n# of b\nb: [1]\n", "a: 1\nadmin:\n  endpoint: x\n  " + set + "# of b\nb: [1]\n"},
	} {
		f := newFlyteText("config.yaml", []byte(test.before), endpoint, command, true)
		got, err := f.changed()
		if err != nil || string(got) != test.after {
			t.Errorf("%s: %v\n%s\nnot\n%s", name, err, got, test.after)
			continue
		}
		again := newFlyteText("config.yaml", got, endpoint, command, true)
		if twice, err := again.changed(); err != nil || string(twice) != string(got) || len(again.changes) > 0 {
			t.Errorf("%s: twice is not once: %v\n%s", name, err, twice)
		}
	}
}

func TestFlyteTextRefused(t *testing.T) {
	for before, words := range map[string]string{
		"admin: {endpoint: x}\n": "is not a mapping",
		"admin: x\n":             "is not a mapping",
		"{other: 1}\n":           "is not a mapping",
		"admin:\n  endpoint: x\n  authType: clientsecret\n":          "admin.authType, so it is the file of a machine",
		"admin:\n  endpoint: x\n  clientSecretLocation: /s\n":        "admin.clientSecretLocation, so it is the file of a machine",
		"admin:\n\tendpoint: x\n":                                    "line 2: ",
		"admin:\n  endpoint: x\n---\nadmin:\n  endpoint: y\n":        "more than one YAML document",
		"admin:\n  endpoint: x\n  command: &c [a]\nother: {c: *c}\n": "line 3: it has an anchor",
	} {
		if got, err := newFlyteText("config.yaml", []byte(before), nil, []string{"c"}, false).changed(); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v\n%s", before, err, got)
		}
	}
	if _, err := newFlyteText("config", nil, nil, []string{"c", "token"}, false).changed(); err == nil || !strings.Contains(err.Error(), "command = c,token") {
		t.Errorf("INI: %v", err)
	}
}
