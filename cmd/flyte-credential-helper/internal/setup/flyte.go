package setup

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// flyteSetup is a run for Flyte's other clients.
type flyteSetup struct{ *Run }

// Flyte has Flyte's other clients run us: it asks the endpoint, shows the change
// to the file that they read, logs in, and makes the change.
func Flyte(ctx context.Context, r *Run, file string) error {
	c := flyteSetup{r}
	u, err := readUndo(c.Env, "flyte")
	if err != nil {
		return err
	}
	f, err := c.planFlyte(ctx, file)
	if err != nil {
		return err
	}
	after, err := f.changed()
	if err != nil {
		return err
	}
	done := len(f.changes) == 0
	if err := c.Write(f.shown()); err != nil || c.options.DryRun {
		return err
	}
	if err := c.legacyConfirm(ctx, done || c.options.Yes); err != nil {
		return err
	}
	if err := c.legacyLogIn(ctx, c.Resolved, oauth.Access); err != nil {
		return err
	}
	if !done {
		err = u.orBack(func() error {
			u.uses(c.ProfileInUse)
			return u.watch([]string{f.path}, func() error { return legacyReplace(f.path, f.text, after) })
		})
	}
	if err != nil {
		return err
	}
	words := "\nLogged in to " + c.Server() + ". Flyte's clients ask this program from now on.\n"
	if !f.flyte2 {
		words += "A token that flytectl has in the keyring from before is used to its end.\n"
	}
	back := []string{c.command(), "setup", "flyte", "--undo"}
	if file != "" {
		back = append(back, "--config", file)
	}
	return c.Write(words + "To take this back: " + shellquote.Join(back...) + "\n")
}

// planFlyte finds out what is to change, and where.
func (c flyteSetup) planFlyte(ctx context.Context, named string) (*flyteText, error) {
	if err := c.settledFlyte(); err != nil {
		return nil, err
	}
	path, err := c.flyteFile(named)
	if err != nil {
		return nil, err
	}
	text, err := edit.Read(path)
	if err != nil {
		return nil, err
	}
	found := &flyte.LoginConfig{} // explicit endpoints do not tell
	if c.Discovers() {
		session, err := login.Open(ctx, c.Resolved, c.policy, c.Env)
		if err != nil {
			return nil, err
		}
		if found, err = session.Discover(ctx); err != nil {
			return nil, err
		}
	}
	command, err := c.flyteCommand(named)
	if err != nil {
		return nil, err
	}
	return newFlyteText(path, text, c.flyteEndpoint(), command, found.Flyte2), nil
}

// settledFlyte refuses settings with which Flyte's clients have no user to log in, or
// nowhere.
func (c flyteSetup) settledFlyte() error {
	if err := c.checkSettings(); err != nil {
		return err
	}
	switch {
	case c.Endpoint == "":
		return config.Errorf(config.Command(config.Program, "setup", "flyte", "--endpoint", "flyte.example.com"), "%s is not a Flyte endpoint", c.Server())
	case c.IsMachine():
		source := "--grant client-credentials"
		if c.Flyte != nil {
			source = c.Flyte.Source
		}
		return config.Errorf(config.Hint{}, "%s has Flyte's clients log in as a machine, which they do by themselves: to have them ask this program, write authType: ExternalCommand and command: [%s, token, --renew-on-repeat] beside what is there", source, c.command())
	}
	return nil
}

// flyteFileVariable names the file that counts before all others, as pyflyte --config
// sets it.
const flyteFileVariable = "_FLYTECTL_CONFIG_PYFLYTE_OVERRIDE"

// FlyteFile returns the whole path of a file of Flyte's clients, and the environment in which
// it is the one that counts, or nil if it does not exist.
func FlyteFile(env system.Env, path string) (whole string, environ []string) {
	if dir, err := env.Getwd(); err == nil && !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if _, err := os.Stat(path); err == nil {
		environ = append(unnamed(env.Environ()), flyteFileVariable+"="+path)
	}
	return path, environ
}

