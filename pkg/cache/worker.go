package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// workerLockWait is how long a worker waits for another one. It is longer than a worker
// reads for its answer.
const workerLockWait = 90 * time.Second

// maxRequest bounds what a worker reads: a request contains the server's keys.
const maxRequest = 4 << 20

// request is what a leader sends to its worker, through a pipe that only they hold.
type request struct {
	ID       string              `json:"id"`
	Kind     StoreKind           `json:"kind"`              // of the store
	Key      []byte              `json:"key,omitempty"`     // opens and seals
	Seen     time.Time           `json:"seen"`              // when the set was renewed that the leader saw
	Rejected oauth.Kind          `json:"refused,omitempty"` // the part of that set that a server rejected
	Request  *oauth.TokenRequest `json:"spending"`
}

// answer is what the worker reports: a set, or why there is none.
type answer struct {
	Set     []byte  `json:"set,omitempty"`
	Failure failure `json:"failure,omitzero"`
	Unsaved string  `json:"unsaved,omitempty"` // why the set is not on the disk
}

// failure is an error as it is passed to other processes, with all that they decide by.
type failure struct {
	Outcome *oauth.Error `json:"outcome,omitempty"`
	Store   *StoreError  `json:"store,omitempty"`
	Other   string       `json:"other,omitempty"`
}

func newFailure(err error) failure {
	var store *StoreError
	f := failure{Outcome: oauth.AsError(err)}
	if errors.As(err, &store) {
		f.Store = store
	}
	if f.Outcome == nil && f.Store == nil {
		f.Other = err.Error()
	}
	return f
}

// err is the inverse of newFailure.
func (f failure) err() error {
	switch {
	case f.Outcome != nil && f.Store != nil:
		outcome := *f.Outcome
		outcome.Err = f.Store
		return &outcome
	case f.Outcome != nil:
		return f.Outcome
	case f.Store != nil:
		return f.Store
	}
	return errors.New(f.Other)
}

// delegation is a call whose worker redeems a value.
type delegation struct{ *call }

func (c *call) delegation() delegation { return delegation{c} }

// delegate makes a worker send r, so that the answer is saved whatever happens to this
// process. If nothing is saved, this process sends it.
func (c delegation) delegate(ctx context.Context, r *oauth.TokenRequest, pending *PendingWrite, old *oauth.Token) (*oauth.Token, error) {
	if c.store.Kind == StoreNone {
		t, err := c.Source.redeem(ctx, r, nil, oauth.Journal{})
		return t, c.slowIfLate(err)
	}
	work := request{ID: c.store.ID, Kind: c.store.Kind, Key: pending.key, Request: r}
	if r.Refreshes() {
		work.Seen = old.Renewed
		if c.rejected(old) {
			work.Rejected = c.kind
		}
	}
	pending.close() // the worker takes the space again, and there may be none for two
	document, err := json.Marshal(work)
	if err != nil {
		return nil, err
	}
	t, err := c.ask(ctx, document)
	if errors.Is(err, errNoAnswer) && r.Refreshes() {
		// It was killed. What it may have sent is sent once more at once, while a server
		// that allows a moment's grace still accepts it.
		t, err = c.ask(ctx, document)
	}
	return t, c.slowIfLate(err)
}

