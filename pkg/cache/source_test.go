//go:build unix

package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// server is an authorization server, with its users, that counts how often it is asked.
type server struct {
	*clock
	mu         sync.Mutex
	prepared   int                                           // refreshes and logins
	browsers   int                                           // that were opened
	sent       int                                           // token requests
	old        []*oauth.Token                                // what was to be renewed
	prepareErr error                                         // of what is prepared next
	loginErr   error                                         // why no login may start
	userErr    error                                         // of what the user does in the browser
	sendErr    error                                         // of the next token requests
	answer     func(n int, old *oauth.Token) *oauth.Token    // nil: newToken
	during     func(ctx context.Context, store *Store) error // what happens while it is asked
	causes     []error                                       // of logins that were to start
	twoStep    bool                                          // its answers have an ID token that is verified after the first save
}

// newToken is what the server gives the n-th time.
func (s *server) newToken(n int) *oauth.Token {
	t := testToken(s.Now())
	t.AccessToken, t.RefreshToken, t.IDToken = oauth.Secret(fmt.Sprint("new-at-", n)), oauth.Secret(fmt.Sprint("new-rt-", n)), oauth.Secret(fmt.Sprint("new-it-", n))
	return t
}

func tokenRequest(grant string) *oauth.TokenRequest {
	return &oauth.TokenRequest{Form: url.Values{"grant_type": {grant}}}
}

func (s *server) prepare(old *oauth.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared++
	s.old = append(s.old, old)
	return s.prepareErr
}

func (s *server) prepareRefresh(_ context.Context, old *oauth.Token) (*oauth.TokenRequest, error) {
	return tokenRequest("refresh_token"), s.prepare(old)
}

func (s *server) mayLogin(_ context.Context, cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.causes = append(s.causes, cause)
	return s.loginErr
}

func (s *server) prepareLogin(_ context.Context, old *oauth.Token) (oauth.PreparedLogin, error) {
	return s.login, s.prepare(old)
}

// login is what the user sees of a login.
func (s *server) login(ctx context.Context, redeem oauth.Redeemer) (*oauth.Token, error) {
	s.mu.Lock()
	s.browsers++
	err := s.userErr
	s.mu.Unlock()
	var t *oauth.Token
	if err == nil {
		t, err = redeem(ctx, tokenRequest("authorization_code"))
	}
	switch e := oauth.AsError(err); { // as oauth's logins mark it
	case err == nil || errors.Is(err, oauth.ErrCanceled):
	case e != nil:
		seen := *e
		seen.Shown = true
		err = &seen
	default:
		err = &oauth.Error{Class: oauth.ClassInvalid, Problem: err.Error(), Shown: true, Err: err}
	}
	return t, err
}

// sending tells j that a request is sent now.
func sending(j oauth.Journal) error {
	if j.Sending == nil {
		return nil
	}
	return j.Sending()
}

