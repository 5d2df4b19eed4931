package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// call is one run of the program: it puts the parts together.
type call struct {
	world
	*settings
	profile string // the profile in use, or empty
	flags   *pflag.FlagSet
	log     *slog.Logger
	tty     *terminal // opened when first needed
}

// newCall reads the settings. fs has parsed the command line.
func newCall(w world, fs *pflag.FlagSet, s *settings, table []setting) (*call, error) {
	profile, err := resolve(w, fs, s, table)
	if err != nil {
		return nil, err
	}
	return &call{world: w, settings: s, profile: profile, flags: fs, log: newLog(w.stderr, s.logLevel)}, nil
}

func newLog(to io.Writer, name string) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(name)) // one of a list
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level}))
}

// key is all by which the server tells this login from others.
func (c *call) key() (cache.Key, error) {
	if c.undecided != nil {
		return cache.Key{}, c.undecided
	}
	if c.clientID == "" {
		return cache.Key{}, usage(c.loginCommand()+" --client-id ID", "no client id is set: the name under which %s knows this program", c.server())
	}
	servers := []string{c.issuer}
	if c.issuer == "" {
		servers = []string{c.authEndpoint, c.tokenEndpoint}
	}
	return cache.Key{
		Server: servers, Client: c.clientID, Grant: "person", Scopes: c.scope, Audience: c.audience, Resource: c.resource,
		AuthParams: c.authParam, TokenParams: c.tokenParam, RefreshParams: c.refreshParam, Account: c.account,
	}, nil
}

// server is what people are told they log in to.
func (c *call) server() string {
	if c.issuer != "" {
		return c.issuer
	}
	return c.authEndpoint
}

func (c *call) stateDir() cache.Dir { return cache.Dir(filepath.Join(c.stateHome, program)) }

func (c *call) keyring() *cache.Keyring {
	return &cache.Keyring{Attended: func() bool { return c.whyNoLogin() == "" }, Getenv: c.getenv}
}

// source is where this run gets its token: kind of it, good for minTTL more.
func (c *call) source(kind oauth.Kind) (*cache.Source, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	return &cache.Source{
		Store: cache.NewStore(c.stateDir(), c.store, c.keyring(), key),
		Kind:  kind,
		Renew: func(ctx context.Context, old *oauth.Token) (func(context.Context) (*oauth.Token, error), error) {
			return c.renew(ctx, kind, old)
		},
		MinTTL: c.minTTL, ReuseWindow: c.reuseWindow, Patience: c.loginTimeout + 30*time.Second,
		Force: c.forceRefresh, Now: c.now, Log: c.log,
	}, nil
}

// renew refreshes old where that helps, and logs in where it does not.
func (c *call) renew(ctx context.Context, kind oauth.Kind, old *oauth.Token) (func(context.Context) (*oauth.Token, error), error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	if old != nil && kind == oauth.ID && old.IDToken == "" {
		return nil, c.noIDToken() // a login with the same settings brings none either
	}
	if old == nil || !old.Refreshable(kind) {
		return c.prepareLogin(ctx, client, nil)
	}
	refresh, err := client.PrepareRefresh(ctx, old)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (*oauth.Token, error) {
		t, err := refresh(ctx)
		if !oauth.LoggedOut(err) {
			return t, err
		}
		login, err := c.prepareLogin(ctx, client, err)
		if err != nil {
			return nil, err
		}
		return login(ctx)
	}, nil
}

func (c *call) noIDToken() error {
	return usage(c.loginCommand()+" --scope openid", "%s gave no ID token, which --token-kind id asks for", c.server())
}

// prepareLogin makes a login ready, if one may start here. cause is why the
// saved one does not do.
func (c *call) prepareLogin(ctx context.Context, client *oauth.Client, cause error) (func(context.Context) (*oauth.Token, error), error) {
	if why := c.whyNoLogin(); why != "" {
		return nil, &loginNeeded{where: c.server(), reason: why, cause: cause}
	}
	if tty := c.terminal(); tty != nil {
		client.Prompt = tty
	}
	if c.opensBrowser() {
		client.Open = c.open
	}
	return client.PrepareLogin(ctx)
}

// loginCommand is the command line that logs in with the settings of this one.
func (c *call) loginCommand() string {
	words := []string{program, "login"}
	for _, name := range c.given {
		words = append(words, given(c.flags.Lookup(name))...)
	}
	return shellquote.Join(words...)
}

// given writes a flag as it could have been given.
func given(f *pflag.Flag) (words []string) {
	values := []string{f.Value.String()}
	switch v := f.Value.(type) {
	case listValue:
		values = *v.p
	case portsValue:
		values = strings.Fields(v.String())
	case mapValue:
		values = v.pairs()
	case boolValue:
		return []string{"--" + f.Name + "=" + v.String()}
	}
	for _, value := range values {
		words = append(words, "--"+f.Name, value)
	}
	return words
}

// close puts the terminal back as it was.
func (c *call) close() {
	if c.tty != nil {
		c.tty.close()
	}
}