// ask makes a worker serve a request. An answer counts even if ctx has ended meanwhile.
func (c delegation) ask(ctx context.Context, request []byte) (*oauth.Token, error) {
	document, err := []byte(nil), ErrNoWorker
	if c.worker != nil {
		document, err = c.worker(ctx, request)
	}
	if errors.Is(err, ErrNoWorker) {
		document, err = c.inProcess(ctx, request)
	}
	if err == nil {
		var t *oauth.Token
		if t, err = c.decodeAnswer(document); !errors.Is(err, errNoAnswer) {
			return t, err
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, err
}

// inProcess serves a request in a goroutine that goes on when ctx ends.
func (c delegation) inProcess(ctx context.Context, request []byte) ([]byte, error) {
	done := make(chan []byte, 1)
	go func() {
		var out bytes.Buffer
		_ = c.Serve(context.WithoutCancel(ctx), bytes.NewReader(request), &out) // an error leaves no answer
		done <- out.Bytes()
	}()
	select {
	case document := <-done:
		return document, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// ErrNoWorker is returned by Delegate if no process could be started.
var ErrNoWorker = errors.New("no process could be started")

var errNoAnswer = errors.New("the process that renews the login ended without an answer")

// errSlow is the cause of a context that ended before a worker had its answer.
var errSlow = errors.New("the server has not answered yet")

// slowIfLate replaces errSlow by an error that says which process waits.
func (c delegation) slowIfLate(err error) error {
	if errors.Is(err, errSlow) {
		return c.slow()
	}
	return err
}

// slow is the error of a process that did not wait any longer for a worker. The worker
// reads on, and no other process sends the refresh token meanwhile.
func (c delegation) slow() error {
	e := oauth.Temporary("the server has not answered within %s", c.answerWait())
	if i := c.intent().read(); i != nil {
		e.Problem = fmt.Sprintf("the server has not answered since %s; process %d waits for the answer", i.Since.Local().Format(time.TimeOnly), i.PID)
	}
	e.Err = errSlow
	return e
}

// Serve is the worker: it reads a request, sends it, saves what it got, and writes an
// answer, which its caller may not read any more.
func (s *Source) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	document, err := io.ReadAll(io.LimitReader(in, maxRequest))
	if err != nil {
		return err
	}
	var r request
	if err := json.Unmarshal(document, &r); err != nil || r.Request == nil {
		return errors.New("this command is not for users: the request cannot be read")
	}
	if r.ID != s.store.ID {
		return errors.New("the request is about another login than the settings")
	}
	c := redeemer{s.newCall(forCaller)}
	c.store.Kind, c.store.key = r.Kind, r.Key
	_, err = out.Write(c.redeem(ctx, r).encode())
	return err
}

// redeemed is what came of a request.
type redeemed struct {
	token   *oauth.Token
	err     error
	unsaved error // why the outcome is not on the disk
}

// redeemer is the other side: a call that redeems, in a process of its own.
type redeemer struct{ *call }

// redeem sends what is accepted only once, and saves what comes back, under the redeem
// lock. If another worker was earlier, it returns what that one got.
func (c redeemer) redeem(ctx context.Context, r request) redeemed {
	c.at(stepRedeemLock)
	unlock, err := c.lockForWork(ctx)
	if err != nil {
		return redeemed{err: err}
	}
	defer func() { c.at(stepAnswer); unlock() }()
	c.at(stepRedeemLoad)
	old, err := c.store.Load(ctx)
	if err != nil {
		return redeemed{err: err}
	}
	if t, err := r.overtaken(old); t != nil || err != nil {
		return redeemed{token: t, err: err}
	}
	if !r.Request.Refreshes() {
		old = nil // a code renews nothing
	}
	c.at(stepReady)
	pending, err := c.store.Prepare(ctx)
	if err != nil {
		return redeemed{err: err}
	}
	i := c.intended(r)
	var result redeemed
	if old != nil && i.Attempt > maxAttempts {
		result = redeemed{err: i.lost(), unsaved: c.endLogin(pending, r, old)}
	} else {
		result = c.send(ctx, r, old, pending, i)
	}
	c.settle(i, old != nil, result)
	return result
}

func (c redeemer) lockForWork(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, workerLockWait, oauth.Temporary("another process still waits for the server's answer"))
	defer cancel()
	return c.store.lockRedeem(ctx)
}

// send makes the request and saves its outcome: first without the ID token, which is not
// verified yet, then with it. The intent is written when the server has been reached: a worker
// that is killed before that has sent nothing.
func (c redeemer) send(ctx context.Context, r request, old *oauth.Token, pending *PendingWrite, i intent) redeemed {
	var first redeemed
	t, err := c.Source.redeem(ctx, r.Request, old, oauth.Journal{
		Sending: func() error {
			c.at(stepIntent)
			err := c.intent().write(i)
			c.at(stepSend)
			return err
		},
		Save: func(t *oauth.Token) { first = redeemed{token: t, unsaved: c.save(pending, t)} },
	})
	if first.token != nil {
		var again error
		if pending, again = c.store.Prepare(ctx); again != nil {
			return redeemed{token: t, err: err, unsaved: first.unsaved} // what matters most is saved, or nothing can be
		}
	}
	e := oauth.AsError(err)
	switch {
	case err == nil:
		return redeemed{token: t, unsaved: c.save(pending, t)}
	case old != nil && e != nil && e.Saved == oauth.LoginDead:
		if i.Attempt > 1 {
			err = i.lost()
		}
		return redeemed{err: err, unsaved: c.endLogin(pending, r, old)}
	}
	pending.Discard(ctx)
	return redeemed{err: err}
}

// endLogin saves that the refresh token of old is of no use any more.
func (c redeemer) endLogin(pending *PendingWrite, r request, old *oauth.Token) error {
	dead := *old
	dead.RefreshToken = "" // so that it is not sent again
	if r.Rejected != "" {
		dead.End(r.Rejected, c.now()) // nor is a token returned that two servers have rejected
	}
	return c.save(pending, &dead)
}

// overtaken returns what another worker made of the set that the leader saw, if that was
// to be refreshed and is not the same any more.
func (r *request) overtaken(old *oauth.Token) (*oauth.Token, error) {
	switch {
	case !r.Request.Refreshes():
		return nil, nil
	case old == nil:
		return nil, oauth.Temporary("the login was deleted while it was renewed")
	case !old.Renewed.Equal(r.Seen):
		return old, nil
	case old.RefreshToken == "": // the server has refused it
		dead := &oauth.Error{Class: oauth.ClassRefused, Code: "invalid_grant", Saved: oauth.LoginDead}
		if u, err := url.Parse(old.Server.TokenEndpoint); err == nil {
			dead.Host = u.Host
		}
		return nil, dead
	}
	return nil, nil
}

// save puts t into the store. If that fails in spite of all that was prepared, the answer
// is still valid.
func (c redeemer) save(pending *PendingWrite, t *oauth.Token) error {
	c.at(stepSave)
	err := pending.Save(t)
	if err != nil {
		warnUnsaved(c.log, err.Error())
	}
	return err
}

func warnUnsaved(log *slog.Logger, reason string) {
	log.Warn("the new token cannot be saved: the next call needs a login", "reason", reason)
}

func (r redeemed) encode() []byte {
	var a answer
	if r.unsaved != nil {
		a.Unsaved = r.unsaved.Error()
	}
	if r.err == nil {
		a.Set = encode(r.token)
	} else {
		a.Failure = newFailure(r.err)
	}
	document, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings, numbers and times
	}
	return document
}

func (c delegation) decodeAnswer(document []byte) (*oauth.Token, error) {
	var a answer
	if json.Unmarshal(document, &a) != nil {
		e := oauth.Temporary("%v", errNoAnswer)
		e.Err = errNoAnswer
		return nil, e
	}
	if a.Set == nil {
		return nil, a.Failure.err()
	}
	if a.Unsaved != "" {
		warnUnsaved(c.log, a.Unsaved)
	}
	return decode(a.Set)
}

// intent is written and synced just before a worker sends a request, and removed when the
// outcome is saved. One that is found says that a worker was killed in between, or could
// not save.
type intent struct {
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen"`    // which refresh token: when its set was renewed; zero: none
	Attempt int       `json:"attempt"` // at it, from 1
}

// maxAttempts is how many workers send a refresh token if no answer is saved: many servers
// end the login when it comes again.
const maxAttempts = 2

// intentFile is the file with the intent of a login.
type intentFile struct {
	dir  Dir
	name string
}

func (c *call) intent() intentFile { return intentFile{c.store.Dir, c.store.ID + ".intent"} }

// intended returns the intent to send r.
func (c redeemer) intended(r request) intent {
	i := intent{PID: os.Getpid(), Since: c.now().UTC(), Seen: r.Seen, Attempt: 1}
	switch last := c.intent().read(); {
	case last == nil:
	case !r.Request.Refreshes():
		i.Seen, i.Attempt = last.Seen, last.Attempt // which stays until the login succeeds
	case last.Seen.Equal(r.Seen):
		i.Attempt = last.Attempt + 1
	}
	return i
}

func (f intentFile) write(i intent) error {
	text, err := json.Marshal(i)
	if err != nil {
		panic(err) // numbers and times
	}
	file, err := f.dir.replace(f.name, newSuffix, len(text))
	if err != nil {
		return err
	}
	if err := file.commit(text); err != nil {
		return &StoreError{Problem: err.Error()}
	}
	return nil
}

// settle removes the intent, unless it is not known any better what became of the refresh
// token: an outcome could not be saved, a second attempt was not answered, or a login
// failed.
func (c redeemer) settle(i intent, refreshed bool, r redeemed) {
	switch {
	case i.Seen.IsZero():
		c.intent().remove()
	case r.unsaved != nil, !refreshed && r.err != nil:
	case oauth.IsTemporary(r.err) && i.Attempt > 1:
		i.Attempt--
		_ = c.intent().write(i)
	default:
		c.intent().remove()
	}
}

func (f intentFile) remove() { _ = os.Remove(f.dir.path(f.name)) }

// read returns the intent of a worker that is at work or was killed, or nil.
func (f intentFile) read() *intent {
	var i intent
	text, err := f.dir.read(f.name)
	if err != nil || json.Unmarshal(text, &i) != nil {
		return nil
	}
	return &i
}

// lost is the error of a login whose refresh token was sent by a process that did not save
// the answer.
func (i intent) lost() error {
	return &oauth.Error{
		Class: oauth.ClassRefused, Saved: oauth.LoginDead, // no code: the server did not end it
		Problem: "the saved login was lost: the process that refreshed it was killed, or could not save, before the server's answer was saved",
	}
}
