package cache

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Source returns the token of one login to all processes and goroutines that ask for it.
// [New] makes one. It is safe for concurrent use.
type Source struct {
	store *Store
	kind  oauth.Kind // the part of the token set that is wanted, and whose expiry counts

	// The parts of [Requests], for this kind.
	prepareRefresh func(ctx context.Context, old *oauth.Token) (*oauth.TokenRequest, error)
	prepareLogin   func(ctx context.Context, old *oauth.Token) (oauth.PreparedLogin, error)
	redeem         func(ctx context.Context, r *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error)
	// clientCredentials never fails because of the store. If set, it is used instead of the
	// other functions.
	clientCredentials func(ctx context.Context, old *oauth.Token) (*oauth.Token, error)

	mayLogin      func(ctx context.Context, cause error) error // nil: a login may start
	worker        Worker                                       // nil: a goroutine of this process
	startRefresh  func()                                       // nil: nothing is refreshed ahead
	onWait        func(LockOwner)                              // nil: not called
	settings      func() string                                // nil: no setting cures a failure
	minTTL        time.Duration
	reuseWindow   time.Duration
	lockTimeout   time.Duration
	refreshWait   time.Duration // zero: defaultRefreshWait
	forceRefresh  bool
	ignoreBackoff bool
	now           func() time.Time
	log           *slog.Logger
}

// defaultRefreshWait is how long a process waits for the answer to a refresh. The
// worker reads on.
const defaultRefreshWait = 10 * time.Second

// call is one call of a Source: the values that it does not share with other calls.
type call struct {
	*Source
	store   *Store
	purpose purpose
	rejection
	start    time.Time     // of this call
	settings func() string // evaluates Settings once
}

// rejection says which credentials a server rejected: see [Source.TokenAfterRejection].
type rejection struct {
	reported func(oauth.Credential) bool // nil: none
	inferred bool
}

// purpose is what a call is for.
type purpose int

const (
	forCaller purpose = iota // a program needs the token
	forUser                  // the user asked for a login
	inAdvance                // the token is refreshed before it is needed
)

func (s *Source) newCall(p purpose) *call {
	store := *s.store
	settings := s.settings
	if settings == nil {
		settings = func() string { return "" }
	}
	return &call{Source: s, store: &store, purpose: p, start: s.now(), settings: sync.OnceValue(settings)}
}

// ignoresFailures reports whether c tries again although an earlier call has just failed.
func (c *call) ignoresFailures() bool { return c.purpose == forUser || c.ignoreBackoff }

// Token returns the saved token set if it is valid. Otherwise it renews it, and every
// other process that needs it waits for the result. If that fails, a token that is still
// valid is returned.
func (s *Source) Token(ctx context.Context) (*oauth.Token, error) {
	t, _, err := s.newCall(forCaller).token(ctx)
	return t, err
}

// TokenAfterRejection returns the saved token set like [Source.Token], unless a server has
// rejected its credential although it seems valid: then it is refreshed, once in the reuse
// window. rejected reports whether c is that credential. If only a login could bring
// another one, the same token is returned again: the server may have other reasons.
//
// inferred says that rejected only infers it, from a repeated call. If the refresh then
// fails temporarily, the same token is returned: a program must not lose a valid token in
// an outage.
func (s *Source) TokenAfterRejection(ctx context.Context, rejected func(c oauth.Credential) bool, inferred bool) (*oauth.Token, error) {
	c := s.newCall(forCaller)
	c.rejection = rejection{reported: rejected, inferred: inferred}
	t, _, err := c.token(ctx)
	return t, err
}

// Login renews by a login, whatever is saved, and returns an error if that fails. It is
// for a user who asks for it. Within the reuse window of a renewal it returns the set of
// that one, and fresh is false. It ignores the back-off of failed logins.
func (s *Source) Login(ctx context.Context) (t *oauth.Token, fresh bool, err error) {
	return s.newCall(forUser).token(ctx)
}