// redeem is the Redeem of a [Source] with that store.
func (s *server) redeem(store *Store) func(context.Context, *oauth.TokenRequest, *oauth.Token, oauth.Journal) (*oauth.Token, error) {
	return func(ctx context.Context, _ *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
		if err := sending(j); err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.sent++
		n := s.sent
		s.mu.Unlock()
		if s.during != nil {
			if err := s.during(ctx, store); err != nil {
				return nil, err
			}
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if s.sendErr != nil {
			return nil, s.sendErr
		}
		t := s.newToken(n)
		if s.answer != nil {
			t = s.answer(n, old)
		}
		if s.twoStep && j.Save != nil {
			first := *t
			first.IDToken, first.IDFault = "", oauth.IDFault{Reason: "not verified yet", Retry: true}
			j.Save(&first)
		}
		return t, nil
	}
}

func (s *server) want(t *testing.T, prepared, sent int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared != prepared || s.sent != sent {
		t.Errorf("%d preparations and %d token requests, want %d and %d", s.prepared, s.sent, prepared, sent)
	}
}

// wantBrowsers checks how many browsers were opened since the last time.
func (s *server) wantBrowsers(t *testing.T, n int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.browsers != n {
		t.Errorf("%d browsers, want %d", s.browsers, n)
	}
	s.browsers = 0
}

// world is one login on one machine: a clock at noon, a store, a server.
type world struct {
	*server
	store *Store
	log   *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{server: &server{clock: &clock{now: noon}}, store: fileStore(t), log: &bytes.Buffer{}}
}

// source is a process's: it has a store of its own in the same directory.
func (w *world) source(change ...func(*Source)) *Source {
	store := *w.store
	s := &Source{
		store: &store, kind: oauth.Access, prepareRefresh: w.prepareRefresh, mayLogin: w.mayLogin, prepareLogin: w.prepareLogin, redeem: w.redeem(&store),
		reuseWindow: time.Minute, lockTimeout: time.Minute, now: w.Now, log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	for _, f := range change {
		f(s)
	}
	return s
}

// ofKind is a change of a [Source].
func ofKind(k oauth.Kind) func(*Source) { return func(s *Source) { s.kind = k } }

// worker is a worker: another process that serves the request.
func (w *world) worker(ctx context.Context, request []byte) ([]byte, error) {
	var answer bytes.Buffer
	err := w.source().Serve(ctx, bytes.NewReader(request), &answer)
	return answer.Bytes(), err
}

// has puts a set into the store that is age old, and returns it.
func (w *world) has(t *testing.T, age time.Duration, change ...func(*oauth.Token)) *oauth.Token {
	t.Helper()
	token := testToken(w.Now().Add(-age))
	for _, f := range change {
		f(token)
	}
	keep(t, w.store, token)
	return token
}

// isLock reports whether a file is one of those that stay.
func isLock(name string) bool {
	return strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, ".spend")
}

func wantToken(t *testing.T, got *oauth.Token, err error, want *oauth.Token) {
	t.Helper()
	if err != nil {
		t.Fatalf("no token: %v", err)
	}
	if diff := cmp.Diff(reveal(want), reveal(got)); diff != "" {
		t.Errorf("not the token (-want +got):\n%s", diff)
	}
}

// reveal is a set with its secrets readable, for a diff that says more than
// REDACTED.
func reveal(t *oauth.Token) any {
	if t == nil {
		return nil
	}
	return []any{t.AccessToken.Reveal(), t.RefreshToken.Reveal(), t.IDToken.Reveal(), *t}
}

// wantError checks that err is want, or an [oauth.Error] of the same values: a worker's
// went through JSON.
func wantError(t *testing.T, got *oauth.Token, err, want error) {
	t.Helper()
	same := errors.Is(err, want)
	if e, w := oauth.AsError(err), oauth.AsError(want); e != nil && w != nil {
		same = e.Class == w.Class && e.Problem == w.Problem && e.Host == w.Host && e.Setting == w.Setting && e.Code == w.Code && e.Description == w.Description
	}
	if got != nil || !same {
		t.Errorf("%v, %v (%+v); want no token and %v", reveal(got), err, oauth.AsError(err), want)
	}
}

var (
	errServer = oauth.Temporary("the server is down")
	errDead   = &oauth.Error{Class: oauth.ClassRefused, Code: "invalid_grant", Host: "id.example.com", Saved: oauth.LoginDead}
)

// holdLock is another process that renews: it has the lock until the test ends
// or it lets go.
func (w *world) holdLock(t *testing.T) (unlock func()) {
	t.Helper()
	unlock, err := w.store.Lock(t.Context())
	check(t, err)
	once := sync.OnceFunc(unlock)
	t.Cleanup(once)
	return once
}

func (w *world) lockPath() string { return w.store.Dir.path(w.store.ID + ".lock") }

func TestGoodTokenIsAnsweredAtOnce(t *testing.T) {
	for _, age := range []time.Duration{0, 2 * time.Minute, 58 * time.Minute} {
		w := newWorld(t)
		old := w.has(t, age)
		w.holdLock(t)
		var before, after fs.FileInfo
		before, err := os.Stat(string(w.store.Dir))
		check(t, err)
		within(t, "a good token", func() {
			got, err := w.source().Token(t.Context())
			wantToken(t, got, err, old)
		})
		w.want(t, 0, 0)
		after, err = os.Stat(string(w.store.Dir))
		check(t, err)
		if !after.ModTime().Equal(before.ModTime()) {
			t.Error("something was written")
		}
	}
	// Without a lock there is not even a lock file.
	w := newWorld(t)
	old := w.has(t, 2*time.Minute)
	got, err := w.source().Token(t.Context())
	wantToken(t, got, err, old)
	if _, err := os.Lstat(w.lockPath()); err == nil {
		t.Error("it took the lock")
	}
}

func TestFirstTokenIsALogin(t *testing.T) {
	w := newWorld(t)
	got, err := w.source().Token(t.Context())
	wantToken(t, got, err, w.newToken(1))
	wantToken(t, load(t, w.store), nil, w.newToken(1))
	if w.old[0] != nil {
		t.Errorf("it renews %v", w.old[0])
	}
	w.want(t, 1, 1)
	got, err = w.source().Token(t.Context())
	wantToken(t, got, err, w.newToken(1))
	w.want(t, 1, 1)
}

// The margin is a minute of an hour: what has less to live is renewed.
func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	for _, age := range []time.Duration{59 * time.Minute, time.Hour, 24 * time.Hour} {
		w := newWorld(t)
		old := w.has(t, age)
		got, err := w.source().Token(t.Context())
		wantToken(t, got, err, w.newToken(1))
		wantToken(t, load(t, w.store), nil, w.newToken(1))
		wantToken(t, w.old[0], nil, old)
		w.want(t, 1, 1)
	}
}

