package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// maxRequest is more than any caller sends.
const maxRequest = 1 << 20

// desk is a call by a program that names the host it wants a credential for. Only
// the profile that serves the host is asked for one: neither the environment nor a
// flag can have the token of one server go to another.
type desk struct {
	world
	*settings
	table []setting
	words []string // what follows the protocol's name
}

// protocols are those whose callers name a host.
func protocols() map[string]func(context.Context, *desk) int {
	return map[string]func(context.Context, *desk) int{"git": git, "docker": docker, "bazel": bazel, "goauth": goauth}
}

// word is the i-th of the words, or empty.
func (d *desk) word(i int) string {
	if i < len(d.words) {
		return d.words[i]
	}
	return ""
}

// request reads what the caller sends.
func (d *desk) request() ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(d.stdin, maxRequest+1))
	if err == nil && len(text) > maxRequest {
		err = errors.New("the request is larger than 1 MiB")
	}
	return text, err
}

// write answers, and returns the exit status.
func (d *desk) write(document []byte) int {
	if len(document) == 0 {
		return exitOK
	}
	if err := d.answer(document); err != nil {
		return failed(d.world, err, "")
	}
	return exitOK
}

// open finds the profile that serves host for username, and makes its call. ok is
// false where none does. never says why the protocol starts no login; nil: it may.
func (d *desk) open(host execcred.Host, username string, never func() string) (c *call, how served, ok bool, err error) {
	if host == (execcred.Host{}) || d.namesServer() {
		return nil, served{}, false, nil
	}
	config, err := readConfig(d.configPath(), d.table)
	if err != nil {
		return nil, served{}, false, err
	}
	profile, how, ok := config.serving(host, username, d.profile)
	if !ok {
		d.unserved(config, host, username)
		return nil, served{}, false, nil
	}
	if c, err = d.call(profile, never); err == nil {
		c.log.Debug("a profile serves it", "host", host, "profile", profile)
	}
	return c, how, true, err
}

// unserved tells, for who looks, why there is nothing for a host; and whoever named a
// user that it is for another.
func (d *desk) unserved(config *config, host execcred.Host, username string) {
	level := d.getenv(variable("log-level"))
	if d.has("log-level") {
		level = d.logLevel
	}
	profile, how, ok := config.serving(host, "", d.profile)
	if ok && username != "" && d.word(0) == "get" {
		words := fmt.Sprintf("the profile %s serves %s for the user %s, and not for %q", profile, host, how.basicUsername(), oauth.Printable(username))
		d.note(level == "" && !d.stderrTerminal(), words)
		return
	}
	newLog(d.stderr, level).Debug("no profile serves it", "host", host)
}

// namesServer reports whether the command line names a server. That one serves no
// host.
func (d *desk) namesServer() bool {
	return slices.ContainsFunc(d.table, func(s setting) bool { return s.kind == server && slices.Contains(d.said, s.name) })
}

// call is the call of a profile. The settings are read anew: those of the desk may
// serve several.
func (d *desk) call(profile string, never func() string) (*call, error) {
	s, table, _, err := parse(d.args[1:])
	if err != nil {
		return nil, err
	}
	s.bound, s.forProgram, s.profile = true, true, profile
	if !slices.Contains(s.said, "profile") {
		s.said = append(s.said, "profile")
	}
	c, err := newCall(d.world, s, table)
	if err == nil {
		c.never = never
	}
	return c, err
}

// hostSource is where the profile's token for a host comes from.
func (c *call) hostSource() (*cache.Source, error) {
	kind := oauth.Kind(c.tokenKind)
	if kind == oauth.Auto {
		kind = oauth.Access
	}
	return c.source(kind)
}

// hand is the credential for a caller that cannot refuse it.
func (c *call) hand(ctx context.Context) (execcred.Credential, error) {
	source, err := c.hostSource()
	if err != nil {
		return execcred.Credential{}, err
	}
	_, credential, err := c.credential(ctx, source)
	return c.safely(credential), err
}

// safely is o for a caller that asks again when it has expired.
func (c *call) safely(o oauth.Credential) execcred.Credential {
	return execcred.Credential{Token: o.Value.Reveal(), Expiry: cache.SafeExpiry(o, c.now())}
}

// holds reports whether there is a good token, without asking anybody for one.
func (c *call) holds(ctx context.Context) bool {
	source, err := c.hostSource()
	if err != nil {
		return false
	}
	t, err := source.Store.Load(ctx)
	return err == nil && t != nil && cache.GoodAt(t.Credential(source.Kind), c.now(), 0)
}

// neverLogsIn is for protocols whose callers ask for every host they meet, and
// where nobody looks.
func neverLogsIn(caller string) func() string {
	return func() string { return caller + " never starts one" }
}

// isFalse reads a switch in the environment or of git's.
func isFalse(word string) bool {
	return slices.Contains([]string{"0", "false", "no", "off"}, strings.ToLower(word))
}

// bazelPatience is shorter than Bazel's own, which then kills us without a word.
const bazelPatience = 8 * time.Second
