package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// record is what is known of a login's last renewal: no secret, and nothing
// that must not be lost.
type record struct {
	Generation int       `json:"generation"` // grows with every change
	Failure    *failure  `json:"failure,omitempty"`
	Until      time.Time `json:"until,omitzero"`     // no other try before
	Times      int       `json:"times,omitempty"`    // in a row that a person did not log in
	Settings   string    `json:"settings,omitempty"` // of the try, if they may be why
}

// failure is an error as it is written down.
type failure struct {
	Refused   *oauth.Error `json:"refused,omitempty"`
	Later     string       `json:"later,omitempty"`
	Person    bool         `json:"person,omitempty"`
	Untrusted string       `json:"untrusted,omitempty"` // the host whose certificate it was
}

// How long after a failure nobody tries again.
const (
	networkWindow = 5 * time.Second
	refusalWindow = time.Minute
	personWindow  = time.Minute // doubles each time
	mostWindow    = 10 * time.Minute
)

// RecentError is a failure of a moment ago that stands for this call too, so
// that a server in trouble is left alone and no tab opens for nobody.
type RecentError struct {
	Err  error         // the failure
	Wait time.Duration // until the next try
}

func (e *RecentError) Error() string {
	return fmt.Sprintf("%v (a moment ago; nobody tries again for %d s)", e.Err, int(e.Wait.Round(time.Second).Seconds()))
}

// Unwrap returns the failure.
func (e *RecentError) Unwrap() error { return e.Err }

// recordOf reads the record. One that cannot be read is none.
func (s *Source) recordOf() record {
	var r record
	if text, err := s.Store.Dir.read(s.Store.ID + ".record"); err != nil || json.Unmarshal(text, &r) != nil {
		return record{}
	}
	return r
}

// holds returns the failure that stands at now. A clock that was moved back
// makes no window longer than it can be.
func (r record) holds(now time.Time, settings func() string) error {
	if r.Failure == nil || !now.Before(r.Until) || r.Until.Sub(now) > mostWindow {
		return nil
	}
	if r.Settings != "" && r.Settings != settings() {
		return nil
	}
	return &RecentError{Err: r.Failure.err(), Wait: max(r.Until.Sub(now), time.Second)}
}

// note writes down how a renewal went, for those who wait and those who come
// soon. Some failures are the caller's own: no login may start here, the store
// cannot be written, a person pressed Ctrl-C.
func (s *Source) note(before record, err error) {
	r := record{Generation: before.Generation + 1}
	if err == nil && before.Failure == nil {
		return // there is nothing to take back
	}
	if err != nil {
		f, ok := toFailure(err)
		if !ok {
			return
		}
		r.Failure = f
		r.window(before, s.Now(), s.settings())
	}
	text, e := json.Marshal(r)
	if e != nil {
		panic(e) // numbers, strings and times
	}
	if file, e := s.Store.Dir.replace(s.Store.ID+".record", unfinished, 0); e == nil {
		_ = file.commit(text) // without it others try too
	}
}

func (r *record) window(before record, now time.Time, settings string) {
	wait := networkWindow
	switch {
	case r.Failure.Person:
		r.Times = before.Times + 1
		wait = min(personWindow<<min(r.Times-1, 8), mostWindow)
	case r.Failure.Refused != nil:
		wait, r.Settings = refusalWindow, settings
	case r.Failure.Untrusted != "":
		r.Settings = settings
	}
	r.Until = now.Add(wait).UTC()
}

// toFailure returns err if it is everybody's: the server, the network, or the
// person at the browser.
func toFailure(err error) (*failure, bool) {
	var refused *oauth.Error
	var later *oauth.TemporaryError
	var untrusted *oauth.UntrustedError
	switch {
	case errors.As(err, &untrusted):
		return &failure{Untrusted: untrusted.Host}, true
	case errors.As(err, &later):
		return &failure{Later: err.Error(), Person: later.Person}, true
	case errors.As(err, &refused) && (!oauth.LoggedOut(err) || errors.As(err, new(*codeError))):
		return &failure{Refused: refused, Person: refused.Code == "access_denied"}, true
	}
	return nil, false
}

func (f *failure) err() error {
	switch {
	case f.Refused != nil:
		return f.Refused
	case f.Untrusted != "":
		return &oauth.TemporaryError{Err: &oauth.UntrustedError{Host: f.Untrusted}}
	}
	return &oauth.TemporaryError{Err: errors.New(f.Later), Person: f.Person}
}