// The promise: of fifty who find an expired token at once, one asks.
func TestFiftyAskOnce(t *testing.T) {
	for _, change := range []struct {
		what  string
		age   time.Duration
		setup func(*Source)
		login bool
	}{
		{"expired", 2 * time.Hour, func(*Source) {}, false},
		{"forced", 10 * time.Minute, func(s *Source) { s.forceRefresh = true }, false},
		{"forced without a window", 10 * time.Minute, func(s *Source) { s.forceRefresh, s.reuseWindow = true, time.Nanosecond }, false},
		{"login", 10 * time.Minute, func(*Source) {}, true},
	} {
		t.Run(change.what, func(t *testing.T) {
			w := newWorld(t)
			w.has(t, change.age)
			gate := make(chan struct{})
			w.during = func(context.Context, *Store) error { <-gate; w.move(time.Second); return nil }
			var callers sync.WaitGroup
			var mu sync.Mutex
			fresh := 0
			for range 50 {
				s := w.source()
				s.log = slog.New(slog.DiscardHandler)
				change.setup(s)
				callers.Go(func() {
					var got *oauth.Token
					var err error
					var isFresh bool
					if change.login {
						got, isFresh, err = s.Login(t.Context())
					} else {
						got, err = s.Token(t.Context())
					}
					if err != nil || got.AccessToken != "new-at-1" {
						t.Errorf("%v, %v", reveal(got), err)
					}
					mu.Lock()
					defer mu.Unlock()
					if isFresh {
						fresh++
					}
				})
			}
			waitOpened(t, w.lockPath(), 50) // all have found the old one
			close(gate)
			callers.Wait()
			w.want(t, 1, 1)
			if change.login && fresh != 1 {
				t.Errorf("%d of 50 were told that they logged in", fresh)
			}
		})
	}
}

func TestReuseWindow(t *testing.T) {
	short := func(token *oauth.Token) { token.Expiry = token.Obtained.Add(2 * time.Minute) }
	dead := func(token *oauth.Token) { token.Expiry = token.Obtained.Add(10 * time.Second) }
	force := func(s *Source) { s.forceRefresh = true }
	for _, c := range []struct {
		what   string
		age    time.Duration
		token  func(*oauth.Token)
		source func(*Source)
		reused bool
	}{
		{"forced, in the window", 59 * time.Second, nil, force, true},
		{"forced, just renewed", 0, nil, force, true},
		{"forced, after the window", time.Minute, nil, force, false},
		{"forced, no window", 0, nil, func(s *Source) { s.forceRefresh, s.reuseWindow = true, 0 }, false},
		{"lives shorter than asked for, in the window", 50 * time.Second, short, func(s *Source) { s.minTTL = 5 * time.Minute }, true},
		{"lives shorter than asked for, after the window", 61 * time.Second, short, func(s *Source) { s.minTTL = 5 * time.Minute }, false},
		{"inside its margin, in the window", 115 * time.Second, short, func(s *Source) { s.reuseWindow = 2 * time.Minute }, true},
		{"expired, in the window", 30 * time.Second, dead, func(*Source) {}, false},
		{"clock moved back", -time.Second, nil, force, false},
		{"clock moved back by hours", -5 * time.Hour, nil, force, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t)
			change := c.token
			if change == nil {
				change = func(*oauth.Token) {}
			}
			old := w.has(t, c.age, change)
			s := w.source()
			c.source(s)
			got, err := s.Token(t.Context())
			if c.reused {
				wantToken(t, got, err, old)
				w.want(t, 0, 0)
			} else {
				wantToken(t, got, err, w.newToken(1))
				w.want(t, 1, 1)
			}
		})
	}
}

// The reuse window counts from the server's answer; the token's age from the
// request.
func TestReuseWindowCountsFromTheAnswer(t *testing.T) {
	w := newWorld(t)
	old := w.has(t, 3*time.Minute, func(token *oauth.Token) { token.Renewed = w.Now().Add(-10 * time.Second) })
	s := w.source()
	s.forceRefresh = true
	got, err := s.Token(t.Context())
	wantToken(t, got, err, old)
}

func TestLogin(t *testing.T) {
	t.Run("outside the window", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Minute)
		got, fresh, err := w.source().Login(t.Context())
		wantToken(t, got, err, w.newToken(1))
		if !fresh {
			t.Error("not fresh")
		}
		w.wantBrowsers(t, 1)
	})
	t.Run("in the window", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, 30*time.Second)
		got, fresh, err := w.source().Login(t.Context())
		wantToken(t, got, err, old)
		if fresh {
			t.Error("fresh")
		}
		w.want(t, 0, 0)
	})
	t.Run("that fails", func(t *testing.T) {
		for _, stage := range []string{"first", "second"} {
			w := newWorld(t)
			old := w.has(t, 2*time.Minute)
			if stage == "first" {
				w.prepareErr = errServer
			} else {
				w.sendErr = errServer
			}
			got, _, err := w.source().Login(t.Context())
			wantError(t, got, err, errServer)
			wantToken(t, load(t, w.store), nil, old)
		}
	})
	t.Run("leaves the source as it was", func(t *testing.T) {
		w := newWorld(t)
		s := w.source()
		_, _, err := s.Login(t.Context())
		check(t, err)
		w.move(2 * time.Minute)
		got, err := s.Token(t.Context())
		if err != nil || got.AccessToken != "new-at-1" {
			t.Errorf("%v, %v", got, err)
		}
		w.want(t, 1, 1)
	})
}

