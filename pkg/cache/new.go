package cache

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// New returns the source of the login that client identifies: see [KeyOf]. All programs
// that use the same client and directory share the login, flyte-credential-helper too. New
// sends no request and reads no file. It returns an [oauth.Error] if client cannot work.
//
// If client has neither Open nor Prompt nor Notify, no login can start, and calls that need
// one return a [LoginNeededError].
func New(client *oauth.Client, options ...Option) (*Source, error) {
	c := config{
		source: Source{kind: oauth.Access, reuseWindow: defaultReuseWindow, lockTimeout: cmp.Or(client.LoginTimeout, defaultLoginTimeout) + loginSlack, now: client.Now},
		dir:    DirIn(StateHome()), storeKind: StoreAuto,
	}
	if client.Grant == oauth.GrantDevice {
		c.source.lockTimeout = oauth.DeviceLifetime + loginSlack
	}
	for _, o := range options {
		o(&c)
	}
	if c.requests == nil {
		if err := client.Check(); err != nil {
			return nil, err
		}
		c.requests = newDirect(client, c.dir)
	}
	return c.build(client)
}

const (
	defaultReuseWindow  = time.Minute
	defaultLoginTimeout = 2 * time.Minute // as of an oauth.Client
	loginSlack          = 30 * time.Second
)

// An Option changes a default of [New].
type Option func(*config)

// config is what New makes a Source of.
type config struct {
	source    Source
	dir       Dir
	storeKind StoreKind
	keyring   *Keyring
	chooser   func(ctx context.Context) (StoreKind, error)
	requests  Requests
}

func (c *config) build(client *oauth.Client) (*Source, error) {
	key := KeyOf(client)
	if strings.Join(key.Server, "") == "" {
		return nil, oauth.ConfigError("issuer", "no server is set: neither an issuer nor endpoints")
	}
	s := &c.source
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if c.keyring == nil {
		c.keyring = &Keyring{Attended: func() bool { return showsLogins(client) }}
	}
	s.store = newStore(c.dir, c.storeKind, c.keyring, key)
	r := c.requests
	if client.Grant == oauth.GrantClientCredentials {
		s.clientCredentials = r.ClientCredentials
		return s, nil
	}
	s.store.chooser = c.chooser
	s.redeem = r.Redeem
	s.prepareRefresh = func(ctx context.Context, old *oauth.Token) (*oauth.TokenRequest, error) {
		return r.PrepareRefresh(ctx, old, s.kind)
	}
	s.prepareLogin = func(ctx context.Context, old *oauth.Token) (oauth.PreparedLogin, error) {
		return r.PrepareLogin(ctx, old, s.kind)
	}
	if s.mayLogin == nil && !showsLogins(client) {
		s.mayLogin = func(_ context.Context, cause error) error {
			return &LoginNeededError{Server: key.Server[0], Reason: "this program can show no login", Cause: cause}
		}
	}
	return s, nil
}

// showsLogins reports whether a login of c can reach a user.
func showsLogins(c *oauth.Client) bool { return c.Open != nil || c.Prompt != nil || c.Notify != nil }

// WithDir sets the directory of the logins. Default: the directory of
// flyte-credential-helper, [DirIn] of [StateHome].
func WithDir(d Dir) Option { return func(c *config) { c.dir = d } }

// WithStore sets the kind of store. Default: [StoreAuto].
func WithStore(k StoreKind) Option { return func(c *config) { c.storeKind = k } }

// WithStoreChooser sets the function that lets the user choose a kind of store on a machine
// without any keyring. Default: none, and calls that have to save fail.
func WithStoreChooser(f func(ctx context.Context) (StoreKind, error)) Option {
	return func(c *config) { c.chooser = f }
}

// WithKeyring sets how the OS keyring is used. Default: it may ask the user if the client
// can show a login.
func WithKeyring(k *Keyring) Option { return func(c *config) { c.keyring = k } }

// WithRequests sets what makes the requests of the login. The client of [New] then only
// identifies the login. Default: the client.
func WithRequests(r Requests) Option { return func(c *config) { c.requests = r } }

