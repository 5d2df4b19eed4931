package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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
	log     *slog.Logger
	tty     *terminal     // opened when first needed
	person  bool          // a person asked to log in
	verb    []string      // what that person runs; nil: login
	never   func() string // why its caller's protocol starts no login; nil: it may
	wait    time.Duration // how long to wait for another process; 0: as long as a login takes
	before  *oauth.Token  // what was kept before a person logs in anew
	proxies *proxyToken   // made when first needed
	terse   bool          // the caller shows the first line of what goes wrong at the most
}

// newCall completes the settings, which have what the command line says.
func newCall(w world, s *settings, table []setting) (*call, error) {
	cluster, err := clusterLevel(w.getenv(execInfo), table)
	if err != nil {
		return nil, err
	}
	profile, err := resolve(w, s, table, cluster)
	if err != nil {
		return nil, err
	}
	log := newLog(w.stderr, s.logLevel)
	for _, words := range s.warnings {
		log.Warn(words)
	}
	for _, words := range s.notes {
		log.Info(words)
	}
	return &call{world: w, settings: s, profile: profile, log: log}, nil
}

func newLog(to io.Writer, name string) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(name)) // one of a list
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level}))
}

// key is all by which the server tells this login from others.
func (c *call) key() (cache.Key, error) {
	switch {
	case c.undecided != nil:
		return cache.Key{}, c.undecided
	case c.nameless:
		return cache.Key{}, c.noServer()
	}
	if c.clientID == "" && c.endpoint == "" {
		return cache.Key{}, usage(c.loginCommand()+" --client-id ID", "no client id is set: the name under which %s knows this program", c.server())
	}
	check := oauth.Client{
		Issuer: c.issuer, AuthEndpoint: c.authEndpoint, TokenEndpoint: c.tokenEndpoint, DeviceEndpoint: c.deviceEndpoint, RevocationEndpoint: c.revocationEndpoint,
		ClientID: c.clientID, Grant: oauth.Grant(c.grant), RedirectURI: c.redirectURI, AuthParams: c.authParam, TokenParams: c.tokenParam, RefreshParams: c.refreshParam,
	}
	if c.endpoint != "" {
		check.Server = unasked()
	}
	if err := check.Check(); err != nil {
		return cache.Key{}, err
	}
	key := c.keyOf()
	// The id is made only where there is something to compare it with.
	if slices.ContainsFunc(strings.Fields(c.getenv(inside)), func(id string) bool { return id == key.ID() }) {
		return cache.Key{}, usage("", "this login is asked for by its own --proxy-command")
	}
	return key, nil
}

func (c *call) keyOf() cache.Key {
	var servers []string
	switch {
	case c.endpoint != "":
		servers = []string{c.endpoint}
	case c.issuer != "":
		servers = []string{c.issuer}
	default:
		servers = []string{c.authEndpoint, c.tokenEndpoint}
	}
	grant := cache.Person
	if c.machine() {
		grant = cache.Machine
	}
	return cache.Key{
		Server: servers, Client: c.clientID, Grant: grant, Scopes: c.scope, Audience: c.audience, Resource: c.resource,
		AuthParams: c.authParam, TokenParams: c.tokenParam, RefreshParams: c.refreshParam, Account: c.account,
	}
}

// server is what people are told they log in to.
func (c *call) server() string {
	return cmp.Or(c.endpoint, c.issuer, c.authEndpoint, c.tokenEndpoint)
}

// machine reports whether no person is needed for a token.
func (c *call) machine() bool { return c.grant == string(oauth.GrantClientCredentials) }

func (c *call) stateDir() cache.Dir {
	if c.stateHome == "" {
		return ""
	}
	return cache.Dir(filepath.Join(c.stateHome, program))
}

func (c *call) keyring() *cache.Keyring {
	return &cache.Keyring{Attended: func() bool { return c.whyNoLogin() == "" }, Getenv: c.getenv}
}

// source is where this run gets its token: kind of it, good for minTTL more.
func (c *call) source(kind oauth.Kind) (*cache.Source, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	store := cache.NewStore(c.stateDir(), c.store, c.keyring(), key)
	if !c.machine() {
		store.Ask = c.askStore
	}
	return &cache.Source{
		Store:  store,
		Kind:   kind,
		Renew:  func(ctx context.Context, old *oauth.Token) (cache.Renewal, error) { return c.renew(ctx, kind, old) },
		Spend:  c.spend,
		Child:  c.child,
		Ahead:  c.ahead(kind),
		MinTTL: c.minTTL, ReuseWindow: c.reuseWindow, Patience: c.patience(),
		Waiting: c.sayWaiting, Settings: c.fingerprint, Override: c.interactive == "always" && c.never == nil,
		Force: c.forceRefresh, Free: c.machine(), Now: c.now, Log: c.log,
	}, nil
}