// token loads, locks, loads again and renews. fresh reports whether this call renewed the set.
func (c *call) token(ctx context.Context) (t *oauth.Token, fresh bool, err error) {
	c.at(stepLoad)
	old, err := c.load(ctx)
	if err != nil {
		return nil, false, err
	}
	if c.usable(old, c.start) {
		c.refreshAhead(old)
		return old, false, nil
	}
	if err := c.neverGiven(old); err != nil {
		return nil, false, err
	}
	c.at(stepRecent)
	last := c.store.readRecord()
	if err := c.recorder().sharedFailure(last); err != nil && !c.ignoresFailures() {
		return c.staleIfError(ctx, old, err)
	}
	waited, unlock, err := c.lock(ctx)
	if err != nil {
		return c.staleIfError(ctx, old, err)
	}
	defer func() { c.at(stepUnlock); unlock() }()
	c.at(stepAgain)
	again, err := c.load(ctx)
	if err != nil {
		return c.staleIfError(ctx, old, err)
	}
	old = again
	if c.usable(old, c.now()) || c.renewedSince(old) {
		return old, false, nil
	}
	c.at(stepMeanwhile)
	now := c.store.readRecord()
	if err := c.recorder().sharedFailure(now); err != nil && now.Generation != last.Generation {
		return c.staleIfError(ctx, old, err)
	}
	t, err = c.renew(ctx, old, now, waited)
	if err != nil {
		return c.staleIfError(ctx, old, err)
	}
	return t, true, nil
}

// load returns the saved set, or nil if there is none. With client credentials a store
// error also counts as none.
func (c *call) load(ctx context.Context) (*oauth.Token, error) {
	t, err := c.store.Load(ctx)
	if c.storeOptional(err) {
		return nil, nil
	}
	return t, err
}

// storeOptional reports whether err is a store's that is not needed.
func (s *Source) storeOptional(err error) bool {
	return s.clientCredentials != nil && errors.As(err, new(*StoreError))
}

// usable reports whether t can be returned as it is.
func (c *call) usable(t *oauth.Token, now time.Time) bool {
	if t == nil {
		return false
	}
	credential := t.Credential(c.kind)
	if age := now.Sub(t.Renewed); age >= 0 && age < c.reuseWindow && credential.ValidAt(now) {
		return true
	}
	if c.forceRefresh || c.purpose == forUser || c.rejected(t) {
		return false
	}
	// A credential that only a login can renew is valid to its end.
	return UsableAt(credential, now, c.minTTL) || credential.ValidAt(now) && t.RefreshToken != "" && !t.Refreshable(c.kind)
}

// neverGiven returns the error of a set without a credential of the wanted kind, if a
// login with the same settings would bring none either.
func (c *call) neverGiven(t *oauth.Token) error {
	if t == nil || c.purpose == forUser || t.Fault(c.kind) != nil {
		return nil
	}
	return t.Missing(c.kind)
}

// rejected reports whether t is to be refreshed because a server rejected it. If only a
// login could help, the token is returned again: the server may have other reasons, and
// the user should not log in for each of its refusals.
func (c *call) rejected(t *oauth.Token) bool {
	return c.reported != nil && c.reported(t.Credential(c.kind)) && (c.clientCredentials != nil || c.refreshable(t, c.store.readRecord()))
}

// refreshable reports whether a refresh of t may bring a new credential.
func (c *call) refreshable(t *oauth.Token, r record) bool {
	return t != nil && t.Refreshable(c.kind) && !t.OutlivedAt(c.now()) && !r.RefreshStopped
}

// renewedSince reports whether another process renewed t while this one waited.
func (c *call) renewedSince(t *oauth.Token) bool {
	return t != nil && t.Renewed.After(c.start) && !t.Renewed.After(c.now()) && t.Credential(c.kind).ValidAt(c.now())
}

// staleIfError returns old if it has not expired and was not rejected by a server;
// otherwise err.
func (c *call) staleIfError(ctx context.Context, old *oauth.Token, err error) (*oauth.Token, bool, error) {
	if c.purpose == forUser || ctx.Err() != nil || old == nil || c.rejectedForGood(old, err) || !old.Credential(c.kind).ValidAt(c.now()) {
		return nil, false, err
	}
	c.log.Warn("the token could not be renewed; the present one is returned until it expires", "reason", err)
	return old, false, nil
}

// rejectedForGood reports whether old is not to be returned because a server rejected it.
// If only a login could help, it is returned again.
func (c *call) rejectedForGood(old *oauth.Token, err error) bool {
	if c.reported == nil || !c.reported(old.Credential(c.kind)) || c.clientCredentials == nil && old.RefreshToken == "" {
		return false
	}
	return !c.inferred || !oauth.IsTemporary(err) && !errors.Is(err, ErrBusy) && !errors.As(err, new(*StoreError))
}

// renew gets a new set and saves it. The caller holds the leader's lock. before is the
// record; waited says that this process waited for the lock.
func (c *call) renew(ctx context.Context, old *oauth.Token, before record, waited bool) (*oauth.Token, error) {
	defer c.announce()()
	if c.clientCredentials != nil {
		return c.obtain(ctx, old, before)
	}
	var cause error
	if c.purpose != forUser && c.refreshable(old, before) {
		if cause = before.refreshBlocked(c.now(), c.settings); cause == nil {
			var t *oauth.Token
			t, before, cause = c.refresh(ctx, old, before)
			switch {
			case cause == nil:
				return t, nil
			case !loginHelps(cause):
				return nil, cause
			case t != nil:
				old = t
			}
		}
	}
	return c.logIn(ctx, old, before, waited, cause)
}