// unnamed is an environment that names no file in that way.
func unnamed(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool { return strings.HasPrefix(pair, flyteFileVariable+"=") })
}

// flyteFile is the file to change: the one that is named, or that the clients read,
// or the usual one.
func (c flyteSetup) flyteFile(named string) (string, error) {
	source, err := config.FindFlyte(c.Env, c.input.Environ, c.Endpoint)
	var hint config.Hint
	if named == "" {
		hint = c.repeatCommand("--config", "FILE")
	}
	switch {
	case err != nil:
		return "", config.Errorf(config.Hint{}, "%v", err)
	case source.File != "" && source.InWorkingTree && named == "":
		return "", config.Errorf(c.repeatCommand("--config", source.File), "here Flyte's clients read %s, which lies in a working tree: name it to change it", source.File)
	case named != "" && source.File != named: // which names no endpoint
		return named, nil
	case source.Missing != "" && named == "":
		return source.Missing, nil // no client looks any further
	case source.File != "" && flyte.SameEndpoint(source.Endpoint, c.Endpoint):
		return source.File, nil
	case source.File != "":
		return "", config.Errorf(hint, "%s is for another endpoint, %s", source.File, source.Endpoint)
	}
	return filepath.Join(c.Home, ".flyte", "config.yaml"), nil
}

// flyteEndpoint is what the file has to say of the endpoint, which its readers connect
// to as we do.
func (c flyteSetup) flyteEndpoint() []flyteChange {
	e, _ := flyte.ParseEndpoint(c.Endpoint) // settled before
	said := []flyteChange{
		{key: "endpoint", value: edit.Quote("dns:///" + e.Host + e.Path), keeps: true},
		{key: "insecure", value: strconv.FormatBool(e.Plaintext), usual: "false"},
	}
	if c.InsecureSkipVerify {
		said = append(said, flyteChange{key: "insecureSkipVerify", value: "true"})
	}
	if c.CAFile != "" {
		ours := slices.Contains(slices.Concat(c.Given(), c.Inherited()), "ca-file")
		said = append(said, flyteChange{key: "caCertFilePath", value: edit.Quote(c.absolute(c.CAFile)), keeps: !ours})
	}
	return said
}

// flyteCommand is what the clients that read the file are to run. What it says besides
// is a part of that where the command would not find it.
func (c flyteSetup) flyteCommand(named string) ([]string, error) {
	words := []string{c.command(), "token", "--renew-on-repeat"}
	if c.ProfileInUse != "" {
		if lost := c.flagsBesideProfile(); len(lost) > 0 {
			return nil, config.Errorf(config.Shell("${EDITOR:-vi} %s", c.configPath()), "Flyte's clients will call this program with the profile %s, and not with %s: put that into the profile", c.ProfileInUse, strings.Join(lost, ", "))
		}
		return append(words, "--profile", c.ProfileInUse), nil
	}
	words = append(words, c.Flag("endpoint")...)
	names := append(slices.Clone(c.Given()), c.Inherited()...)
	if usual, err := config.FindFlyte(c.Env, unnamed(c.input.Environ), c.Endpoint); named != "" && (err != nil || usual.File != named || usual.InWorkingTree) {
		for _, s := range config.Table() {
			if c.IsSet(s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	names = append(names, "grant") // which authType is not to say any more
	for _, s := range config.Table() {
		if slices.Contains(names, s.Name) && s.Kind != config.PerCall && s.Name != "endpoint" && (s.Name != "grant" || c.Grant != "auto") {
			words = append(words, c.wordsFromHere(s)...)
		}
	}
	if shown := config.Shown(words); !config.IsShownWhole(words) {
		return nil, config.Errorf(config.Hint{}, "the file would show the values that are hidden here: put them into a profile: %s", shown)
	}
	return words, nil
}

// wordsFromHere write a setting so that it means the same in any folder.
func (c flyteSetup) wordsFromHere(s config.Setting) []string {
	words := c.Flag(s.Name)
	if s.Kind == config.Path {
		words[1] = c.absolute(words[1])
	}
	return words
}
