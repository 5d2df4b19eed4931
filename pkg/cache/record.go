package cache

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// record is what is known of a login's last renewals. It contains no secret, and nothing
// that must not be lost.
type record struct {
	Generation int `json:"generation"` // grows with each change

	// Failed is a failure before the user saw anything. It is shared with other calls.
	Failed *failedCall `json:"failed,omitempty"`
	// RefreshRefused is a refusal that need not last. It blocks refreshes, and no login.
	RefreshRefused *failedCall `json:"refresh_refused,omitempty"`
	// Login is a login that the user saw and that has not yielded a usable token.
	Login *backoff `json:"login,omitempty"`

	// RefusalCode is the code by which the last refresh was refused, until one succeeds.
	RefusalCode string `json:"refusal_code,omitempty"`
	// LoggedInSince says that a login has succeeded after that refusal.
	LoggedInSince bool `json:"logged_in_since,omitempty"`
	// RefreshStopped says that the server refused the first refresh after a login as it
	// had refused the one before. It is not asked again until the user logs in.
	RefreshStopped bool `json:"refresh_stopped,omitempty"`
}

// failedCall is a failure that counts for other calls too.
type failedCall struct {
	Failure  failure   `json:"failure"`
	At       time.Time `json:"at"`
	Until    time.Time `json:"until"`
	Settings string    `json:"settings,omitempty"` // with others it may succeed
	// Kind is what the call wanted. Empty in records of versions before 0.1.0.
	Kind oauth.Kind `json:"kind,omitempty"`
}

// backoff keeps logins from starting after one that failed. It is written before the user
// sees anything, so that it also holds for a process that is killed.
type backoff struct {
	failedCall
	Times     int  `json:"times"`                // in a row
	Pending   bool `json:"pending,omitempty"`    // the login is under way, or its process was killed
	TakenOver bool `json:"taken_over,omitempty"` // from a process that was killed
}

// How long a failure counts.
const (
	sharedWindow  = 5 * time.Second  // before the user saw anything
	refusalWindow = time.Minute      // of a refresh, if it need not last
	loginWindow   = time.Minute      // doubles each time
	longestWindow = 10 * time.Minute // of a login
)

// heartbeat is how often the record of a login that is under way is written. If its
// process is killed, the back-off counts from the last time.
const heartbeat = 10 * time.Second

// RecentError is the failure of an earlier call that counts for this call too.
type RecentError struct {
	Err  error         // the failure
	Ago  time.Duration // since the failure
	Wait time.Duration // until the next attempt
}

func (e *RecentError) Error() string {
	return fmt.Sprintf("%v (failed %d s ago; next attempt in %d s)", e.Err, int(e.Ago.Seconds()), int(e.Wait.Round(time.Second).Seconds()))
}

// Unwrap returns the failure.
func (e *RecentError) Unwrap() error { return e.Err }

// inEffect returns the failure if it still counts at now. A clock that was moved back makes
// no window longer than it can be.
func (f *failedCall) inEffect(now time.Time, settings func() string) error {
	if f == nil || !now.Before(f.Until) || f.Until.Sub(now) > longestWindow {
		return nil
	}
	if f.Settings != "" && f.Settings != settings() {
		return nil
	}
	return &RecentError{
		Err:  f.Failure.err(),
		Ago:  max(now.Sub(f.At), 0),
		Wait: max(f.Until.Sub(now), time.Second),
	}
}

// recorder reads and writes the record of what calls ended with.
type recorder struct{ *call }

func (c *call) recorder() recorder { return recorder{c} }

// sharedFailure returns a saved failure that counts for this call too. A failure of a
// call that wanted an ID token need not be one of a call that wants an access token: the
// keys that verify ID tokens may be missing.
func (c recorder) sharedFailure(r record) error {
	if r.Failed == nil || r.Failed.Kind != "" && r.Failed.Kind != oauth.Access && r.Failed.Kind != c.kind {
		return nil
	}
	return r.Failed.inEffect(c.now(), c.settings)
}

// refreshBlocked returns the refusal because of which no refresh is sent yet.
func (r record) refreshBlocked(now time.Time, settings func() string) error {
	return errors.Unwrap(r.RefreshRefused.inEffect(now, settings)) // as if the server had just refused
}