// errOnlyLogin means that a refresh succeeded and left the ID token as it was (OpenID
// Connect Core §12.2): only a login brings another.
var errOnlyLogin = errors.New("the refresh brought no new ID token")

// checkRenewed returns why the set of a renewal has no valid credential of the wanted kind, or
// nil if it has one. err is the error of the renewal.
func (c *call) checkRenewed(t *oauth.Token, err error) error {
	if err != nil || t.Credential(c.kind).ValidAt(c.now()) {
		return err
	}
	if err = t.Missing(c.kind); err == nil {
		err = t.Fault(c.kind)
	}
	switch {
	case err != nil:
		return err
	case c.clientCredentials == nil && !t.Refreshable(c.kind) && t.Credential(c.kind).Value == t.IDToken && t.RefreshToken != "":
		return errOnlyLogin
	}
	return oauth.Temporary("the server sent a token that has expired already: is the clock of this machine right?")
}

// loginHelps reports whether a login helps after a refresh that ended with err.
func loginHelps(err error) bool {
	e := oauth.AsError(err)
	return errors.Is(err, errOnlyLogin) || e != nil && e.Saved != oauth.LoginUsable
}

// refresh renews old by its refresh token. It returns the new set, the record, and why the
// set cannot be used, if it cannot.
func (c *call) refresh(ctx context.Context, old *oauth.Token, before record) (*oauth.Token, record, error) {
	c.at(stepRenew)
	t, err := c.sendRefresh(ctx, old)
	err = c.checkRenewed(t, err)
	c.at(stepRecord)
	return t, c.recorder().finish(ctx, before, renewalResult{token: t, err: err, by: byRefresh}), err
}

func (c *call) sendRefresh(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
	left := max(c.start.Add(c.lockTimeout).Sub(c.now()), time.Second) // Bazel's is shorter than two waits
	ctx, cancel := context.WithTimeoutCause(ctx, min(c.answerWait(), left), errSlow)
	defer cancel()
	r, err := c.prepareRefresh(ctx, old)
	if err != nil {
		return nil, c.delegation().slowIfLate(err)
	}
	return c.withPendingWrite(ctx, func(pending *PendingWrite) (*oauth.Token, error) {
		return c.delegation().delegate(ctx, r, pending, old)
	})
}

