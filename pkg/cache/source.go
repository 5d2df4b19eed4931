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
	// It asks whatever must be known first, and spends nothing.
	Renew func(ctx context.Context, old *oauth.Token) (Renewal, error)
	// Spend makes a request that uses something up. old is what is kept.
	Spend func(ctx context.Context, s *oauth.Spending, old *oauth.Token) (*oauth.Token, error)
	// Child runs [Source.Serve] in a process that outlives this one, with
	// request for its input, and returns its output. Nil: this process spends.
	Child func(ctx context.Context, request []byte) (answer []byte, err error)

	// Free says that Renew's renewals spend nothing, as with client credentials:
	// they are not handed to a child, and never fail for want of a store.
	Free bool
	// Ahead starts [Source.RenewAhead] in a process of its own and does not wait
	// for it. Nil: a token is renewed when it has to be.
	Ahead func()

	MinTTL      time.Duration // how long the token must still live
	Settings    func() string // changes with whatever may cure a refusal; nil: nothing does
	Override    bool          // try though another has just failed
	ReuseWindow time.Duration // how long a new set serves all who ask for a new one
	Patience    time.Duration // how long to wait for another process's renewal
	Force       bool          // renew a set that is good, outside the reuse window
	// Refused reports whether a server has refused c, though it seems good: then
	// it is refreshed, outside the reuse window. Nil: none was.
	Refused func(c oauth.Credential) bool
	Waiting func(Holder) // told once, of whom this process waits for; nil: nothing is said
	Now     func() time.Time
	Log     *slog.Logger

	login  bool
	unkept string // why what was spent for is not on the disk
}

// Renewal gets a new set. What that uses up it has spent by spend, which sees
// to it that the outcome is kept.
type Renewal func(ctx context.Context, spend oauth.Spender) (*oauth.Token, error)

// Token returns the token set that is kept, if it is good; else it renews it,
// with every other process that needs it waiting for the outcome. Where that
// fails, a token that still lives is better than none.
func (s *Source) Token(ctx context.Context) (*oauth.Token, error) {
	start := s.Now()
	s.at(stepLoad)
	old, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if s.answers(old, start) {
		s.ahead(old)
		return old, nil
	}
	s.at(stepRecent)
	last := s.recordOf()
	if failed := last.holds(start, s.settings); failed != nil && !s.Override {
		return s.living(ctx, old, failed)
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return s.living(ctx, old, err)
	}
	defer func() { s.at(stepUnlock); unlock() }()
	s.at(stepAgain)
	again, err := s.load(ctx)
	if err != nil {
		return s.living(ctx, old, err)
	}
	old = again
	if s.answers(old, s.Now()) || s.renewedSince(old, start) {
		return old, nil
	}
	s.at(stepMeanwhile)
	meanwhile := s.recordOf()
	if failed := meanwhile.holds(s.Now(), s.settings); failed != nil && meanwhile.Generation != last.Generation {
		return s.living(ctx, old, failed)
	}
	renewed, err := s.renew(ctx, old)
	if ctx.Err() == nil {
		s.at(stepNote)
		s.note(meanwhile, err)
	}
	if err != nil {
		return s.living(ctx, old, err)
	}
	return renewed, nil
}

// load reads what is kept. Nothing, where that cannot be told, for who can have a
// new set for the asking.
func (s *Source) load(ctx context.Context) (*oauth.Token, error) {
	t, err := s.Store.Load(ctx)
	if s.unneeded(err) {
		return nil, nil
	}
	return t, err
}

// unneeded reports whether err, though the store's, is nobody's concern.
func (s *Source) unneeded(err error) bool { return s.Free && errors.As(err, new(*StoreError)) }

