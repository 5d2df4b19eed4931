package cli

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

const referencePage = "../../../../docs/reference.md"

// The reference is made from the table of settings and the tables below.
func TestReference(t *testing.T) {
	var page bytes.Buffer
	writeReference(&page, config.Table())
	if *update {
		if err := os.WriteFile(referencePage, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), page.String()); diff != "" {
		t.Errorf("%s is out of date (-file +tables): go test ./cmd/flyte-credential-helper/internal/cli -run TestReference -update\n%s", referencePage, diff)
	}
}

// Each variable that the program reads is in the reference.
func TestReferenceVariables(t *testing.T) {
	var page bytes.Buffer
	writeReference(&page, nil)
	read := regexp.MustCompile(`[gG]etenv\("([A-Z_]+)"\)`)
	found := 0
	for _, dir := range []string{"..", "../../../../pkg/cache", "../../../../pkg/oauth"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range read.FindAllStringSubmatch(string(text), -1) {
				if found++; !strings.Contains(page.String(), "`"+m[1]+"`") {
					t.Errorf("%s reads %s, which is not in the reference", path, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found == 0 {
		t.Error("no variable was found")
	}
}

// entry is a row of a table of the documents. Its text may have backquotes.
type entry struct{ name, text string }

func exitStatuses() []entry {
	return []entry{
		{"0", "answered"},
		{"1", "failed; for `doctor`: there is a fault"},
		{"2", "wrong command line or configuration"},
		{"3", "a login is needed and may not start here; for `status`: not logged in"},
		{"4", "refused by the user or the server"},
		{"5", "temporary: the network, the server (also its certificate), a time-out, or a port that is in use"},
		{"6", "the store is locked, missing or not writable"},
		{"130, 143", "interrupted"},
	}
}

func files() []entry {
	return []entry{
		{"~/.config/flyte-credential-helper/config.yaml", "the user's profiles; on macOS under `~/Library/Application Support`, on Windows under `%LOCALAPPDATA%`; `XDG_CONFIG_HOME` has precedence"},
		{"/etc/xdg/flyte-credential-helper/config.yaml", "profiles for all users; `XDG_CONFIG_DIRS` names other directories; on Windows only these are read"},
		{"~/.local/state/flyte-credential-helper/", "one file per login, lock files, records of failures, and the journal of `setup`; `XDG_STATE_HOME` has precedence"},
		{"~/.local/state/flyte-credential-helper/pins.json", "the authorization servers that the user has accepted for Flyte endpoints"},
		{"~/.local/state/flyte-credential-helper/store.json", "the store that `--store auto` has chosen"},
	}
}

func variables() []entry {
	return []entry{
		{"XDG_CONFIG_HOME, XDG_CONFIG_DIRS, XDG_STATE_HOME", "directories of the files above"},
		{"XDG_RUNTIME_DIR", "directory of the records of issued tokens: a hash of the token, and the process that got it"},
		{"BROWSER", "the browser to open, if `--browser` does not name one"},
		{"CI", "no login starts, unless it is empty, `0`, `false`, `no` or `off`"},
		{"DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME, SSH_CONNECTION, SSH_TTY", "whether there is a display"},
		{"NO_COLOR, TERM", "no QR code if `NO_COLOR` is set or `TERM` is `dumb`"},
		{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "the proxy, if `--http-proxy` does not name one; `ALL_PROXY` is not read"},
		{"SSL_CERT_FILE, SSL_CERT_DIR", "the certificates of the system; `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` are not read"},
		{"DBUS_SESSION_BUS_ADDRESS", "the session bus with the OS keyring (Linux)"},
		{"KUBERNETES_EXEC_INFO", "the request of client-go"},
		{"KUBECONFIG", "the kubeconfig that `setup kubernetes` and `doctor kubernetes` read"},
		{"GIT_TERMINAL_PROMPT, GCM_INTERACTIVE", "git's calls start no login if they are `0` and `never`"},
		{"GIT_CONFIG_GLOBAL", "the file that `setup git` changes"},
		{"DOCKER_CONFIG, DOCKER_AUTH_CONFIG, REGISTRY_AUTH_FILE", "the configuration that `setup docker` changes and `doctor docker` reads"},
		{"GOAUTH", "the value that `setup goauth` and `doctor goauth` find instead of that of `go env`"},
		{"FLYTECTL_CONFIG, UCTL_CONFIG, FLYTE_*, FLYTE_API_KEY", "the configuration of Flyte's clients"},
		{"PATH, HOME", "where callers find the program, and the home directory"},
		{"USERPROFILE, HOMEDRIVE, HOMEPATH", "the home directory on Windows; for git and kubectl, that in `HOME`, or in `HOMEDRIVE` and `HOMEPATH`, if their file is there"},
	}
}

// className is the word for a class of settings in the documents.
func className(c config.Class) string {
	return map[config.Class]string{config.Public: "public", config.ServerBound: "server-bound", config.Network: "network", config.Local: "local"}[c]
}

var defaultText = regexp.MustCompile(` ?\(default:? ([^)]*)\)`)

// writeReference writes the page docs/reference.md.
func writeReference(w io.Writer, table []config.Setting) {
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	put(`# Reference

This page is generated by a test (` + "`TestReference`" + `). It lists the settings, exit statuses, files and variables of the program.

## Settings

Each setting is a flag, an environment variable and a key of a [profile](configuration.md). A setting that is repeatable is a list or
a map in a profile, and has one value per line in its variable. A path in a profile that does not begin with ` + "`/` or `~`" + ` starts at
the directory of the configuration file.

The class says for which servers a setting is used ([security](security.md#what-is-sent-where)):

* *public*: says which login it is, and is used for any server
* *server-bound*: carries a secret or trust for one server, and is used for that server only
* *network*: says how the network is reached, and is used for any server
* *local*: concerns this machine and its user
`)
	group := ""
	for _, s := range table {
		if s.Group != group {
			group = s.Group
			put("\n### %s\n\n| flag | variable, profile key | class | default | meaning |\n|---|---|---|---|---|\n", group)
		}
		flag, value := s.Flag()
		if value != "" {
			flag += " " + value
		}
		where := "`" + config.Variable(s.Name) + "`"
		if s.Kind != config.Selector {
			where += " `" + profileKey(s, value) + "`"
		}
		usage, standard := s.Description(), ""
		if m := defaultText.FindStringSubmatchIndex(usage); m != nil {
			usage, standard = usage[:m[0]]+usage[m[1]:], usage[m[2]:m[3]]
		}
		put("| `%s` | %s | %s | %s | %s |\n", strings.ReplaceAll(flag, "|", "\\|"), where, className(s.Class), standard, usage)
	}
	for _, section := range []struct {
		title, name, begin string
		rows               []entry
	}{
		{"Exit status", "status", "The rules of a caller's protocol have precedence. If the status is not 0, stdout is empty, unless the protocol puts its error there.\n`status --json` and `doctor` print their lists, `setup` the changes that it shows, and `logout --all` the logins that it has ended, also if they fail.", exitStatuses()},
		{"Files", "file", "The program reads a configuration file only if you or root own it and other users cannot write it.", files()},
		{"Variables", "variable", "These variables are read besides those of the settings. An unknown variable that begins with `FLYTE_CREDENTIAL_HELPER_` is an error.", variables()},
	} {
		put("\n## %s\n\n%s\n\n| %s | meaning |\n|---|---|\n", section.title, section.begin, section.name)
		for _, e := range section.rows {
			put("| `%s` | %s |\n", strings.ReplaceAll(e.name, ", ", "`, `"), e.text)
		}
	}
}

// profileKey is a setting in a profile, in the form that it has there.
func profileKey(s config.Setting, value string) string {
	switch {
	case value == "":
		return s.Name + ": true"
	case !strings.HasSuffix(s.Description(), "(repeatable)"):
		return s.Name
	case value == "NAME=VALUE":
		return s.Name + ": {NAME: VALUE}"
	}
	return s.Name + ": [" + value + "]"
}

// plainText is text without the backquotes of Markdown.
func plainText(text string) string { return strings.ReplaceAll(text, "`", "") }
