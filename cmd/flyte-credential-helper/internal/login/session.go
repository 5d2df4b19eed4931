// Package login makes the source of one login's token: the store, the OAuth client, the
// browser and the terminal, and the processes that redeem what can be redeemed only once.
package login

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// Session is the login that a call uses.
type Session struct {
	Console
	settings *config.Resolved
	policy   Policy
	env      system.Env
	source   *cache.Source
	// connect makes the connection to the login's servers when it is first needed.
	connect func() (*connection, error)
}

// Open returns the session of the login that r names. It asks no server.
func Open(_ context.Context, r *config.Resolved, p Policy, env system.Env) (*Session, error) {
	client, err := identity(r, p, env)
	if err != nil {
		return nil, Explain(err, r, p, env)
	}
	secret := newSecretFunc(r, env)
	if r.IsMachine() {
		client.ClientSecret, _ = secret() // a missing one is an error only if it is needed
	}
	s := &Session{Console: NewConsole(r, p, env), settings: r, policy: p, env: env, connect: sync.OnceValues(func() (*connection, error) { return connect(r, p, env, secret) })}
	s.source, err = s.newSource(client, secret)
	return s, err
}

// Keyring is the OS keyring, which may ask the user only if a login may start.
func Keyring(r *config.Resolved, p Policy, env system.Env) *cache.Keyring {
	return &cache.Keyring{
		Attended: func() bool { return p.whyNoLogin(context.Background(), &r.Settings, env) == "" },
		Getenv:   env.Getenv,
	}
}

func (s *Session) newSource(client *oauth.Client, secret secretFunc) (*cache.Source, error) {
	r := s.settings
	minTTL := r.MinTTL
	if !r.IsSet("min-ttl") {
		minTTL = s.policy.MinTTL
	}
	return cache.New(client,
		cache.WithDir(StateDir(s.env)), cache.WithStore(cache.StoreKind(r.Store)), cache.WithKeyring(Keyring(r, s.policy, s.env)), cache.WithStoreChooser(s.askStore),
		cache.WithRequests(requests{s}), cache.WithLoginPolicy(s.mayLogin),
		cache.WithWorker(func(ctx context.Context, request []byte) ([]byte, error) { return s.workers().delegate(ctx, request) }),
		cache.WithRefreshAhead(s.startRefresh),
		cache.WithKind(cmp.Or(s.policy.Kind, r.Kind(s.policy.Auto))), cache.WithMinTTL(minTTL), cache.WithReuseWindow(r.ReuseWindow),
		cache.WithLockTimeout(Patience(r, s.policy)), cache.WithRefreshWait(s.policy.RefreshWait),
		cache.WithForceRefresh(r.ForceRefresh), cache.WithIgnoreBackoff(s.policy.IgnoreBackoff),
		cache.WithFingerprint(func() string { return fingerprint(r, secret) }), cache.WithOnWait(s.sayWaiting),
		cache.WithClock(s.env.Now), cache.WithLogger(s.Log),
	)
}

// Settings are the settings of the login.
func (s *Session) Settings() *config.Resolved { return s.settings }

// ID is the login's ID.
func (s *Session) ID() string { return s.source.Store().ID }

// Kind is the token that the session returns.
func (s *Session) Kind() oauth.Kind { return s.source.Kind() }

// Place is the kind of store in which the login is.
func (s *Session) Place() cache.StoreKind { return s.source.Store().CurrentKind() }

// Rejection tells whether a server rejected a token.
type Rejection struct {
	Rejected func(oauth.Credential) bool // nil: no server did
	Inferred bool                        // it is inferred from a repeated call
}

// Token returns the saved token, or renews it. rejection may be the zero Rejection.
func (s *Session) Token(ctx context.Context, rejection Rejection) (*oauth.Token, oauth.Credential, error) {
	t, err := s.source.TokenAfterRejection(ctx, rejection.Rejected, rejection.Inferred)
	if err != nil {
		return nil, oauth.Credential{}, Explain(err, s.settings, s.policy, s.env)
	}
	s.logToken(ctx, t)
	return t, t.Credential(s.source.Kind()), nil
}