// WithKind sets which token is wanted. Default: the access token.
func WithKind(k oauth.Kind) Option { return func(c *config) { c.source.kind = k } }

// WithMinTTL sets for how long a token must still be valid: see [Margin]. Default: zero.
func WithMinTTL(d time.Duration) Option { return func(c *config) { c.source.minTTL = d } }

// WithReuseWindow sets for how long a new token is returned to all calls that want a new one. Default:
// a minute.
func WithReuseWindow(d time.Duration) Option { return func(c *config) { c.source.reuseWindow = d } }

// WithLockTimeout sets how long to wait for the renewal of another process. Default: half a
// minute longer than a login may take.
func WithLockTimeout(d time.Duration) Option { return func(c *config) { c.source.lockTimeout = d } }

// WithRefreshWait sets how long to wait for the answer to a refresh. Default: 10 s.
func WithRefreshWait(d time.Duration) Option { return func(c *config) { c.source.refreshWait = d } }

// WithForceRefresh renews a token that is still valid, outside the reuse window.
func WithForceRefresh(force bool) Option { return func(c *config) { c.source.forceRefresh = force } }

// WithIgnoreBackoff starts a renewal although one has just failed. It is for a user who
// asked for the call.
func WithIgnoreBackoff(ignore bool) Option {
	return func(c *config) { c.source.ignoreBackoff = ignore }
}

// WithLoginPolicy sets the function that returns why no login may start, or nil if one may.
// cause is why the saved login does not help: the refusal of the server, or what is wrong
// with the ID token; nil if there is none. Default: a login may start.
func WithLoginPolicy(f func(ctx context.Context, cause error) error) Option {
	return func(c *config) { c.source.mayLogin = f }
}

// WithOnWait sets a function that is called once with the process that this one waits for,
// after a second.
func WithOnWait(f func(LockOwner)) Option { return func(c *config) { c.source.onWait = f } }

// WithFingerprint sets a function whose result changes with each setting that may cure a
// failure: a saved failure with another result does not count. Default: no setting does.
func WithFingerprint(f func() string) Option { return func(c *config) { c.source.settings = f } }

// WithWorker sets what redeems a refresh token or a code. Default: a goroutine of this
// process, which continues if the context of the call ends.
func WithWorker(w Worker) Option { return func(c *config) { c.source.worker = w } }

// WithRefreshAhead sets a function that starts [Source.RefreshAhead] in a process of its own
// and does not wait for it. Default: a token is renewed when it is needed.
func WithRefreshAhead(start func()) Option { return func(c *config) { c.source.startRefresh = start } }

// WithClock sets the clock. Default: that of the client.
func WithClock(now func() time.Time) Option { return func(c *config) { c.source.now = now } }

// WithLogger sets the logger. Nothing that is logged contains a secret. Default: none.
func WithLogger(log *slog.Logger) Option { return func(c *config) { c.source.log = log } }

// A Worker runs [Source.Serve] in a process that outlives this one, with request as its
// input, and returns its output. If no process can be started it returns [ErrNoWorker].
type Worker func(ctx context.Context, request []byte) (answer []byte, err error)

// Requests makes the requests of a login. old is the saved token set, or nil; want is the
// kind of credential that is needed. The methods whose names begin with Prepare do
// everything that uses nothing up.
type Requests interface {
	PrepareRefresh(ctx context.Context, old *oauth.Token, want oauth.Kind) (*oauth.TokenRequest, error)
	PrepareLogin(ctx context.Context, old *oauth.Token, want oauth.Kind) (oauth.PreparedLogin, error)
	// Redeem is [oauth.Client.Redeem].
	Redeem(ctx context.Context, r *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error)
	// ClientCredentials gets a token set if the grant is [oauth.GrantClientCredentials].
	// The other methods are then not called.
	ClientCredentials(ctx context.Context, old *oauth.Token) (*oauth.Token, error)
}

