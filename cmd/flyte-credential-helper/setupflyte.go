package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// setupFlyteOptions are the flags of setup flyte.
type setupFlyteOptions struct {
	config      string
	dryRun, yes bool
}

// setupFlyte has Flyte's other clients run us: it shows the change to the file that
// they read, logs in, and makes the change.
func setupFlyte(ctx context.Context, c *call, o setupFlyteOptions) error {
	u, err := c.readUndo("flyte")
	if err != nil {
		return err
	}
	if _, err := c.key(); err != nil {
		return err
	}
	if c.endpoint == "" {
		return usage(program+" setup flyte --endpoint flyte.example.com", "%s is not a Flyte endpoint", c.server())
	}
	path, err := c.flyteFile(o.config)
	if err != nil {
		return err
	}
	before, err := readOr(path)
	if err != nil {
		return err
	}
	f := newFlyteText(path, before, c.flyteCommand())
	after, err := f.changed(c.endpoint)
	if err != nil {
		return err
	}
	done := len(f.changes) == 0
	if err := c.write([]byte(f.shown(c.endpoint))); err != nil || o.dryRun {
		return err
	}
	if err := c.confirm(ctx, done || o.yes); err != nil {
		return err
	}
	err = u.watch([]string{path}, func() error {
		if err := c.logInNow(ctx); err != nil || done {
			return err
		}
		return writeFile(path, after)
	})
	if err != nil {
		return err
	}
	return c.write(fmt.Appendf(nil, "\nLogged in to %s. flytekit, flytectl and Flyte 2's clients ask this program from now on; a token\nthat flytectl has in the keyring from before is used to its end.\nTo take this back: %s setup flyte --undo\n", c.server(), shellquote.Join(c.command())))
}

// flyteFile is the file to change: the one that is named, or that the clients read,
// or the usual one.
func (c *call) flyteFile(named string) (string, error) {
	if named != "" {
		return filepath.Abs(named)
	}
	dir, _ := c.getwd() // without one there are no files below it
	source, err := flyte.Find(flyte.World{Environ: c.environ(), Home: c.home, Dir: dir})
	switch {
	case err != nil:
		return "", usage("", "%v", err)
	case source.File != "" && source.InWorkingTree:
		return "", usage(program+" setup flyte --config "+shellquote.Join(source.File), "here Flyte's clients read %s, which lies in a working tree: name it to change it", source.File)
	case source.File != "" && flyte.SameEndpoint(source.Endpoint, c.endpoint):
		return source.File, nil
	case source.File != "":
		return "", usage(program+" setup flyte --endpoint "+c.endpoint+" --config FILE", "%s is for another endpoint, %s", source.File, source.Endpoint)
	}
	return filepath.Join(c.home, ".flyte", "config.yaml"), nil
}

// flyteCommand is what the clients are to run.
func (c *call) flyteCommand() []string {
	words := []string{c.command(), "token"}
	if c.profile == "" {
		words = append(words, "--endpoint", c.endpoint)
	}
	for _, name := range c.given {
		if name != "endpoint" {
			words = append(words, c.setting(name).words()...)
		}
	}
	return words
}

// logInNow logs in, unless somebody has.
func (c *call) logInNow(ctx context.Context) error {
	c.person = true
	source, err := c.source(oauth.Access)
	if err != nil {
		return err
	}
	source.Override = true
	_, err = source.Token(ctx)
	return err
}
