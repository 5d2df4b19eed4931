package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// setupFlyte has Flyte's other clients run us: it asks the endpoint, shows the change
// to the file that they read, logs in, and makes the change.
func setupFlyte(ctx context.Context, c *call, config string, a asked) error {
	u, err := c.readUndo("flyte")
	if err != nil {
		return err
	}
	f, err := c.planFlyte(ctx, config)
	if err != nil {
		return err
	}
	after, err := f.changed()
	if err != nil {
		return err
	}
	done := len(f.changes) == 0
	if err := c.write([]byte(f.shown())); err != nil || a.dryRun {
		return err
	}
	if err := c.confirm(ctx, done || a.yes); err != nil {
		return err
	}
	if err := c.logInNow(ctx, oauth.Access); err != nil {
		return err
	}
	if !done {
		err = u.orBack(func() error {
			u.uses(c.profile)
			return u.watch([]string{f.path}, func() error { return replaceFile(f.path, f.text, after) })
		})
	}
	if err != nil {
		return err
	}
	words := "\nLogged in to " + c.server() + ". Flyte's clients ask this program from now on.\n"
	if !f.flyte2 {
		words += "A token that flytectl has in the keyring from before is used to its end.\n"
	}
	back := []string{c.command(), "setup", "flyte", "--undo"}
	if config != "" {
		back = append(back, "--config", config)
	}
	return c.write([]byte(words + "To take this back: " + shellquote.Join(back...) + "\n"))
}

// planFlyte finds out what is to change, and where.
func (c *call) planFlyte(ctx context.Context, config string) (*flyteText, error) {
	if err := c.settledFlyte(); err != nil {
		return nil, err
	}
	path, err := c.flyteFile(config)
	if err != nil {
		return nil, err
	}
	text, err := readOr(path)
	if err != nil {
		return nil, err
	}
	found := &flyte.Found{} // explicit endpoints do not tell
	if c.discovers() {
		if found, err = c.discover(ctx); err != nil {
			return nil, err
		}
	}
	command, err := c.flyteCommand(config)
	if err != nil {
		return nil, err
	}
	return newFlyteText(path, text, c.flyteEndpoint(), command, found.Flyte2), nil
}

// settledFlyte refuses settings with which Flyte's clients have nobody to log in, or
// nowhere.
func (c *call) settledFlyte() error {
	if _, err := c.key(); err != nil {
		return err
	}
	switch {
	case c.endpoint == "":
		return usage(program+" setup flyte --endpoint flyte.example.com", "%s is not a Flyte endpoint", c.server())
	case c.machine():
		return usage("", "%s has Flyte's clients log in as a machine, which they do by themselves: to have them ask this program, write authType: ExternalCommand and command: [%s, token, --renew-on-repeat] beside what is there", cmp.Or(c.theirs, "--grant client-credentials"), c.command())
	}
	return nil
}

// flyteFileVariable names the file that counts before all others, as pyflyte --config
// sets it.
const flyteFileVariable = "_FLYTECTL_CONFIG_PYFLYTE_OVERRIDE"

// readFlyteFile has a file that is there be the one that counts. It returns its whole
// path.
func (l *line) readFlyteFile(path string) string {
	if dir, err := l.getwd(); err == nil && !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if _, err := os.Stat(path); err == nil {
		environ := append(unnamed(l.environ()), flyteFileVariable+"="+path)
		l.environ = func() []string { return environ }
	}
	return path
}

// unnamed is an environment that names no file in that way.
func unnamed(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool { return strings.HasPrefix(pair, flyteFileVariable+"=") })
}

// flyteFile is the file to change: the one that is named, or that the clients read,
// or the usual one.
func (c *call) flyteFile(named string) (string, error) {
	source, err := c.findFlyte(c.environ())
	hint := ""
	if named == "" {
		hint = c.loginCommand() + " --config FILE"
	}
	switch {
	case err != nil:
		return "", usage("", "%v", err)
	case source.File != "" && source.InWorkingTree && named == "":
		return "", usage(c.loginCommand()+" --config "+shellquote.Join(source.File), "here Flyte's clients read %s, which lies in a working tree: name it to change it", source.File)
	case named != "" && source.File != named: // which names no endpoint
		return named, nil
	case source.Missing != "" && named == "":
		return source.Missing, nil // no client looks any further
	case source.File != "" && flyte.SameEndpoint(source.Endpoint, c.endpoint):
		return source.File, nil
	case source.File != "":
		return "", usage(hint, "%s is for another endpoint, %s", source.File, source.Endpoint)
	}
	return filepath.Join(c.home, ".flyte", "config.yaml"), nil
}

// flyteEndpoint is what the file has to say of the endpoint, which its readers connect
// to as we do.
func (c *call) flyteEndpoint() []flyteChange {
	e, _ := flyte.ParseEndpoint(c.endpoint) // settled before
	said := []flyteChange{
		{key: "endpoint", words: []string{"dns:///" + e.Host + e.Path}, keeps: true},
		{key: "insecure", words: []string{strconv.FormatBool(e.Plaintext)}, usual: "false"},
	}
	if c.insecureSkipVerify {
		said = append(said, flyteChange{key: "insecureSkipVerify", words: []string{"true"}})
	}
	if c.caFile != "" {
		ours := slices.Contains(slices.Concat(c.given, c.inherited), "ca-file")
		said = append(said, flyteChange{key: "caCertFilePath", words: []string{c.fromHere(c.caFile)}, keeps: !ours})
	}
	return said
}

// flyteCommand is what the clients that read the file are to run. What it says besides
// is a part of that where the command would not find it.
func (c *call) flyteCommand(named string) ([]string, error) {
	words := []string{c.command(), "token", "--renew-on-repeat"}
	if c.profile != "" {
		if lost := c.besideProfile(); len(lost) > 0 {
			return nil, usage("${EDITOR:-vi} "+c.configPath(), "Flyte's clients will call this program with the profile %s, and not with %s: put that into the profile", c.profile, strings.Join(lost, ", "))
		}
		return append(words, "--profile", c.profile), nil
	}
	words = append(words, c.words("endpoint")...)
	names := append(slices.Clone(c.given), c.inherited...)
	if usual, err := c.findFlyte(unnamed(c.environ())); named != "" && (err != nil || usual.File != named || usual.InWorkingTree) {
		names = append(names, c.said...)
	}
	names = append(names, "grant") // which authType is not to say any more
	for _, s := range c.table() {
		if slices.Contains(names, s.name) && s.kind != passing && s.name != "endpoint" && (s.name != "grant" || c.grant != "auto") {
			words = append(words, c.wordsFromHere(s)...)
		}
	}
	if shown := pasted(words); shown != shellquote.Join(words...) {
		return nil, usage("", "the file would show the values that are hidden here: put them into a profile: %s", shown)
	}
	return words, nil
}

// wordsFromHere write a setting so that it means the same in any folder.
func (c *call) wordsFromHere(s setting) []string {
	words := c.words(s.name)
	if s.kind == path {
		words[1] = c.fromHere(words[1])
	}
	return words
}