// logIn renews by a login, unless one failed a moment ago. The back-off record is written
// before the user sees anything: a process that is killed leaves it behind. cause is the
// server's refusal of the refresh, or nil.
func (c *call) logIn(ctx context.Context, old *oauth.Token, before record, waited bool, cause error) (*oauth.Token, error) {
	if errors.Is(cause, errOnlyLogin) {
		cause = nil
	}
	if cause == nil && old != nil && !old.Credential(c.kind).ValidAt(c.now()) {
		cause = old.Fault(c.kind)
	}
	c.at(stepLogin)
	if c.mayLogin != nil {
		if err := c.mayLogin(ctx, cause); err != nil {
			return nil, err
		}
	}
	if err := before.loginBlocked(c.now(), c.settings, waited); err != nil && !c.ignoresFailures() {
		c.recorder().abandon(before)
		return nil, err
	}
	login, err := c.prepareLogin(ctx, old)
	if err != nil {
		c.at(stepRecord)
		c.recorder().finish(ctx, before, renewalResult{err: err})
		return nil, err
	}
	t, err := c.withPendingWrite(ctx, func(pending *PendingWrite) (*oauth.Token, error) {
		defer c.recorder().loginUnderWay(before, waited)()
		return login(ctx, func(ctx context.Context, r *oauth.TokenRequest) (*oauth.Token, error) {
			return c.delegation().delegate(ctx, r, pending, old)
		})
	})
	err = shown(t, c.checkRenewed(t, err))
	c.at(stepRecord)
	c.recorder().finish(ctx, before, renewalResult{token: t, err: err, by: byLogin})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// shown returns the error of a login that brought t, if it cannot be used: the user has
// seen the login, and another would bring no more.
func shown(t *oauth.Token, err error) error {
	if t == nil || err == nil {
		return err
	}
	seen := oauth.Error{Class: oauth.ClassInvalid, Problem: err.Error()}
	if e := oauth.AsError(err); e != nil {
		seen = *e
	}
	seen.Shown = true
	return &seen
}

// withPendingWrite makes sure that a set can be saved before f gets one.
func (c *call) withPendingWrite(ctx context.Context, f func(*PendingWrite) (*oauth.Token, error)) (*oauth.Token, error) {
	c.at(stepPreflight)
	pending, err := c.store.prepare(ctx, preflightSuffix)
	if err != nil {
		return nil, err
	}
	c.at(stepDelegate)
	t, err := f(pending)
	if err == nil || ctx.Err() != nil {
		pending.close() // the worker may be about to use a new key
	} else {
		pending.Discard(ctx)
	}
	return t, err
}

// obtain gets a new set with client credentials, and saves it if it can.
func (c *call) obtain(ctx context.Context, old *oauth.Token, before record) (*oauth.Token, error) {
	c.at(stepRenew)
	t, err := c.clientCredentials(ctx, old)
	if err == nil {
		c.saveObtained(ctx, t)
	}
	err = c.checkRenewed(t, err)
	c.at(stepRecord)
	c.recorder().finish(ctx, before, renewalResult{token: t, err: err})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (c *call) saveObtained(ctx context.Context, t *oauth.Token) {
	unlock, err := c.store.lockRedeem(ctx)
	if err == nil {
		defer unlock()
		var pending *PendingWrite
		if pending, err = c.store.Prepare(ctx); err == nil {
			c.at(stepSave)
			err = pending.Save(t)
		}
	}
	if err != nil {
		c.log.Info("the new token is not saved", "reason", err)
	}
}

// quarantineSuffix is the suffix of a damaged file that was moved out of the way.
const quarantineSuffix = ".bad"

// quarantine moves a damaged file out of the way and keeps it for a bug report. The caller
// holds both locks, so the file is not replaced meanwhile.
func quarantine(ctx context.Context, s *Store, log *slog.Logger) {
	if _, err := s.Load(ctx); err != nil || !s.damaged {
		return
	}
	path := s.Dir.path(s.name())
	moved := s.Dir.path(s.ID + quarantineSuffix)
	if rename(path, moved) == nil {
		log.Warn("the saved login is damaged or of another version, and counts as none", "moved to", moved)
	}
}

// lock takes the leader's lock, whose owner renews, and waits until no worker holds the
// redeem lock. waited says that another process had the leader's lock.
func (c *call) lock(ctx context.Context) (waited bool, unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.lockTimeout, ErrBusy)
	defer cancel()
	defer c.reportWait()()
	c.at(stepLock)
	waited, unlock, err = c.lockLeader(ctx)
	switch {
	case err == nil:
	case errors.As(err, new(*StoreError)) && (c.store.Kind == StoreNone || c.clientCredentials != nil):
		return false, func() {}, nil // nothing is saved, so nothing can be lost
	default:
		return false, nil, err
	}
	c.at(stepWorker)
	if waited && c.failedMeanwhile() {
		return waited, unlock, nil // the failure is the answer to this call too
	}
	redeem, err := c.lockRedeem(ctx)
	switch {
	case err == nil:
	case c.storeOptional(err):
		return waited, unlock, nil // no process can redeem anything
	default:
		before := c.store.readRecord()
		c.recorder().finish(ctx, before, renewalResult{err: err}) // or each process that waits would wait as long again
		unlock()
		return false, nil, err
	}
	defer redeem()
	if c.store.damaged {
		quarantine(ctx, c.store, c.log)
	}
	return waited, unlock, nil
}

// failedMeanwhile reports whether the process that this one waited for has failed, perhaps
// because it gave up waiting for a worker.
func (c *call) failedMeanwhile() bool {
	r := c.store.readRecord()
	return r.Failed != nil && r.Failed.At.After(c.start) && c.recorder().sharedFailure(r) != nil
}

func (c *call) lockLeader(ctx context.Context) (waited bool, unlock func(), err error) {
	unlock, err = c.store.tryLockLeader()
	if !errors.Is(err, ErrBusy) {
		return false, unlock, err
	}
	unlock, err = c.store.lockLeader(ctx)
	return true, unlock, err
}

// lockRedeem waits for a worker as long as for the answer to a refresh.
func (c *call) lockRedeem(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.answerWait(), errSlow)
	defer cancel()
	unlock, err = c.store.lockRedeem(ctx)
	return unlock, c.delegation().slowIfLate(err)
}

func (s *Source) answerWait() time.Duration {
	if s.refreshWait > 0 {
		return s.refreshWait
	}
	return defaultRefreshWait
}
