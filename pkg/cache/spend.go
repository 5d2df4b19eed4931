package cache

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// spendLimit is how long a child may take for what its leader waits for.
const spendLimit = 25 * time.Second

// request is what a leader asks of its child, on a pipe that only they hold.
type request struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"`
	Key      []byte          `json:"key,omitempty"`     // opens and seals
	Seen     time.Time       `json:"seen"`              // when the set was renewed that the leader saw
	Refused  oauth.Kind      `json:"refused,omitempty"` // the part of that set that a server refused
	Spending *oauth.Spending `json:"spending"`
}

// answer is what the child says: a set, or why there is none.
type answer struct {
	Set       []byte       `json:"set,omitempty"`
	Refused   *oauth.Error `json:"refused,omitempty"`
	Untrusted string       `json:"untrusted,omitempty"` // the host whose certificate it was
	Later     string       `json:"later,omitempty"`     // another temporary failure
	Store     *StoreError  `json:"store,omitempty"`
	Other     string       `json:"other,omitempty"`
	Unkept    string       `json:"unkept,omitempty"` // why the set is not on the disk
}

// spender returns what spends for the leader that holds draft.
func (s *Source) spender(draft *Draft, old *oauth.Token) oauth.Spender {
	return func(ctx context.Context, spending *oauth.Spending) (*oauth.Token, error) {
		t, err := s.hand(ctx, spending, draft, old)
		if oauth.LoggedOut(err) && !spending.Refreshes() {
			err = &codeError{err}
		}
		return t, err
	}
}

// codeError is invalid_grant for a code. It says nothing of what is kept: it is
// a failure of the login, for all who wait for that.
type codeError struct{ error }

func (e *codeError) Unwrap() error { return e.error }

// hand has a child spend, so that it comes to its end whatever happens to us;
// this process, where there is none to be had or nothing is kept.
func (s *Source) hand(ctx context.Context, spending *oauth.Spending, draft *Draft, old *oauth.Token) (*oauth.Token, error) {
	r := request{ID: s.Store.ID, Kind: s.Store.Kind, Key: draft.key, Spending: spending}
	if old != nil {
		r.Seen = old.Renewed
		if s.refused(old) {
			r.Refused = s.Kind
		}
	}
	if s.Store.Kind == Nowhere {
		return s.Spend(ctx, spending, old)
	}
	draft.close() // whoever spends takes the room anew, and there may be none for two
	if s.Child == nil {
		return s.spend(context.WithoutCancel(ctx), r)
	}
	document, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	t, err := s.ask(ctx, document)
	if errors.Is(err, errNoAnswer) && spending.Refreshes() && ctx.Err() == nil {
		// It was killed. What it may have spent is spent once more at once,
		// while a server that has a grace still takes it.
		t, err = s.ask(ctx, document)
	}
	if errors.Is(err, ErrNoChild) {
		return s.spend(context.WithoutCancel(ctx), r)
	}
	return t, err
}

// ask has a child serve a request.
func (s *Source) ask(ctx context.Context, request []byte) (*oauth.Token, error) {
	said, err := s.Child(ctx, request)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s.decodeAnswer(said)
}

// ErrNoChild is Child's word that no process could be started.
var ErrNoChild = errors.New("no process could be started")

var errNoAnswer = errors.New("the process that renews the login ended without an answer")

// Serve is the child: it reads a request, spends, keeps what it got and writes
// an answer, to whoever still reads it.
func (s *Source) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	document, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return err
	}
	var r request
	if err := json.Unmarshal(document, &r); err != nil || r.Spending == nil {
		return errors.New("this is not for people: the request cannot be read")
	}
	if r.ID != s.Store.ID {
		return errors.New("the request is about another login than the settings")
	}
	s.Store.Kind = r.Kind
	t, err := s.spend(ctx, r)
	_, err = out.Write(s.encodeAnswer(t, err))
	return err
}

