package setup

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// flyteSetup configures Flyte's clients to run this program: authType and command in their file.
type flyteSetup struct {
	*Run
	named string // the file of the command line, absolute, or empty
}

// Flyte sets up Flyte's clients, in the file of that name or, if it is empty, the one that they
// read.
func Flyte(ctx context.Context, r *Run, file string) error {
	return r.run(ctx, "flyte", flyteSetup{r, file})
}

func (s flyteSetup) plan(ctx context.Context) (*plan, error) {
	if err := s.checkFlyte(); err != nil {
		return nil, err
	}
	path, err := s.file()
	if err != nil {
		return nil, err
	}
	session, err := login.Open(ctx, s.Resolved, s.policy, s.Env)
	if err != nil {
		return nil, err
	}
	servers, err := session.Servers(ctx)
	if err != nil {
		return nil, err
	}
	command, err := s.commandWords()
	if err != nil {
		return nil, err
	}
	entries := append(s.endpointEntries(), flyteEntry{key: "authType", value: "ExternalCommand"}, flyteEntry{key: "command", value: edit.QuoteList(command)})
	if servers.Flyte2 {
		// Flyte 2's clients first send an old token from their keyring. flytectl, which is a
		// client of Flyte 1, does not start with this key.
		entries = append(entries, flyteEntry{key: "disableKeyring", value: "true"})
	}
	p := &plan{summary: "Flyte's clients will run this program", kind: oauth.Access, accepts: true}
	p.notes = []string{"The login:\n" + strings.TrimSuffix(servers.String(), "\n")}
	if !servers.Flyte2 {
		p.notes = append(p.notes, "If flytectl has a token in its keyring, it uses that token until it expires.")
	}
	p.steps, err = flyteSteps(path, entries)
	return p, err
}

// checkFlyte returns an error for settings with which Flyte's clients need no user to log in, or
// that name no endpoint.
func (s flyteSetup) checkFlyte() error {
	if err := s.checkSettings(); err != nil {
		return err
	}
	switch {
	case s.Endpoint == "":
		return config.Errorf(config.Command(config.Program, "setup", "flyte", "--endpoint", "flyte.example.com"), "%s is not a Flyte endpoint", s.Server())
	case s.IsMachine():
		source := "--grant client-credentials"
		if s.Flyte != nil {
			source = s.Flyte.Source
		}
		return config.Errorf(config.Hint{}, "%s makes Flyte's clients log in as a machine, without this program: to make them run it, write authType: ExternalCommand and command: [%s, token, --renew-on-repeat, %s] next to what is there", source, s.command(), strings.Join(s.Flag("endpoint"), ", "))
	}
	return nil
}

// flyteFileVariable names the file that has precedence over all others. pyflyte --config sets it.
const flyteFileVariable = "_FLYTECTL_CONFIG_PYFLYTE_OVERRIDE"

// FlyteFile returns the absolute path of a file of Flyte's clients, and the environment in which
// it has precedence, or nil if it does not exist.
func FlyteFile(env system.Env, named string) (path string, environ []string) {
	path = absolute(env, named)
	if _, err := os.Stat(path); err == nil {
		environ = append(withoutFlyteFile(env.Environ()), flyteFileVariable+"="+path)
	}
	return path, environ
}

func withoutFlyteFile(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool { return strings.HasPrefix(pair, flyteFileVariable+"=") })
}

// file returns the file to change: the named one, or the one that the clients read, or the usual
// one.
func (s flyteSetup) file() (string, error) {
	source, err := config.FindFlyte(s.Env, s.input.Environ, s.Endpoint)
	var hint config.Hint
	if s.named == "" {
		hint = s.repeatCommand("--config", "FILE")
	}
	switch {
	case err != nil:
		return "", config.Errorf(config.Hint{}, "%v", err)
	case source.File != "" && source.InWorkingTree && s.named == "":
		return "", config.Errorf(s.repeatCommand("--config", source.File), "Flyte's clients read %s here, which is in a working tree: name it to change it", source.File)
	case s.named != "" && source.File != s.named: // it names no endpoint
		return s.named, nil
	case source.Missing != "" && s.named == "":
		return source.Missing, nil // no client looks further
	case source.File != "" && flyte.SameEndpoint(source.Endpoint, s.Endpoint):
		return source.File, nil
	case source.File != "":
		return "", config.Errorf(hint, "%s is for another endpoint, %s", source.File, source.Endpoint)
	}
	return filepath.Join(s.Home, ".flyte", "config.yaml"), nil
}

// flyteEntry is a key of admin with the value that it should have.
type flyteEntry struct {
	key, value string
	keeps      bool   // a value that is there stays
	usual      string // the value of an absent key
}

// endpointEntries are the entries with which the clients connect to the endpoint as this program
// does.
func (s flyteSetup) endpointEntries() []flyteEntry {
	e, _ := flyte.ParseEndpoint(s.Endpoint) // checked before
	entries := []flyteEntry{
		{key: "endpoint", value: edit.Quote("dns:///" + e.Host + e.Path), keeps: true},
		{key: "insecure", value: strconv.FormatBool(e.Plaintext), usual: "false"},
	}
	if s.InsecureSkipVerify {
		entries = append(entries, flyteEntry{key: "insecureSkipVerify", value: "true"})
	}
	if s.CAFile != "" {
		ours := slices.Contains(slices.Concat(s.Given(), s.Inherited()), "ca-file")
		entries = append(entries, flyteEntry{key: "caCertFilePath", value: edit.Quote(s.absolute(s.CAFile)), keeps: !ours})
	}
	return entries
}