// logToken logs what a server judges of the token.
func (s *Session) logToken(ctx context.Context, t *oauth.Token) {
	if !s.Log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	kind, c := s.source.Kind(), t.Credential(s.source.Kind())
	if kind == oauth.Auto && t.IDToken != "" {
		kind = oauth.ID
	}
	claims := DecodeClaims(c.Value)
	if claims == nil { // an opaque token
		claims = &Claims{Issuer: t.Server.Issuer}
	}
	s.Log.Debug("answer", "kind", kind, "issuer", claims.Issuer, "audience", claims.Audience, "expiry", c.Expiry.UTC())
}

// Saved returns the saved token without a request, or nil if there is none.
func (s *Session) Saved(ctx context.Context) (*oauth.Token, error) { return s.source.Store().Load(ctx) }

// LogIn logs in, whatever is saved. fresh is false if another process has just done so.
func (s *Session) LogIn(ctx context.Context) (t *oauth.Token, fresh bool, err error) {
	if t, fresh, err = s.source.Login(ctx); err == nil {
		s.logToken(ctx, t)
	}
	return t, fresh, Explain(err, s.settings, s.policy, s.env)
}

// Patience is how long to wait for another process: for its login, and more.
func Patience(r *config.Resolved, p Policy) time.Duration {
	login := r.LoginTimeout
	if r.Grant == string(oauth.GrantDevice) {
		login = oauth.DeviceLifetime
	}
	return cmp.Or(p.RefreshWait, login+30*time.Second)
}

// sayWaiting tells the user which process the call waits for.
func (s *Session) sayWaiting(owner cache.LockOwner) {
	process := fmt.Sprintf("process %d", owner.PID)
	if here, err := os.Hostname(); err != nil || here != owner.Host {
		process += " on " + oauth.Printable(owner.Host)
	}
	clock := func(t time.Time) string { return t.Local().Format(time.TimeOnly) }
	s.Note("waiting for %s, which has been logging in to %s or refreshing its token since %s; will wait until %s at most", process, s.settings.Server(), clock(owner.Since), clock(owner.Until))
}

// askStore asks the user at the terminal for a store, on a machine that cannot keep a key: a
// file that is not encrypted, or none.
func (s *Session) askStore(ctx context.Context) (cache.StoreKind, error) {
	none := &cache.StoreError{
		Problem: "this machine has neither an OS keyring nor a kernel keyring: use --store file to keep tokens unencrypted in a file, or --store none to log in each time",
		Store:   cache.StoreFile,
	}
	tty := s.env.Terminal
	if !tty.Usable() || s.policy.whyNoLogin(ctx, &s.settings.Settings, s.env) != "" {
		return "", none
	}
	yes, err := AskYesNo(ctx, tty, "This machine has no keyring. Without one, tokens can only be stored unencrypted, in a file that only you can read.\nIf you answer no, nothing is stored and each call logs in. Store tokens unencrypted? [y/N]\n")
	switch {
	case err != nil:
		return "", none
	case yes:
		return cache.StoreFile, nil
	}
	return cache.StoreNone, nil
}

// AskYesNo asks at the terminal until the answer is yes or no. An empty line means no.
func AskYesNo(ctx context.Context, tty *system.Terminal, question string) (yes bool, err error) {
	tty.Say(question)
	for {
		line, err := tty.ReadLine(ctx)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true, nil
		case "", "n", "no":
			return false, nil
		}
		tty.Say("Answer yes or no. [y/N]\n")
	}
}

// requests makes the requests of a session. It connects when the first one is needed.
type requests struct{ *Session }

// Redeem implements [cache.Requests].
func (s requests) Redeem(ctx context.Context, r *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	return c.redeem(ctx, r, old, j)
}