// spend sends what is good only once, and keeps what comes back, under the
// spending lock. Who comes too late gets what another one got.
func (s *Source) spend(ctx context.Context, r request) (*oauth.Token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, spendLimit, ErrBusy)
	defer cancel()
	s.at(stepSpendLock)
	unlock, err := s.Store.lockSpending(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { s.at(stepAnswer); unlock() }()
	s.at(stepSpendLoad)
	s.Store.key = r.Key
	old, err := s.Store.Load(ctx)
	if err != nil {
		return nil, err
	}
	if t, err := r.overtaken(old); t != nil || err != nil {
		return t, err
	}
	s.at(stepReady)
	draft, err := s.Store.Prepare(ctx)
	if err != nil {
		return nil, err
	}
	s.at(stepSpend)
	renewed, err := s.Spend(ctx, r.Spending, old)
	switch {
	case err == nil:
		s.keep(draft, renewed)
		return renewed, nil
	case oauth.LoggedOut(err) && r.Spending.Refreshes():
		dead := *old
		dead.RefreshToken = "" // so that nobody spends it again
		if r.Refused != "" {
			dead.End(r.Refused, s.Now()) // nor is handed what two servers have refused
		}
		s.keep(draft, &dead)
	default:
		draft.Discard(ctx)
	}
	return nil, err
}

// overtaken returns what another one made of the set that the leader saw, where
// that was to be refreshed and is not the same any more.
func (r *request) overtaken(old *oauth.Token) (*oauth.Token, error) {
	switch {
	case !r.Spending.Refreshes():
		return nil, nil
	case old == nil:
		return nil, &oauth.TemporaryError{Err: errors.New("the login was deleted while it was renewed")}
	case !old.Renewed.Equal(r.Seen):
		return old, nil
	case old.RefreshToken == "": // the other one was told so
		dead := &oauth.Error{Code: "invalid_grant"}
		if u, err := url.Parse(old.Server.TokenEndpoint); err == nil {
			dead.Host = u.Host
		}
		return nil, dead
	}
	return nil, nil
}

// keep saves t. If that fails in spite of all that was prepared, the answer is
// still good.
func (s *Source) keep(draft *Draft, t *oauth.Token) {
	s.at(stepKeep)
	if err := draft.Save(t); err != nil {
		s.unkept = err.Error()
		s.sayUnkept(s.unkept)
	}
}

func (s *Source) sayUnkept(reason string) {
	s.Log.Warn("the new token cannot be kept: the next call needs a login", "reason", reason)
}

func (s *Source) encodeAnswer(t *oauth.Token, err error) []byte {
	a := answer{Unkept: s.unkept}
	var refused *oauth.Error
	var later *oauth.TemporaryError
	var store *StoreError
	var untrusted *oauth.UntrustedError
	switch {
	case err == nil:
		a.Set = encode(t)
	case errors.As(err, &untrusted):
		a.Untrusted = untrusted.Host
	case errors.As(err, &later):
		a.Later = err.Error()
	case errors.As(err, &refused):
		a.Refused = refused
	case errors.As(err, &store):
		a.Store = store
	default:
		a.Other = err.Error()
	}
	document, e := json.Marshal(a)
	if e != nil {
		panic(e) // strings and times
	}
	return document
}

func (s *Source) decodeAnswer(document []byte) (*oauth.Token, error) {
	var a answer
	err := json.Unmarshal(document, &a)
	if a.Unkept != "" {
		s.sayUnkept(a.Unkept)
	}
	switch {
	case err != nil:
		return nil, &oauth.TemporaryError{Err: errNoAnswer}
	case a.Refused != nil:
		return nil, a.Refused
	case a.Untrusted != "":
		return nil, &oauth.TemporaryError{Err: &oauth.UntrustedError{Host: a.Untrusted}}
	case a.Later != "":
		return nil, &oauth.TemporaryError{Err: errors.New(a.Later)}
	case a.Store != nil:
		return nil, a.Store
	case a.Set == nil:
		return nil, errors.New(a.Other)
	}
	return decode(a.Set)
}