// Login renews by a login, whatever is kept, and tells when that fails. It is
// for a person who asks for it; but whoever does so within the reuse window of
// a renewal gets what that one yielded, and fresh is false.
func (s *Source) Login(ctx context.Context) (t *oauth.Token, fresh bool, err error) {
	l, renew := *s, s.Renew
	l.login, l.Override = true, true
	l.Renew = func(ctx context.Context, _ *oauth.Token) (Renewal, error) {
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
	if s.Force || s.login || s.refused(t) {
		return false
	}
	// What only a login can renew is good to its end.
	return GoodAt(c, now, s.MinTTL) || c.ValidAt(now) && t.RefreshToken != "" && !t.Refreshable(s.Kind)
}

// refused reports whether a refresh of t is called for because a server refused
// it. Where only a login could help it is handed out again: the server may have
// other reasons, and nobody should log in for each of its refusals.
func (s *Source) refused(t *oauth.Token) bool {
	return s.Refused != nil && s.Refused(t.Credential(s.Kind)) && s.refreshable(t)
}

// refreshable reports whether a new set can be had in place of t without a person.
func (s *Source) refreshable(t *oauth.Token) bool {
	return s.Free || t.Refreshable(s.Kind) && !t.OutlivedAt(s.Now())
}

// renewedSince reports whether another process renewed t while we waited.
func (s *Source) renewedSince(t *oauth.Token, start time.Time) bool {
	return t != nil && t.Renewed.After(start) && !t.Renewed.After(s.Now()) && t.Credential(s.Kind).ValidAt(s.Now())
}

// living returns old if it lives and was not refused, since then whoever asks is
// served, and err if not.
func (s *Source) living(ctx context.Context, old *oauth.Token, err error) (*oauth.Token, error) {
	if s.login || ctx.Err() != nil || old == nil || s.refused(old) || !old.Credential(s.Kind).ValidAt(s.Now()) {
		return nil, err
	}
	s.Log.Warn("the token could not be renewed, and is handed out while it lives", "reason", err)
	return old, nil
}

// renew gets a new set and keeps it. The caller holds the leader's lock.
func (s *Source) renew(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
	defer s.hold()()
	renewed, err := s.try(ctx, old)
	if err == nil && !renewed.Credential(s.Kind).ValidAt(s.Now()) && !renewed.Refreshable(s.Kind) && renewed.RefreshToken != "" {
		return s.try(ctx, renewed) // the refresh brought no new ID token: only a login does
	}
	return renewed, err
}

func (s *Source) try(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
	s.at(stepRenew)
	renewal, err := s.Renew(ctx, old)
	if err != nil {
		return nil, err
	}
	if s.Free {
		return s.obtain(ctx, renewal)
	}
	s.at(stepPreflight)
	draft, err := s.Store.prepare(ctx, tried)
	if err != nil {
		return nil, err
	}
	s.at(stepHand)
	renewed, err := renewal(ctx, s.spender(draft, old))
	switch {
	case err == nil || ctx.Err() != nil:
		draft.close() // the child may be about to use the key
	default:
		draft.Discard(ctx)
	}
	return renewed, err
}

// obtain gets a new set that is there for the asking, and keeps it if it can.
func (s *Source) obtain(ctx context.Context, renewal Renewal) (*oauth.Token, error) {
	s.at(stepSpend)
	renewed, err := renewal(ctx, nil)
	if err != nil {
		return nil, err
	}
	unlock, err := s.Store.lockSpending(ctx)
	if err == nil {
		defer unlock()
		var draft *Draft
		if draft, err = s.Store.Prepare(ctx); err == nil {
			s.at(stepKeep)
			err = draft.Save(renewed)
		}
	}
	if err != nil {
		s.Log.Info("the new token is not kept", "reason", err)
	}
	return renewed, nil
}

// asideSuffix is the suffix of what was set aside.
const asideSuffix = ".bad"

// setAside keeps what is damaged for whoever wants to know how that came about.
// The caller holds both locks: nobody replaces it meanwhile.
func (s *Source) setAside(ctx context.Context) {
	if _, err := s.Store.Load(ctx); err != nil || !s.Store.damaged {
		return
	}
	path := s.Store.Dir.path(s.Store.name())
	aside := s.Store.Dir.path(s.Store.ID + asideSuffix)
	if rename(path, aside) == nil {
		s.Log.Warn("what was kept of this login is damaged or of another version, and counts as nothing", "moved to", aside)
	}
}

func (s *Source) settings() string {
	if s.Settings == nil {
		return ""
	}
	return s.Settings()
}

// lock takes the leader's lock, which says who renews, and waits for a child
// that still spends though its leader is gone.
func (s *Source) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Patience, ErrBusy)
	defer cancel()
	defer s.tell()()
	s.at(stepLock)
	unlock, err = s.Store.lockLeader(ctx)
	if err != nil && (s.Store.Kind == Nowhere || s.unneeded(err)) && ctx.Err() == nil {
		return func() {}, nil // nothing is kept, so nothing can be lost
	}
	if err != nil {
		return nil, err
	}
	s.at(stepOrphan)
	orphan, err := s.Store.lockSpending(ctx)
	if s.unneeded(err) {
		return unlock, nil // nobody can spend
	}
	if err != nil {
		unlock()
		return nil, err
	}
	defer orphan()
	if s.Store.damaged {
		s.setAside(ctx)
	}
	return unlock, nil
}