// PrepareRefresh implements [cache.Requests].
func (s requests) PrepareRefresh(ctx context.Context, old *oauth.Token, want oauth.Kind) (*oauth.TokenRequest, error) {
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	return c.prepareRefresh(ctx, old, want)
}

// untrustedEndpoint returns why no login to the endpoint can start until the user has named
// it, or "".
func (s *Session) untrustedEndpoint() string {
	if file := s.settings.NamedInWorkingTree(); file != "" {
		return "only " + oauth.Printable(file) + " in the working tree names this endpoint: name it yourself to trust it"
	}
	return ""
}

// Saved reports whether a login to a Flyte endpoint is saved.
func Saved(env system.Env, endpoint string) bool {
	e, err := flyte.ParseEndpoint(endpoint)
	stores, _ := cache.List(StateDir(env), nil)
	return err == nil && slices.ContainsFunc(stores, func(s *cache.Store) bool { return s.Header.Server == e.String() })
}

// ClientCredentials implements [cache.Requests].
func (s requests) ClientCredentials(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
	if why := s.untrustedEndpoint(); why != "" {
		return nil, &cache.LoginNeededError{Server: s.settings.Server(), Reason: why}
	}
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	return c.obtain(ctx, old, s.unpinned)
}

// PrepareLogin implements [cache.Requests].
func (s requests) PrepareLogin(ctx context.Context, old *oauth.Token, want oauth.Kind) (oauth.PreparedLogin, error) {
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	t, err := c.asked(ctx)
	if err != nil {
		return nil, err
	}
	client := c.client(t, s.user(""))
	if !namedByOthers(s.settings) && len(s.policy.Pins) == 0 {
		return client.PrepareLogin(ctx, want)
	}
	m, err := client.Discover(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.review(t, m, old)
	if err != nil {
		return nil, err
	}
	if m, err = r.oneServer(ctx, client, m); err != nil {
		return nil, err
	}
	return r.prepareLogin(ctx, c, t.at(m), want)
}

// mayLogin returns why no login may start here, or nil if one may. cause is the server's
// refusal of the saved login, or nil.
func (s *Session) mayLogin(ctx context.Context, cause error) error {
	r := s.settings
	why := cmp.Or(s.untrustedEndpoint(), s.policy.whyNoLogin(ctx, &r.Settings, s.env))
	if why == "" {
		return nil
	}
	if r.Store == string(cache.StoreNone) {
		r, why = r.With("store", string(cache.StoreAuto)), why+", and --store none keeps no login for later calls"
	}
	var needed error = &cache.LoginNeededError{Server: r.Server(), Reason: why, Cause: cause}
	if s.policy.OneLine {
		needed = &OneLineError{Err: needed, Command: Command(r, s.policy, s.env)}
	}
	return Explain(needed, r, s.policy, s.env)
}

// noColor reports whether the terminal has no colors, or the user wants none: https://no-color.org
func noColor(env system.Env) bool {
	return env.Getenv("NO_COLOR") != "" || env.Getenv("TERM") == "dumb"
}

// user returns the user of a login who has to confirm it first in the browser, or not if
// question is empty.
func (s *Session) user(question string) user {
	u := user{terminal: s.env.Terminal, notify: s.Notify, question: question, noColor: noColor(s.env)}
	if opensBrowser(&s.settings.Settings, s.env) {
		u.browser = s.browser()
	}
	return u
}

// unpinned returns an error if the endpoint names another server than at the last login,
// unless the user requested this login. An attacker who can answer for the endpoint could
// otherwise send users to a login page of their own. was and is are the endpoints that
// differ.
func (s *Session) unpinned(was, is string) error {
	words := fmt.Sprintf("%s now sends logins to %s, before to %s", s.settings.Server(), oauth.Printable(is), oauth.Printable(was))
	if s.policy.Explicit {
		s.Note("%s", words)
		return nil
	}
	return &cache.LoginNeededError{Server: s.settings.Server(), Reason: words}
}