// A code that the server refuses (used twice, too old) is an invalid_grant too,
// and says nothing of the refresh token that lies in the store.
func TestARefusedLoginKeepsTheRefreshToken(t *testing.T) {
	t.Run("login", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, 2*time.Minute)
		w.sendErr = errDead
		got, _, err := w.source().Login(t.Context())
		wantError(t, got, err, errDead)
		wantToken(t, load(t, w.store), nil, old)
	})
	t.Run("for an ID token", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, 2*time.Minute, func(token *oauth.Token) {
			token.IDObtained, token.IDExpiry = token.IDObtained.Add(-time.Hour), w.Now().Add(-time.Minute)
		})
		w.sendErr = errDead
		got, err := w.source(ofKind(oauth.ID)).Token(t.Context())
		wantError(t, got, err, errDead)
		wantToken(t, load(t, w.store), nil, old)
	})
}

// Who waited for another's renewal takes that, window or not.
func TestRenewedWhileWaiting(t *testing.T) {
	token := func(ctx context.Context, s *Source) (*oauth.Token, error) { return s.Token(ctx) }
	for what, ask := range map[string]func(context.Context, *Source) (*oauth.Token, error){
		"expired": token,
		"forced":  func(ctx context.Context, s *Source) (*oauth.Token, error) { s.forceRefresh = true; return s.Token(ctx) },
		"forced, window 0": func(ctx context.Context, s *Source) (*oauth.Token, error) {
			s.forceRefresh, s.reuseWindow = true, 0
			return s.Token(ctx)
		},
		"long, window 0": func(ctx context.Context, s *Source) (*oauth.Token, error) {
			s.minTTL, s.reuseWindow = 50*time.Minute, 0
			return s.Token(ctx)
		},
		"login, window 0": func(ctx context.Context, s *Source) (*oauth.Token, error) {
			s.reuseWindow = 0
			t, fresh, err := s.Login(ctx)
			if fresh {
				err = errors.New("it says that it logged in")
			}
			return t, err
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.has(t, 2*time.Hour)
			unlock := w.holdLock(t)
			s := w.source()
			done := make(chan struct{})
			go func() {
				defer close(done)
				got, err := ask(t.Context(), s)
				if err != nil || got.AccessToken != "by another" {
					t.Errorf("%v, %v", reveal(got), err)
				}
			}()
			waitOpened(t, w.lockPath(), 2)
			w.move(time.Second)
			w.has(t, 0, func(token *oauth.Token) {
				token.AccessToken, token.Expiry = "by another", token.Obtained.Add(2*time.Minute)
			})
			w.move(70 * time.Second) // as long as it takes to wake: past half of it
			unlock()
			within(t, "the answer", func() { <-done })
			w.want(t, 0, 0)
		})
	}
}

// Who waited for another that failed asks again; what it got is dead.
func TestDeadWhileWaiting(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	unlock := w.holdLock(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err := w.source().Token(t.Context())
		if err != nil || got.AccessToken != "new-at-1" {
			t.Errorf("%v, %v", reveal(got), err)
		}
	}()
	waitOpened(t, w.lockPath(), 2)
	w.move(time.Second)
	w.has(t, 0, func(token *oauth.Token) { token.Expiry = token.Obtained.Add(time.Second) })
	w.move(time.Second)
	unlock()
	within(t, "the answer", func() { <-done })
	w.want(t, 1, 1)
}

// inMargin is the age of a token that is not good any more and still lives.
const inMargin = 59*time.Minute + 30*time.Second