// loginBlocked returns the failure because of which no login may start. A process that
// was waiting while the login's process was killed may take over, once.
func (r record) loginBlocked(now time.Time, settings func() string, waited bool) error {
	if r.Login == nil || r.Login.Pending && waited && !r.Login.TakenOver {
		return nil
	}
	return r.Login.inEffect(now, settings)
}

func (s *Store) recordName() string { return s.ID + ".record" }

// readRecord reads the record. One that cannot be read counts as none.
func (s *Store) readRecord() record {
	text, err := s.Dir.read(s.recordName())
	if err != nil {
		return record{}
	}
	r, err := decodeRecord(text)
	if err != nil || !r.isComplete() {
		return record{}
	}
	return r
}

// isComplete reports whether each failure in r says what failed. A damaged file may still be
// JSON.
func (r record) isComplete() bool {
	failed := []*failedCall{r.Failed, r.RefreshRefused}
	if r.Login != nil {
		failed = append(failed, &r.Login.failedCall)
	}
	return !slices.ContainsFunc(failed, func(f *failedCall) bool { return f != nil && !f.Failure.isComplete() })
}

func (f failure) isComplete() bool {
	if f.Outcome != nil {
		return f.Outcome.IsComplete()
	}
	return f.err().Error() != ""
}

// writeRecord writes r as the next generation, and returns it. Without it other calls
// make their own attempt.
func (s *Store) writeRecord(r record) record {
	r.Generation++
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers, strings and times
	}
	if file, err := s.Dir.replace(s.recordName(), newSuffix, 0); err == nil {
		_ = file.commit(text)
	}
	return r
}

// RefreshStopped returns the code by which the server refuses every refresh of this login,
// or "". The refresh token is not sent any more until the user logs in.
func (s *Store) RefreshStopped() (code string) {
	if r := s.readRecord(); r.RefreshStopped {
		return r.RefusalCode
	}
	return ""
}

// abandon writes that the process of a login that is under way has ended, and that no process
// was waiting for it: none may take over.
func (c recorder) abandon(r record) {
	if r.Login == nil || !r.Login.Pending {
		return
	}
	b := *r.Login
	b.Pending = false
	r.Login = &b
	c.store.writeRecord(r)
}