// patience is how long to wait for another process: for its login, and more.
func (c *call) patience() time.Duration {
	login := c.loginTimeout
	if c.grant == string(oauth.GrantDevice) {
		login = oauth.DeviceLifetime
	}
	return cmp.Or(c.wait, login+30*time.Second)
}

// sayWaiting tells whom the call waits for, on stderr, where a person may see it.
func (c *call) sayWaiting(h cache.Holder) {
	who := fmt.Sprintf("process %d", h.PID)
	if here, err := os.Hostname(); err != nil || here != h.Host {
		who += " on " + oauth.Printable(h.Host)
	}
	clock := func(t time.Time) string { return t.Local().Format(time.TimeOnly) }
	_, _ = fmt.Fprintf(c.stderr, "%s: waiting for %s, which logs in to %s or renews the login since %s, until %s at most\n", program, who, c.server(), clock(h.Since), clock(h.Until))
}

// fingerprint changes with the settings, with the files that they name and with the
// secret: what the server refused it may then take. Of the secret it has two bytes of a
// hash, which are enough to tell another and of no use to guess it.
func (c *call) fingerprint() string {
	h := sha256.New()
	for _, s := range c.table() {
		if s.kind != passing {
			_, _ = fmt.Fprintln(h, s.name, s.value)
		}
	}
	for _, name := range []string{c.clientSecretFile, c.caFile} {
		if info, err := os.Stat(name); err == nil {
			_, _ = fmt.Fprintln(h, name, info.ModTime(), info.Size())
		}
	}
	if secret, err := c.secret(); err == nil {
		sum := sha256.Sum256([]byte(secret))
		_, _ = h.Write(sum[:2])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// askStore lets a person at their terminal choose, on a machine that can keep no
// key, between the two ways there are without one.
func (c *call) askStore(ctx context.Context) (string, error) {
	none := &cache.StoreError{
		Problem: "this machine has no keyring, neither the OS's nor the kernel's: --store file keeps tokens readable in a file of yours, and none asks for a login each time",
		Hint:    "export " + variable("store") + "=file",
	}
	tty := c.terminal()
	if tty == nil || c.whyNoLogin() != "" {
		return "", none
	}
	tty.Show("This machine has no keyring. Keep tokens readable in a file that is yours alone? yes, or no to keep nothing and log in each time:\n")
	for {
		line, err := tty.ReadLine(ctx)
		if err != nil {
			return "", none
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return cache.InFile, nil
		case "n", "no":
			return cache.Nowhere, nil
		}
		tty.Show("yes or no:\n")
	}
}

// spend makes a request of the authorization server that cannot be made twice.
func (c *call) spend(ctx context.Context, s *oauth.Spending, old *oauth.Token) (*oauth.Token, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	return client.Spend(ctx, s, old)
}

// renew refreshes old where that helps, and logs in where it does not.
func (c *call) renew(ctx context.Context, kind oauth.Kind, old *oauth.Token) (cache.Renewal, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	if c.machine() {
		return c.prepareMachine(ctx, client, old)
	}
	if old != nil && kind == oauth.ID && old.IDToken == "" {
		return nil, c.noIDToken() // a login with the same settings brings none either
	}
	if old == nil || !old.Refreshable(kind) || old.OutlivedAt(c.now()) {
		return c.prepareLogin(ctx, client, old, nil)
	}
	if c.endpoint != "" {
		client.Server = &old.Server // as it said then
	}
	refresh, err := client.PrepareRefresh(ctx, old)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, spend oauth.Spender) (*oauth.Token, error) {
		t, err := spend(ctx, refresh)
		if !oauth.LoggedOut(err) {
			return t, refreshRefused(err)
		}
		login, err := c.prepareLogin(ctx, client, old, err)
		if err != nil {
			return nil, err
		}
		return login(ctx, spend)
	}, nil
}

func (c *call) noIDToken() error {
	return usage(c.loginCommand()+" --scope openid", "%s gave no ID token, which --token-kind id asks for", c.server())
}

// prepareMachine makes ready what needs no person, and spends nothing.
func (c *call) prepareMachine(ctx context.Context, client *oauth.Client, old *oauth.Token) (cache.Renewal, error) {
	if err := c.ask(ctx, client, old); err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ oauth.Spender) (*oauth.Token, error) { return client.ClientCredentials(ctx) }, nil
}