func TestALivingTokenIsBetterThanNone(t *testing.T) {
	for what, fail := range map[string]func(*world){
		"the first stage fails":  func(w *world) { w.prepareErr = errServer },
		"the second stage fails": func(w *world) { w.sendErr = errServer },
		"refused":                func(w *world) { w.sendErr = errDead },
		"nothing can be kept":    func(w *world) { w.block() },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			old := w.has(t, inMargin)
			fail(w)
			got, err := w.source().Token(t.Context())
			wantToken(t, got, err, old)
			if !strings.Contains(w.log.String(), "level=WARN") {
				t.Error("nothing is said of it")
			}
			if strings.Contains(w.log.String(), "at-1") || strings.Contains(w.log.String(), "rt-1") {
				t.Errorf("a token is in the log: %s", w.log)
			}
		})
	}
	t.Run("expired while it failed", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, inMargin)
		w.during = func(context.Context, *Store) error { w.move(time.Minute); return errServer }
		got, err := w.source().Token(t.Context())
		wantError(t, got, err, errServer)
	})
	t.Run("the caller gives up", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, inMargin)
		ctx, cancel := context.WithCancelCause(t.Context())
		gaveUp := make(chan struct{})
		w.during = func(context.Context, *Store) error { cancel(errGaveUp); <-gaveUp; return nil }
		got, err := w.source().Token(ctx)
		wantError(t, got, err, errGaveUp)
		close(gaveUp)
		w.holdLock(t)() // what was sent is saved
		wantToken(t, load(t, w.store), nil, w.newToken(1))
	})
	t.Run("the store cannot be read again", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, inMargin)
		unlock := w.holdLock(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			got, err := w.source().Token(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			wantToken(t, got, err, old)
		}()
		waitOpened(t, w.lockPath(), 2)
		path := w.store.Dir.path(w.store.name())
		check(t, os.Rename(path, path+".away"))
		check(t, os.Mkdir(path, 0o700)) // as a keyring that is locked meanwhile
		unlock()
		within(t, "the answer", func() { <-done })
		w.want(t, 0, 0)
	})
}

// block makes it impossible to keep anything, for root too.
func (w *world) block() {
	if err := os.MkdirAll(w.store.Dir.path(w.store.name()+".new/x"), 0o700); err != nil {
		panic(err)
	}
}

func TestLockTimeout(t *testing.T) {
	patience := func(w *world) *Source {
		s := w.source()
		s.lockTimeout = 50 * time.Millisecond
		return s
	}
	t.Run("without a token", func(t *testing.T) {
		w := newWorld(t)
		w.holdLock(t)
		within(t, "its end", func() {
			got, err := patience(w).Token(t.Context())
			wantError(t, got, err, ErrBusy)
		})
		w.want(t, 0, 0)
	})
	t.Run("with a dead one", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.holdLock(t)
		within(t, "its end", func() {
			got, err := patience(w).Token(t.Context())
			wantError(t, got, err, ErrBusy)
		})
	})
	t.Run("with one that lives", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, inMargin)
		w.holdLock(t)
		within(t, "its end", func() {
			got, err := patience(w).Token(t.Context())
			wantToken(t, got, err, old)
		})
		within(t, "its end", func() {
			got, _, err := patience(w).Login(t.Context())
			wantError(t, got, err, ErrBusy)
		})
		w.want(t, 0, 0)
	})
	t.Run("that of the caller", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, inMargin)
		w.holdLock(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { waitOpened(t, w.lockPath(), 2); cancel(errGaveUp) }()
		within(t, "its end", func() {
			got, err := w.source().Token(ctx)
			wantError(t, got, err, errGaveUp)
		})
		w.want(t, 0, 0)
	})
	t.Run("does not limit the renewal", func(t *testing.T) {
		w := newWorld(t)
		w.during = func(ctx context.Context, _ *Store) error {
			if end, limited := ctx.Deadline(); limited && time.Until(end) < 10*time.Second {
				t.Error("a request has the time that a wait has")
			}
			return ctx.Err()
		}
		got, err := patience(w).Token(t.Context())
		wantToken(t, got, err, w.newToken(1))
	})
}

// errLoginNeeded is a MayLogin's.
var errLoginNeeded = errors.New("a login is needed")

// invalid_grant: the refresh token is dead and is not sent again; the rest stays, above
// all where to log in again.
func TestADeadRefreshTokenIsForgotten(t *testing.T) {
	w := newWorld(t)
	old := w.has(t, 2*time.Hour)
	w.sendErr, w.loginErr = fmt.Errorf("refresh: %w", errDead), errLoginNeeded
	for range 2 {
		got, err := w.source().Token(t.Context())
		wantError(t, got, err, errLoginNeeded)
	}
	w.want(t, 1, 1)
	if !slices.Equal([]bool{w.causes[0] != nil, w.causes[1] != nil}, []bool{true, false}) {
		t.Errorf("causes: %v", w.causes)
	}
	want := *old
	want.RefreshToken = ""
	wantToken(t, load(t, w.store), nil, &want)

	w.sendErr, w.loginErr = nil, nil
	got, err := w.source().Token(t.Context())
	wantToken(t, got, err, w.newToken(2))
	wantToken(t, w.old[1], nil, &want)
}