// loginUnderWay writes that a login has begun, now and at each heartbeat, and returns the
// function that ends that.
func (c recorder) loginUnderWay(before record, waited bool) (stop func()) {
	r, interrupted := before, &oauth.Error{Class: oauth.ClassUnanswered, Problem: "the last login was interrupted", Shown: true}
	write := func() {
		r.Login = c.backOff(before, interrupted)
		r.Login.Pending = true
		r.Login.TakenOver = waited && before.Login != nil && before.Login.Pending
		r = c.store.writeRecord(r)
	}
	write()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				write()
			case <-end:
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// failed returns err as a failure that counts for window.
func (c recorder) failed(err error, window time.Duration) failedCall {
	now := c.now().UTC()
	return failedCall{Failure: newFailure(err), At: now, Until: now.Add(window), Settings: c.settings(), Kind: c.kind}
}

// backOff returns the back-off after a login that failed with err.
func (c recorder) backOff(before record, err error) *backoff {
	times := 1
	if b := before.Login; b != nil && c.now().Sub(b.Until) < longestWindow {
		times = b.Times + 1
	}
	return &backoff{failedCall: c.failed(err, min(loginWindow<<min(times-1, 8), longestWindow)), Times: times}
}

// renewalResult is how a renewal ended.
type renewalResult struct {
	token *oauth.Token // nil: there is none
	err   error        // why token is nil, or cannot be used
	by    means
}

// means is how a set was to be renewed.
type means int

const (
	byNothing means = iota // by client credentials; or nothing was sent yet
	byRefresh
	byLogin // the record says that it is under way
)

// finish writes down how a renewal ended, for processes that wait and for the calls that
// follow, and returns the new record. before is the record before it began.
func (c recorder) finish(ctx context.Context, before record, o renewalResult) record {
	r := before
	if o.token != nil {
		r.succeeded(o, c)
	}
	switch {
	case o.err == nil:
	case ctx.Err() == nil:
		r.failed(o, c)
	case canceled(ctx) && o.by == byLogin:
		r.Login = nil
	default:
		return before // this process is about to end, as if it were killed
	}
	if r == before && o.by != byLogin {
		return before
	}
	r.Generation = max(r.Generation, c.store.readRecord().Generation)
	return c.store.writeRecord(r)
}

// succeeded takes back what a renewal has cured.
func (r *record) succeeded(o renewalResult, c recorder) {
	r.Failed = nil
	if b := r.Login; b != nil && o.token.Credential(cmp.Or(b.Kind, c.kind)).ValidAt(c.now()) {
		r.Login = nil
	}
	switch o.by {
	case byRefresh:
		r.RefreshRefused, r.RefusalCode, r.LoggedInSince = nil, "", false
	case byLogin:
		r.RefreshRefused, r.LoggedInSince = nil, r.RefusalCode != ""
		r.RefreshStopped = r.RefreshStopped && c.purpose != forUser
	}
}

// failed writes down a failure, unless it is this process's own: no login may start here,
// the store cannot be written, descriptors have run out.
func (r *record) failed(o renewalResult, c recorder) {
	e := oauth.AsError(o.err)
	switch {
	case e == nil || e.Class == oauth.ClassLocal && !e.Shown:
	case e.Shown:
		r.Login = c.backOff(*r, o.err)
	case o.by == byRefresh && e.Saved != oauth.LoginUsable:
		r.refusedRefresh(c, e)
	case o.token != nil && !oauth.IsTemporary(e): // the set is saved, and the next call logs in
	case c.purpose == inAdvance: // the call that needs the token makes its own attempt
	default:
		shared := c.failed(o.err, sharedWindow)
		r.Failed = &shared
	}
}

// refusedRefresh writes down that a server refused a refresh.
func (r *record) refusedRefresh(c recorder, e *oauth.Error) {
	if r.LoggedInSince && r.RefusalCode == e.Code {
		r.RefreshStopped = true
	}
	r.RefusalCode, r.LoggedInSince = e.Code, false
	if e.Saved == oauth.LoginRefused {
		refused := c.failed(e, refusalWindow)
		r.RefreshRefused = &refused
	}
}

// canceled reports whether the user ended the call.
func canceled(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), oauth.ErrCanceled)
}

// recordV1 is the record of versions before 0.1.0. They shared one failure, and one of a
// user who did not log in doubled its window.
type recordV1 struct {
	Generation int `json:"generation"`
	Failure    *struct {
		Refused *struct {
			Code, Description, URI, Host string
		} `json:"refused"`
		Later     string `json:"later"`
		Person    bool   `json:"person"`
		Untrusted string `json:"untrusted"` // the host whose certificate it was
	} `json:"failure"`
	Until    time.Time `json:"until"`
	Times    int       `json:"times"`
	Settings string    `json:"settings"`
}

// decodeRecord reads a record, of this version or of versions before 0.1.0.
func decodeRecord(text []byte) (record, error) {
	var r record
	var old recordV1
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, err
	}
	if err := json.Unmarshal(text, &old); err != nil || old.Failure == nil {
		return r, err
	}
	e := &oauth.Error{Class: oauth.ClassTemporary, Problem: old.Failure.Later, Shown: old.Failure.Person}
	switch refused := old.Failure.Refused; {
	case refused != nil:
		e = &oauth.Error{Class: oauth.ClassRefused, Code: refused.Code, Description: refused.Description, URI: refused.URI, Host: refused.Host, Shown: old.Failure.Person}
	case old.Failure.Untrusted != "":
		e = &oauth.Error{Class: oauth.ClassUntrusted, Host: old.Failure.Untrusted, Problem: "the certificate that " + old.Failure.Untrusted + " shows is not signed by an authority that this machine trusts"}
	case e.Shown:
		e.Class = oauth.ClassUnanswered
	}
	failed := failedCall{Failure: newFailure(e), At: old.Until, Until: old.Until, Settings: old.Settings}
	if e.Shown {
		r.Login = &backoff{failedCall: failed, Times: old.Times}
	} else {
		r.Failed = &failed
	}
	return r, nil
}
