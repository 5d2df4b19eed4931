package cache

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Source hands out the token of one login to all processes that ask for it.
type Source struct {
	Store *Store
	// Kind is the part of the token set that is handed out, and whose expiry
	// counts.
	Kind oauth.Kind
	// Renew finds out how to get a new set in place of old, which may be nil.
	// It asks whatever must be known first, and spends nothing: that is left
	// to the function it returns.
	Renew func(ctx context.Context, old *oauth.Token) (spend func(context.Context) (*oauth.Token, error), err error)

	MinTTL      time.Duration // how long the token must still live
	ReuseWindow time.Duration // how long a new set serves all who ask for a new one
	Patience    time.Duration // how long to wait for another process's renewal
	Force       bool          // renew a set that is good, outside the reuse window
	Now         func() time.Time
	Log         *slog.Logger

	login bool
}

// Token returns the token set that is kept, if it is good; else it renews it,
// with every other process that needs it waiting for the outcome. Where that
// fails, a token that still lives is better than none.
func (s *Source) Token(ctx context.Context) (*oauth.Token, error) {
	start := s.Now()
	old, err := s.Store.Load(ctx)
	if err != nil || s.answers(old, start) {
		return old, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return s.living(ctx, old, err)
	}
	defer unlock()
	again, err := s.Store.Load(ctx)
	if err != nil {
		return s.living(ctx, old, err)
	}
	old = again
	if s.answers(old, s.Now()) || s.renewedSince(old, start) {
		return old, nil
	}
	renewed, err := s.renew(ctx, old)
	if err != nil {
		return s.living(ctx, old, err)
	}
	return renewed, nil
}

// Login renews by a login, whatever is kept, and tells when that fails. It is
// for a person who asks for it; but whoever does so within the reuse window of
// a renewal gets what that one yielded, and fresh is false.
func (s *Source) Login(ctx context.Context) (t *oauth.Token, fresh bool, err error) {
	l, renew := *s, s.Renew
	l.login = true
	l.Renew = func(ctx context.Context, _ *oauth.Token) (func(context.Context) (*oauth.Token, error), error) {
		fresh = true
		return renew(ctx, nil)
	}
	t, err = l.Token(ctx)
	return t, fresh, err
}

// answers reports whether t serves as it is.
func (s *Source) answers(t *oauth.Token, now time.Time) bool {
	if t == nil {
		return false
	}
	c := t.Credential(s.Kind)
	if age := now.Sub(t.Renewed); age >= 0 && age < s.ReuseWindow && c.ValidAt(now) {
		return true
	}
	if s.Force || s.login {
		return false
	}
	// What only a login can renew is good to its end.
	return GoodAt(c, now, s.MinTTL) || c.ValidAt(now) && t.RefreshToken != "" && !t.Refreshable(s.Kind)
}

// renewedSince reports whether another process renewed t while we waited.
func (s *Source) renewedSince(t *oauth.Token, start time.Time) bool {
	return t != nil && t.Renewed.After(start) && !t.Renewed.After(s.Now()) && t.Credential(s.Kind).ValidAt(s.Now())
}

// living returns old if it lives, since then whoever asks is served, and err
// if not.
func (s *Source) living(ctx context.Context, old *oauth.Token, err error) (*oauth.Token, error) {
	if s.login || ctx.Err() != nil || old == nil || !old.Credential(s.Kind).ValidAt(s.Now()) {
		return nil, err
	}
	s.Log.Warn("the token could not be renewed, and is handed out while it lives", "reason", err)
	return old, nil
}

// renew gets a new set and keeps it. The caller holds the lock.
func (s *Source) renew(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
	spend, err := s.Renew(ctx, old)
	if err != nil {
		return nil, err
	}
	draft, err := s.Store.Prepare(ctx)
	if err != nil {
		return nil, err
	}
	renewed, err := spend(ctx)
	if err != nil && oauth.LoggedOut(err) && old != nil && !s.login && old.Refreshable(s.Kind) { // else it is a code that was refused
		dead := *old
		dead.RefreshToken = "" // so that nobody spends it again
		return nil, errors.Join(err, draft.Save(&dead))
	}
	if err != nil {
		draft.Discard(ctx)
		return nil, err
	}
	if err := draft.Save(renewed); err != nil {
		s.Log.Warn("the new token cannot be kept: the next call needs a login", "reason", err)
		return renewed, nil
	}
	if !renewed.Credential(s.Kind).ValidAt(s.Now()) && !renewed.Refreshable(s.Kind) && renewed.RefreshToken != "" {
		return s.renew(ctx, renewed) // the refresh brought no new ID token
	}
	return renewed, nil
}

// lock takes the login's lock, which says who renews.
func (s *Source) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Patience, ErrBusy)
	defer cancel()
	unlock, err = s.Store.Lock(ctx)
	if err != nil && s.Store.Kind == Nowhere && ctx.Err() == nil {
		return func() {}, nil // nothing is kept, so nothing can be lost
	}
	return unlock, err
}