// A token that one server rejected, and for which another one gives no new one, has
// ended: it is not returned until its expiry to later calls.
func TestARejectedTokenEndsWithItsLogin(t *testing.T) {
	for kind, ended := range map[oauth.Kind]func(*oauth.Token) *time.Time{
		oauth.Access: func(t *oauth.Token) *time.Time { return &t.Expiry },
		oauth.ID:     func(t *oauth.Token) *time.Time { return &t.IDExpiry },
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			old := w.has(t, 2*time.Minute)
			w.sendErr, w.loginErr = errDead, errLoginNeeded
			got, err := w.source(ofKind(kind)).TokenAfterRejection(t.Context(), func(oauth.Credential) bool { return true }, false)
			wantError(t, got, err, errLoginNeeded)
			want := *old
			want.RefreshToken = ""
			*ended(&want) = w.now
			wantToken(t, load(t, w.store), nil, &want)

			w.sendErr, w.loginErr = nil, nil
			got, err = w.source(ofKind(kind)).Token(t.Context())
			wantToken(t, got, err, w.newToken(2))
		})
	}
}

// A worker that waited for another one does not send a refresh token that is dead by
// then.
func TestAWorkerThatWaitedSendsNoDeadRefreshToken(t *testing.T) {
	w := newWorld(t)
	old := w.has(t, 2*time.Hour)
	w.sendErr = errDead
	r := request{ID: w.store.ID, Kind: w.store.Kind, Seen: old.Renewed, Request: tokenRequest("refresh_token")}
	for range 2 { // both leaders have seen it alive; the first one was killed
		got := redeemer{w.source().newCall(forCaller)}.redeem(t.Context(), r)
		if e := oauth.AsError(got.err); got.token != nil || e == nil || e.Saved != oauth.LoginDead {
			t.Errorf("%v, %v; want the server's word that it is dead", reveal(got.token), got.err)
		}
	}
	w.want(t, 0, 1)
}

// Other failures leave the refresh token alone, and open no browser: the same call may
// succeed later.
func TestOtherFailuresKeepTheRefreshToken(t *testing.T) {
	for _, err := range []error{
		errServer, &oauth.Error{Class: oauth.ClassRefused, Code: "invalid_client"}, &oauth.Error{Class: oauth.ClassRefused, Code: "invalid_scope"},
		&oauth.Error{Class: oauth.ClassLocal, Problem: "too many open files"}, errors.New("invalid_grant"),
	} {
		w := newWorld(t)
		old := w.has(t, 2*time.Hour)
		w.sendErr = err
		got, gotErr := w.source().Token(t.Context())
		if got != nil || gotErr == nil || gotErr.Error() != err.Error() {
			t.Errorf("%v, %v; want %v", reveal(got), gotErr, err)
		}
		wantToken(t, load(t, w.store), nil, old)
		w.wantBrowsers(t, 0)
		w.wantNothingUnfinished(t)
	}
	w := newWorld(t) // and nothing is made of a login that is refused
	w.sendErr = errDead
	got, err := w.source().Token(t.Context())
	wantError(t, got, err, errDead)
	if load(t, w.store) != nil {
		t.Error("something is saved")
	}
	w.wantNothingUnfinished(t)
}

func (w *world) wantNothingUnfinished(t *testing.T) {
	t.Helper()
	entries, err := w.store.Dir.entries()
	check(t, err)
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, newSuffix) || strings.HasSuffix(name, preflightSuffix) || strings.HasSuffix(name, ".intent") {
			t.Errorf("left over: %s", name)
		}
	}
}

// The first stage may ask a person, a server or nobody: until it is through,
// nothing is written, and nothing is spent.
func TestFailedFirstStage(t *testing.T) {
	w := newWorld(t)
	w.prepareErr = errServer
	got, err := w.source().Token(t.Context())
	wantError(t, got, err, errServer)
	w.want(t, 1, 0)
	entries, err := os.ReadDir(string(w.store.Dir))
	check(t, err)
	for _, e := range entries {
		if !isLock(e.Name()) && !strings.HasSuffix(e.Name(), ".record") {
			t.Errorf("prepared: %v", e)
		}
	}
}

// Nothing is spent before there is a place for what it buys.
func TestPreflight(t *testing.T) {
	spendNothing := func(t *testing.T, w *world) {
		t.Helper()
		got, err := w.source().Token(t.Context())
		wantStoreError(t, "preflight", err)
		if got != nil {
			t.Errorf("a token: %v", reveal(got))
		}
		w.want(t, 1, 0)
	}
	t.Run("a place that is taken", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.block()
		spendNothing(t, w)
	})
	t.Run("a directory that is not writable", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("nothing is unwritable for root")
		}
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.holdLock(t)() // the lock file is there
		check(t, os.Chmod(string(w.store.Dir), 0o500))
		t.Cleanup(func() { check(t, os.Chmod(string(w.store.Dir), 0o700)) })
		spendNothing(t, w)
	})
	t.Run("no directory", func(t *testing.T) {
		w := newWorld(t)
		w.store.Dir = ""
		got, err := w.source().Token(t.Context())
		wantStoreError(t, "no home", err)
		if got != nil {
			t.Error("a token all the same")
		}
		w.want(t, 0, 0)
	})
	t.Run("the space is taken while the server is asked", func(t *testing.T) {
		w := newWorld(t)
		w.during = func(_ context.Context, s *Store) error {
			info, err := os.Stat(s.Dir.path(s.name() + ".new"))
			if err != nil || info.Size() < 20_000 {
				t.Errorf("%v, %v", info, err)
			}
			return nil
		}
		_, err := w.source().Token(t.Context())
		check(t, err)
	})
}

