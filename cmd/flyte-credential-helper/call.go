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
	if w.quiet(s) {
		log = slog.New(slog.DiscardHandler)
	}
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
	if c.clientID == "" && !c.discovers() {
		return cache.Key{}, usage(c.loginCommand()+" --client-id ID", "no client id is set: the name under which %s knows this program", c.server())
	}
	check := oauth.Client{
		Issuer: c.issuer, AuthEndpoint: c.authEndpoint, TokenEndpoint: c.tokenEndpoint, DeviceEndpoint: c.deviceEndpoint, RevocationEndpoint: c.revocationEndpoint,
		ClientID: c.clientID, Grant: oauth.Grant(c.grant), RedirectURI: c.redirectURI, Listen: c.listen,
		AuthParams: c.authParam, TokenParams: c.tokenParam, RefreshParams: c.refreshParam,
	}
	if c.discovers() {
		check.Server = unasked()
	}
	if err := check.Check(); err != nil {
		return cache.Key{}, err
	}
	for name, value := range c.header {
		if err := oauth.CheckHeader(name, value); err != nil {
			return cache.Key{}, err
		}
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
	case c.discovers():
		servers = []string{c.endpoint}
	case c.endpoint != "":
		servers = []string{c.endpoint, c.authEndpoint, c.tokenEndpoint}
	case c.issuer != "":
		servers = []string{c.issuer}
	default:
		servers = []string{c.authEndpoint, c.tokenEndpoint}
	}
	grant := cache.GrantUser
	if c.machine() {
		grant = cache.GrantClient
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

// source is where this run gets its token: kind of it, valid for minTTL more.
func (c *call) source(kind oauth.Kind) (*cache.Source, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	if c.machine() {
		key.ClientSecret, _ = c.secret() // a missing one is an error only if it is needed
	}
	store := cache.NewStore(c.stateDir(), c.store, c.keyring(), key)
	source := &cache.Source{
		Store: store, Kind: kind, StartRefresh: c.ahead(kind),
		MinTTL: c.minTTL, ReuseWindow: c.reuseWindow, LockTimeout: c.patience(), RefreshWait: c.wait,
		OnWait: c.sayWaiting, Settings: c.fingerprint, ForceRefresh: c.forceRefresh, Now: c.now, Log: c.log,
	}
	if c.machine() {
		source.Obtain = c.obtain
		return source, nil
	}
	store.Ask = c.askStore
	source.PrepareRefresh = func(ctx context.Context, old *oauth.Token) (*oauth.TokenRequest, error) {
		return c.prepareRefresh(ctx, old, kind)
	}
	source.MayLogin = c.mayLogin
	source.PrepareLogin = func(ctx context.Context, old *oauth.Token, _ error) (oauth.PreparedLogin, error) {
		return c.prepareLogin(ctx, old, kind)
	}
	source.Redeem, source.Delegate = c.redeem, c.child
	return source, nil
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
func (c *call) sayWaiting(h cache.LockOwner) {
	who := fmt.Sprintf("process %d", h.PID)
	if here, err := os.Hostname(); err != nil || here != h.Host {
		who += " on " + oauth.Printable(h.Host)
	}
	clock := func(t time.Time) string { return t.Local().Format(time.TimeOnly) }
	c.note("waiting for %s, which logs in to %s or renews the login since %s, until %s at most", who, c.server(), clock(h.Since), clock(h.Until))
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
	tty.say("This machine has no keyring. Keep tokens readable in a file that is yours alone? yes, or no to keep nothing and log in each time:\n")
	for {
		line, err := tty.ReadLine(ctx)
		if err != nil {
			return "", none
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return cache.StoreFile, nil
		case "n", "no":
			return cache.StoreNone, nil
		}
		tty.say("yes or no:\n")
	}
}

// redeem sends a token request that cannot be sent twice.
func (c *call) redeem(ctx context.Context, r *oauth.TokenRequest, old *oauth.Token, save func(*oauth.Token)) (*oauth.Token, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	return client.Redeem(ctx, r, old, save)
}

// prepareRefresh makes the refresh of old ready.
func (c *call) prepareRefresh(ctx context.Context, old *oauth.Token, kind oauth.Kind) (*oauth.TokenRequest, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	if c.discovers() {
		client.Server = &old.Server // as it said at the login
	}
	return client.PrepareRefresh(ctx, old, kind)
}

// obtain gets a token with client credentials.
func (c *call) obtain(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	if err := c.ask(ctx, client, old); err != nil {
		return nil, err
	}
	return client.ClientCredentials(ctx)
}

// mayLogin returns why no login may start here, or nil if one may. cause is the server's
// refusal of the saved login, or nil.
func (c *call) mayLogin(_ context.Context, cause error) error {
	why := c.whyNoLogin()
	if why == "" {
		return nil
	}
	if c.store == cache.StoreNone {
		c.store, why = cache.StoreAuto, why+", and --store none keeps no login of another call"
	}
	needed := &loginNeeded{where: c.server(), reason: why, cause: cause}
	if c.terse {
		needed.command = c.loginCommand()
	}
	return needed
}

// prepareLogin makes a login ready. old is the saved one, or nil.
func (c *call) prepareLogin(ctx context.Context, old *oauth.Token, kind oauth.Kind) (oauth.PreparedLogin, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	client.Notify = c.notify
	if tty := c.terminal(); tty != nil {
		client.Prompt = tty
	}
	if c.opensBrowser() && (client.Grant != oauth.GrantDevice || client.Prompt == nil) {
		client.Open = c.open
	}
	if err := c.ask(ctx, client, old); err != nil {
		return nil, err
	}
	return client.PrepareLogin(ctx, kind)
}

// loginCommand is the command line that logs in with the settings of this one.
func (c *call) loginCommand() string {
	verb := c.verb
	if verb == nil {
		verb = []string{"login"}
	}
	words := append(append([]string{program}, verb...), c.flagsGiven()...)
	for _, name := range c.inherited {
		// A value that is not shown is left to the variable it came from.
		if more := c.words(name); pasted(more) == shellquote.Join(more...) || !c.inEnvironment(name) {
			words = append(words, more...)
		}
	}
	forbidden := c.loginForbidden() != "" && !slices.Contains(c.flagged, "interactive")
	if forbidden || c.person && c.interactive == "always" { // or the hint leads back to where it came from
		words = append(words, "--interactive", "always")
	}
	return pasted(words)
}

// inEnvironment reports whether a variable has set the setting.
func (c *call) inEnvironment(name string) bool { return c.getenv(variable(name)) != "" }

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

// masked replaces the value of a header or parameter in messages. [mapValue.Set] refuses
// it: a hint that has it does not work before the user has put the value in.
const masked = "…"

// maskedSettings are those whose values may be secret, whatever the name in them is.
func maskedSettings() []string {
	return []string{"header", "auth-param", "token-param", "refresh-param"}
}

// pasted is a command line for a message. It shows the names of headers and parameters
// without their values, and URLs without their user part.
func pasted(words []string) string {
	shown := slices.Clone(words)
	for i, word := range shown {
		flag, value, joined := strings.Cut(word, "=")
		name, isFlag := strings.CutPrefix(flag, "--")
		switch {
		case isFlag && joined && slices.Contains(maskedSettings(), name):
			shown[i] = flag + "=" + withoutValue(value)
		case i > 0 && slices.Contains(maskedSettings(), strings.TrimPrefix(words[i-1], "--")) && strings.HasPrefix(words[i-1], "--"):
			shown[i] = withoutValue(word)
		default:
			shown[i] = withoutUser(word)
		}
	}
	return shellquote.Join(shown...)
}

// withoutValue masks the value of NAME=VALUE.
func withoutValue(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return name + "=" + masked
}

// withoutUser is a word without the user part of a URL.
func withoutUser(word string) string {
	u, err := url.Parse(word)
	if err != nil || u.User == nil {
		return word
	}
	u.User = nil
	return u.String()
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