// commandWords is the command that the clients will run. It has the settings of this call that the
// command would not find otherwise.
func (s flyteSetup) commandWords() ([]string, error) {
	words := []string{s.command(), "token", "--renew-on-repeat"}
	if s.ProfileInUse != "" {
		return append(words, "--profile", s.ProfileInUse), s.checkProfile("Flyte's clients will run this program with")
	}
	words = append(words, s.Flag("endpoint")...)
	names := append(slices.Clone(s.Given()), s.Inherited()...)
	if usual, err := config.FindFlyte(s.Env, withoutFlyteFile(s.input.Environ), s.Endpoint); s.named != "" && (err != nil || usual.File != s.named || usual.InWorkingTree) {
		for _, row := range config.Table() {
			if s.IsSet(row.Name) {
				names = append(names, row.Name)
			}
		}
	}
	names = append(names, "grant") // authType does not say it any more
	for _, row := range config.Table() {
		if slices.Contains(names, row.Name) && row.Kind != config.PerCall && row.Name != "endpoint" && (row.Name != "grant" || s.Grant != "auto") {
			flag := s.Flag(row.Name)
			if row.Kind == config.Path {
				flag[1] = s.absolute(flag[1])
			}
			words = append(words, flag...)
		}
	}
	if !config.IsShownWhole(words) {
		return nil, config.Errorf(config.Hint{}, "the file would contain values that are hidden here: write them into a profile: %s", config.Shown(words))
	}
	return words, nil
}

const kindFlyte = "flyte"

// flyteFormat is the form of Flyte's files. Flyte 1's clients ignore the case of keys.
func flyteFormat() edit.YAML { return edit.YAML{FoldCase: true} }

// flyteSteps are the entries of a file that differ from what it says.
func flyteSteps(path string, entries []flyteEntry) ([]step, error) {
	if !strings.HasSuffix(path, "yaml") && !strings.HasSuffix(path, "yml") {
		return nil, config.Errorf(config.Hint{}, "%s is not YAML: set auth_mode = external_process and command under [credentials] yourself", path)
	}
	text, err := edit.Read(path)
	if err != nil {
		return nil, err
	}
	if err := refuseMachine(path, text); err != nil {
		return nil, err
	}
	admin, err := flyteFormat().Get(context.Background(), text, []string{"admin"})
	if err == nil {
		_, err = flyteFormat().Get(context.Background(), text, []string{"admin", "command"})
	}
	if err != nil {
		var byHand []string
		for _, e := range entries {
			byHand = append(byHand, e.key+": "+e.value)
		}
		return nil, config.Errorf(config.Text("write these lines under admin yourself: %s", strings.Join(byHand, "; ")), "%s: %v", path, err)
	}
	names := []string{path}
	steps := []step{newFile(path, "", names)}
	lines := "admin:\n"
	for _, e := range entries {
		key := []string{"admin", e.key}
		old, err := flyteFormat().Get(context.Background(), text, key)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		case old != nil && (e.keeps || e.isSaidBy(*old)):
			e.value = *old
		case old == nil && e.value == e.usual && admin != nil && *admin != "":
			continue
		default:
			lines += "  " + e.key + ": " + e.value + "\n"
		}
		steps = append(steps, step{Change: edit.Change{Path: path, Kind: kindFlyte, Key: key, New: e.value, For: names}})
	}
	for i := range steps[1:] {
		steps[i+1].lines = lines
	}
	return steps, nil
}

// isSaidBy reports whether a value says it, and perhaps more: a command may have more flags.
func (e flyteEntry) isSaidBy(old string) bool {
	have, isList := edit.ValueOf(old).([]any)
	want, wantList := edit.ValueOf(e.value).([]any)
	if isList && wantList && len(have) > len(want) {
		old = fmt.Sprint(have[:len(want)])
		return old == fmt.Sprint(want)
	}
	return edit.SameValue(old, e.value)
}

// refuseMachine refuses the file of a machine, which logs in without a user.
func refuseMachine(path string, text []byte) error {
	for _, key := range []string{"clientSecretLocation", "clientSecretEnvVar", "authType"} {
		value, err := flyteFormat().Get(context.Background(), text, []string{"admin", key})
		if err != nil || value == nil || key == "authType" && !strings.EqualFold(strings.Trim(*value, `"'`), "ClientSecret") {
			continue
		}
		return config.Errorf(config.Hint{}, "%s has admin.%s, so it is the file of a machine, which needs no user to log in: it is not changed", path, key)
	}
	return nil
}

// verify runs the command in the file, as Flyte's clients do.
func (s flyteSetup) verify(ctx context.Context, p *plan, l *session) (string, error) {
	path := p.steps[0].Path
	text, err := edit.Read(path)
	if err != nil {
		return "", err
	}
	value, err := flyteFormat().Get(ctx, text, []string{"admin", "command"})
	if err != nil || value == nil {
		return "", &VerifyError{path + " is set up, but it has no command any more"}
	}
	var words []string
	list, _ := edit.ValueOf(*value).([]any)
	for _, word := range list {
		words = append(words, fmt.Sprint(word))
	}
	if len(words) == 0 {
		return "", &VerifyError{path + " is set up, but its command is not a list"}
	}
	out, err := output(ctx, s.Env, "", words...)
	switch {
	case err != nil:
		return "", &VerifyError{"Flyte's clients are set up, but they do not get the token: " + err.Error()}
	case string(bytes.TrimSpace(out)) != l.credential.Value.Reveal():
		return "", &VerifyError{"Flyte's clients are set up, but they get another token than ours"}
	}
	return "Flyte's clients get the token.\n", nil
}