// What was bought is handed out, even if it cannot be kept.
func TestFailedSaveAnswersAllTheSame(t *testing.T) {
	w := newWorld(t)
	w.during = func(_ context.Context, s *Store) error { return os.MkdirAll(s.Dir.path(s.name()+"/x"), 0o700) }
	got, err := w.source().Token(t.Context())
	wantToken(t, got, err, w.newToken(1))
	if !strings.Contains(w.log.String(), "cannot be saved") {
		t.Errorf("nothing is said of it: %q", w.log)
	}
	if strings.Contains(w.log.String(), "new-at-1") {
		t.Errorf("a token is in the log: %s", w.log)
	}
	w.wantNothingUnfinished(t)
}

// What a worker cannot save is logged by its caller: nobody reads a worker's stderr.
func TestWorkerCannotSave(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	w.during = func(_ context.Context, s *Store) error { return os.RemoveAll(string(s.Dir)) }
	s := w.source()
	log := &bytes.Buffer{}
	s.log, s.worker = slog.New(slog.NewTextHandler(log, nil)), w.worker
	token, err := s.Token(t.Context())
	if err != nil || token.AccessToken != "new-at-1" || !strings.Contains(log.String(), "cannot be saved") {
		t.Errorf("%v, %v, logged %q", token, err, log)
	}
}

// It is kept before anybody else gets the lock.
func TestSavedBeforeUnlocked(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	w.during = func(context.Context, *Store) error {
		if _, got := tryLock(t, w.store.Dir, w.store.ID+".lock", 20*time.Millisecond); got {
			t.Error("nobody holds the lock while the server is asked")
		}
		return nil
	}
	_, err := w.source().Token(t.Context())
	check(t, err)
	unlock, got := tryLock(t, w.store.Dir, w.store.ID+".lock", soon)
	if !got {
		t.Fatal("the lock is still held")
	}
	unlock()
}

// A refresh need not bring an ID token (OpenID Connect Core §12.2).
func TestIDTokenThatIsNotRefreshed(t *testing.T) {
	refreshed := func(w *world) func(n int, old *oauth.Token) *oauth.Token {
		return func(n int, old *oauth.Token) *oauth.Token {
			token := w.newToken(n)
			if old != nil && old.Refreshable(oauth.ID) {
				token.IDToken, token.IDExpiry, token.IDObtained = old.IDToken, old.IDExpiry, old.IDObtained
			}
			return token
		}
	}
	idSource := func(w *world, kind oauth.Kind) *Source { return w.source(ofKind(kind)) }
	for _, kind := range []oauth.Kind{oauth.ID, oauth.Auto} {
		t.Run("expired, kind "+string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.has(t, 2*time.Hour)
			w.answer = refreshed(w)
			got, err := idSource(w, kind).Token(t.Context())
			wantToken(t, got, err, w.newToken(2)) // the refresh did not help, the login did
			wantToken(t, load(t, w.store), nil, w.newToken(2))
			w.want(t, 2, 2)
			if len(w.old) == 2 && (w.old[1].RefreshToken != "new-rt-1" || w.old[1].Refreshable(kind)) {
				t.Errorf("the login follows on %v", reveal(w.old[1]))
			}
			if got := w.log.String(); got != "" {
				t.Errorf("it says %s", got)
			}
			if len(w.causes) != 1 || w.causes[0] != nil {
				t.Errorf("the server refused: %v", w.causes)
			}
		})
	}
	t.Run("the login fails", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.answer = refreshed(w)
		w.during = func(context.Context, *Store) error {
			if w.sent == 2 {
				return errServer
			}
			return nil
		}
		got, err := idSource(w, oauth.ID).Token(t.Context())
		wantError(t, got, err, errServer)
		if kept := load(t, w.store); kept == nil || kept.RefreshToken != "new-rt-1" || kept.IDToken != "it-1" {
			t.Errorf("the rotated refresh token is lost: %v", reveal(kept))
		}
	})
	t.Run("lives to its end", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, inMargin, func(token *oauth.Token) { // refreshed 2 minutes ago
			token.Obtained = w.Now().Add(-2 * time.Minute)
			token.Renewed, token.Expiry = token.Obtained, token.Obtained.Add(time.Hour)
		})
		w.holdLock(t)
		within(t, "the answer", func() {
			got, err := idSource(w, oauth.ID).Token(t.Context())
			wantToken(t, got, err, old)
		})
		w.want(t, 0, 0)
	})
	t.Run("is refreshed while a refresh may bring one", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, inMargin)
		w.answer = refreshed(w)
		got, err := idSource(w, oauth.ID).Token(t.Context())
		if err != nil || got.AccessToken != "new-at-1" || got.IDToken != "it-1" {
			t.Errorf("%v, %v: want the refreshed set with the ID token that still lives", reveal(got), err)
		}
		w.want(t, 1, 1)
	})
	t.Run("does not matter for the access token", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.answer = refreshed(w)
		got, err := idSource(w, oauth.Access).Token(t.Context())
		if err != nil || got.AccessToken != "new-at-1" || got.IDToken != "it-1" {
			t.Errorf("%v, %v", reveal(got), err)
		}
		w.want(t, 1, 1)
	})
}