// direct makes requests with a client whose server is known or publishes metadata.
type direct struct{ *oauth.Client }

func newDirect(client *oauth.Client, dir Dir) direct {
	if client.LockPort != nil || dir == "" {
		return direct{client}
	}
	locking := *client
	locking.LockPort = dir.LockPort
	return direct{&locking}
}

func (d direct) PrepareLogin(ctx context.Context, _ *oauth.Token, want oauth.Kind) (oauth.PreparedLogin, error) {
	return d.Client.PrepareLogin(ctx, want)
}

func (d direct) ClientCredentials(ctx context.Context, _ *oauth.Token) (*oauth.Token, error) {
	return d.Client.ClientCredentials(ctx)
}

// Store returns the store of the login. It is a copy: a change has no effect on s.
func (s *Source) Store() *Store {
	store := *s.store
	return &store
}

// Kind returns which token s returns.
func (s *Source) Kind() oauth.Kind { return s.kind }

// TokenSource returns a source of the credential for code that takes an
// [oauth2.TokenSource], such as [oauth2.NewClient]. It keeps the credential in memory until
// [SafeExpiry]. It is safe for concurrent use. ctx is that of each call of [Source.Token].
func (s *Source) TokenSource(ctx context.Context) oauth2.TokenSource {
	return oauth2.ReuseTokenSource(nil, tokenSource{ctx, s})
}

type tokenSource struct {
	ctx    context.Context
	source *Source
}

// Token implements [oauth2.TokenSource].
func (t tokenSource) Token() (*oauth2.Token, error) {
	set, err := t.source.Token(t.ctx)
	if err != nil {
		return nil, err
	}
	c := set.Credential(t.source.kind)
	return &oauth2.Token{AccessToken: c.Value.Reveal(), TokenType: "Bearer", Expiry: SafeExpiry(c, t.source.now())}, nil
}

// LoginNeededError means that a user has to log in, and that no login can start here.
type LoginNeededError struct {
	Server string // empty: no login at all is saved
	Reason string // why no login can start
	Cause  error  // why the saved login cannot be used, or nil
}

func (e *LoginNeededError) Error() string {
	if e.Server == "" {
		return "no login is saved"
	}
	words := "a login to " + e.Server + " is needed, but cannot start here: " + e.Reason
	switch cause := oauth.AsError(e.Cause); {
	case cause != nil && cause.Saved != oauth.LoginUsable && cause.Problem != "":
		words = cause.Problem + ", and no new login to " + e.Server + " can start here: " + e.Reason
	case cause != nil && cause.Saved != oauth.LoginUsable:
		words = "the server no longer accepts the saved login to " + e.Server + ", and a new login cannot start here: " + e.Reason
	case cause != nil:
		words += "; " + cause.Error()
	}
	return words
}

// Unwrap returns the cause.
func (e *LoginNeededError) Unwrap() error { return e.Cause }

// StateHome returns the user's directory for state: $XDG_STATE_HOME, or the default of the
// operating system. It is empty if the user has no home directory.
func StateHome() string {
	if xdg.Home == "/" && os.Getenv("HOME") == "" && os.Getenv("XDG_STATE_HOME") == "" {
		return "" // xdg takes / for it
	}
	return xdg.StateHome
}

// DirIn returns the directory of the logins of flyte-credential-helper in a directory for
// state, or an empty Dir if that is empty.
func DirIn(stateHome string) Dir {
	if stateHome == "" {
		return ""
	}
	return Dir(filepath.Join(stateHome, service))
}

// LockPort takes the lock of a TCP port on which a login listens. It is a LockPort of
// [oauth.Client]. If the lock cannot be made, the login goes on without it: it fails only
// if it has to be saved.
func (d Dir) LockPort(ctx context.Context, port int, wait bool) (unlock func(), err error) {
	unlock, err = d.lockPort(ctx, port, wait)
	switch {
	case errors.Is(err, ErrBusy) && !wait:
		return nil, nil
	case errors.As(err, new(*StoreError)):
		return func() {}, nil
	}
	return unlock, err
}