// prepareLogin makes a login ready, if one may start here. cause is why the
// saved one, old, does not do.
func (c *call) prepareLogin(ctx context.Context, client *oauth.Client, old *oauth.Token, cause error) (cache.Renewal, error) {
	if why := c.whyNoLogin(); why != "" {
		if c.store == cache.Nowhere {
			c.store, why = cache.Auto, why+", and --store none keeps no login of another call"
		}
		needed := &loginNeeded{where: c.server(), reason: why, cause: cause, asked: c.person}
		if c.terse {
			needed.command = c.loginCommand()
		}
		return nil, needed
	}
	if tty := c.terminal(); tty != nil {
		client.Prompt = tty
	}
	if c.opensBrowser() && (client.Grant != oauth.GrantDevice || client.Prompt == nil) {
		client.Open = c.open
	}
	if err := c.ask(ctx, client, old); err != nil {
		return nil, err
	}
	return client.PrepareLogin(ctx)
}

// loginCommand is the command line that logs in with the settings of this one.
func (c *call) loginCommand() string {
	verb := c.verb
	if verb == nil {
		verb = []string{"login"}
	}
	words := append(append([]string{program}, verb...), c.flagsGiven()...)
	for _, name := range c.inherited {
		words = append(words, c.words(name)...)
	}
	if c.person && c.interactive == "always" { // or the hint leads back to where it came from
		words = append(words, "--interactive", "always")
	}
	return pasted(words)
}

// byFlag has the hint of another store work where a flag says which: a flag wins over the
// variable that it would set.
func (c *call) byFlag(err error) error {
	var store *cache.StoreError
	if !errors.As(err, &store) || !slices.Contains(c.given, "store") {
		return err
	}
	kind, found := strings.CutPrefix(store.Hint, "export "+variable("store")+"=")
	if !found {
		return err
	}
	c.store = kind
	return &cache.StoreError{Problem: err.Error(), Hint: c.loginCommand()}
}

// pasted is a command line for a message, with nothing secret in it.
func pasted(words []string) string {
	shown := slices.Clone(words)
	for i, word := range shown {
		shown[i] = withoutSecret(word)
	}
	return shellquote.Join(shown...)
}

// withoutSecret is a word for a message: the user part of a URL is left out, and
// what a header carries.
func withoutSecret(word string) string {
	if u, err := url.Parse(word); err == nil && u.User != nil {
		u.User = nil
		return u.String()
	}
	if name, _, found := strings.Cut(strings.TrimPrefix(word, "--header="), "="); found && strings.EqualFold(name, "Authorization") {
		return name + "=…"
	}
	return word
}

// flagsGiven are the flags of the command line that say which login it is.
func (c *call) flagsGiven() (words []string) {
	for _, name := range c.given {
		words = append(words, c.words(name)...)
	}
	return words
}

// setting is the row of that name.
func (c *call) setting(name string) setting {
	table := c.table()
	return table[slices.IndexFunc(table, func(s setting) bool { return s.name == name })]
}

// words write a setting as it could have been given.
func (c *call) words(name string) (words []string) {
	s := c.setting(name)
	if v, ok := s.value.(boolValue); ok {
		return []string{"--" + name + "=" + v.String()}
	}
	for _, word := range wordsOf(s.value) {
		if name == "endpoint" && c.plaintext != "" && !strings.Contains(word, "://") {
			word = "https://" + word // a bare host would be plaintext
		}
		words = append(words, "--"+name, word)
	}
	return words
}

// wordsOf is a setting's value, as a flag takes it: one word for each time that
// it would be given.
func wordsOf(v pflag.Value) []string {
	switch v := v.(type) {
	case listValue:
		return *v.p
	case portsValue:
		return strings.Fields(v.String())
	case mapValue:
		return v.pairs()
	}
	return []string{v.String()}
}

// close puts the terminal back as it was.
func (c *call) close() {
	if c.tty != nil {
		c.tty.close()
	}
}