func TestStoreNone(t *testing.T) {
	nowhere := func(w *world) *Source {
		s := w.source()
		s.store.Kind = StoreNone
		s.log = slog.New(slog.DiscardHandler)
		return s
	}
	t.Run("saves nothing, and is one at a time", func(t *testing.T) {
		w := newWorld(t)
		inside := make(chan struct{}, 1)
		var first sync.Once
		w.during = func(context.Context, *Store) error {
			select {
			case inside <- struct{}{}:
			default:
				t.Error("two at a time")
			}
			first.Do(func() { waitOpened(t, w.lockPath(), 5) })
			<-inside
			return nil
		}
		var callers sync.WaitGroup
		for range 5 {
			s := nowhere(w)
			callers.Go(func() {
				if got, err := s.Token(t.Context()); err != nil || got == nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		w.want(t, 5, 5)
		entries, err := os.ReadDir(string(w.store.Dir))
		check(t, err)
		for _, e := range entries {
			if !isLock(e.Name()) && !strings.HasSuffix(e.Name(), ".record") {
				t.Errorf("saved: %v", e)
			}
		}
	})
	t.Run("needs no directory", func(t *testing.T) {
		for _, dir := range []Dir{"", "relative", "/dev/null/state"} {
			w := newWorld(t)
			w.store.Dir = dir
			got, err := nowhere(w).Token(t.Context())
			wantToken(t, got, err, w.newToken(1))
		}
	})
	t.Run("has no more patience", func(t *testing.T) {
		w := newWorld(t)
		w.holdLock(t)
		s := nowhere(w)
		s.lockTimeout = 50 * time.Millisecond
		got, err := s.Token(t.Context())
		wantError(t, got, err, ErrBusy)
		w.want(t, 0, 0)
	})
}

// A store that cannot be asked is never a store without a login.
func TestAStoreThatCannotBeAskedStartsNothing(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	check(t, os.Chmod(w.store.Dir.path(w.store.name()), 0o644))
	got, err := w.source().Token(t.Context())
	wantStoreError(t, "readable by others", err)
	if got != nil {
		t.Error("a token all the same")
	}
	w.want(t, 0, 0)
	if _, err := os.Lstat(w.lockPath()); err == nil {
		t.Error("it took the lock")
	}
}

// A certificate that is not trusted is the same failure to calls a moment later, with the
// same cure, and the cure is tried at once. A worker may be the first to ask that server.
func TestUntrustedIsShared(t *testing.T) {
	untrusted := &oauth.Error{Class: oauth.ClassUntrusted, Host: "flyte.example.com", Problem: "not trusted"}
	for what, fail := range map[string]func(*world, error){
		"by the caller": func(w *world, err error) { w.prepareErr = err },
		"by the worker": func(w *world, err error) { w.sendErr = err },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.has(t, 2*time.Hour)
			settings := "without --ca-file"
			ask := func() (*oauth.Token, error) {
				s := w.source()
				s.settings, s.worker = func() string { return settings }, w.worker
				return s.Token(t.Context())
			}
			fail(w, untrusted)
			for range 3 {
				got, err := ask()
				wantError(t, got, err, untrusted)
			}
			if w.prepared != 1 {
				t.Errorf("%d attempts", w.prepared)
			}
			fail(w, nil)
			settings = "with it"
			_, err := ask()
			check(t, err)
		})
	}
}

// A worker that is killed has not answered: a refresh is sent once more at once, a code
// never.
func TestWorkerKilled(t *testing.T) {
	for _, test := range []struct {
		name     string
		loggedIn bool
		workers  int
	}{{"refresh", true, 2}, {"code", false, 1}} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			if test.loggedIn {
				w.has(t, 2*time.Hour)
			}
			s, workers := w.source(), 0
			s.worker = func(ctx context.Context, request []byte) ([]byte, error) {
				if workers++; workers == 1 {
					return nil, nil
				}
				return w.worker(ctx, request)
			}
			token, err := s.Token(t.Context())
			if workers != test.workers {
				t.Errorf("%d workers, want %d", workers, test.workers)
			}
			if test.loggedIn && (err != nil || token.AccessToken != "new-at-1") || !test.loggedIn && !oauth.IsTemporary(err) {
				t.Errorf("%v, %v", token, err)
			}
		})
	}
}
