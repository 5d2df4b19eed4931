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
	"path/filepath"
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

// server is an authorization server that counts how often it is asked.
type server struct {
	*clock
	mu              sync.Mutex
	prepared, spent int
	old             []*oauth.Token                                // what was to be renewed
	prepareErr      error                                         // of the next first stages
	spendErr        error                                         // of the next second stages
	spend           func(n int, old *oauth.Token) *oauth.Token    // nil: newToken
	during          func(ctx context.Context, store *Store) error // what happens while it is asked
}

// newToken is what the server gives the n-th time.
func (s *server) newToken(n int) *oauth.Token {
	t := testToken(s.Now())
	t.AccessToken, t.RefreshToken, t.IDToken = oauth.Secret(fmt.Sprint("new-at-", n)), oauth.Secret(fmt.Sprint("new-rt-", n)), oauth.Secret(fmt.Sprint("new-it-", n))
	return t
}

// renew is a [Source]'s Renew.
func (s *server) renew(_ context.Context, old *oauth.Token) (Renewal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared++
	s.old = append(s.old, old)
	if s.prepareErr != nil {
		return nil, s.prepareErr
	}
	form := url.Values{"grant_type": {"authorization_code"}}
	if old != nil && old.RefreshToken != "" && old.Refreshable(oauth.Auto) {
		form.Set("grant_type", "refresh_token")
	}
	return func(ctx context.Context, spend oauth.Spender) (*oauth.Token, error) {
		return spend(ctx, &oauth.Spending{Form: form})
	}, nil
}

// pay is a [Source]'s Spend.
func (s *server) pay(store *Store) func(context.Context, *oauth.Spending, *oauth.Token) (*oauth.Token, error) {
	return func(ctx context.Context, _ *oauth.Spending, old *oauth.Token) (*oauth.Token, error) {
		s.mu.Lock()
		s.spent++
		n := s.spent
		s.mu.Unlock()
		if s.during != nil {
			if err := s.during(ctx, store); err != nil {
				return nil, err
			}
		}
		if s.spendErr != nil {
			return nil, s.spendErr
		}
		if s.spend != nil {
			return s.spend(n, old), nil
		}
		return s.newToken(n), nil
	}
}

func (s *server) want(t *testing.T, prepared, spent int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared != prepared || s.spent != spent {
		t.Errorf("the server was prepared for %d times and asked %d times, want %d and %d", s.prepared, s.spent, prepared, spent)
	}
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
func (w *world) source() *Source {
	store := *w.store
	return &Source{
		Store: &store, Kind: oauth.Access, Renew: w.renew, Spend: w.pay(&store), ReuseWindow: time.Minute, Patience: time.Minute,
		Now: w.Now, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
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

func wantError(t *testing.T, got *oauth.Token, err, want error) {
	t.Helper()
	if got != nil || !errors.Is(err, want) {
		t.Errorf("%v, %v; want no token and %v", reveal(got), err, want)
	}
}

var (
	errServer = errors.New("the server is down")
	errDead   = &oauth.Error{Code: "invalid_grant", Host: "id.example.com"}
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
		{"forced", 10 * time.Minute, func(s *Source) { s.Force = true }, false},
		{"forced without a window", 10 * time.Minute, func(s *Source) { s.Force, s.ReuseWindow = true, time.Nanosecond }, false},
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
				s.Log = slog.New(slog.DiscardHandler)
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
	force := func(s *Source) { s.Force = true }
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
		{"forced, no window", 0, nil, func(s *Source) { s.Force, s.ReuseWindow = true, 0 }, false},
		{"lives shorter than asked for, in the window", 50 * time.Second, short, func(s *Source) { s.MinTTL = 5 * time.Minute }, true},
		{"lives shorter than asked for, after the window", 61 * time.Second, short, func(s *Source) { s.MinTTL = 5 * time.Minute }, false},
		{"inside its margin, in the window", 115 * time.Second, short, func(s *Source) { s.ReuseWindow = 2 * time.Minute }, true},
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
	s.Force = true
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
		if w.old[0] != nil {
			t.Error("it would spend the refresh token")
		}
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
				w.spendErr = errServer
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
		w.spendErr = errDead
		got, _, err := w.source().Login(t.Context())
		wantError(t, got, err, errDead)
		wantToken(t, load(t, w.store), nil, old)
	})
	t.Run("for an ID token", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, 2*time.Minute, func(token *oauth.Token) {
			token.IDObtained, token.IDExpiry = token.IDObtained.Add(-time.Hour), w.Now().Add(-time.Minute)
		})
		w.spendErr = errDead
		s := w.source()
		s.Kind = oauth.ID
		got, err := s.Token(t.Context())
		wantError(t, got, err, errDead)
		wantToken(t, load(t, w.store), nil, old)
	})
}

// Who waited for another's renewal takes that, window or not.
func TestRenewedWhileWaiting(t *testing.T) {
	for what, change := range map[string]func(*Source){
		"expired":          func(*Source) {},
		"forced":           func(s *Source) { s.Force = true },
		"forced, window 0": func(s *Source) { s.Force, s.ReuseWindow = true, 0 },
		"long, window 0":   func(s *Source) { s.MinTTL, s.ReuseWindow = 50*time.Minute, 0 },
		"login, window 0":  func(s *Source) { s.login, s.ReuseWindow = true, 0 },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.has(t, 2*time.Hour)
			unlock := w.holdLock(t)
			s := w.source()
			change(s)
			done := make(chan struct{})
			go func() {
				defer close(done)
				got, err := s.Token(t.Context())
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
		"the second stage fails": func(w *world) { w.spendErr = errServer },
		"refused":                func(w *world) { w.spendErr = errDead },
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
	t.Run("nobody waits for it any more", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, inMargin)
		ctx, cancel := context.WithCancelCause(t.Context())
		w.during = func(ctx context.Context, _ *Store) error { cancel(errGaveUp); return context.Cause(ctx) }
		got, err := w.source().Token(ctx) // what is being spent is spent to the end
		wantToken(t, got, err, w.newToken(1))
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

func TestPatience(t *testing.T) {
	patience := func(w *world) *Source {
		s := w.source()
		s.Patience = 50 * time.Millisecond
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

// invalid_grant: the refresh token is dead and nobody spends it again; the rest
// stays, above all where to log in again.
func TestADeadRefreshTokenIsForgotten(t *testing.T) {
	w := newWorld(t)
	old := w.has(t, 2*time.Hour)
	w.spendErr = fmt.Errorf("refresh: %w", errDead)
	got, err := w.source().Token(t.Context())
	wantError(t, got, err, errDead)
	want := *old
	want.RefreshToken = ""
	wantToken(t, load(t, w.store), nil, &want)

	w.spendErr = nil
	got, err = w.source().Token(t.Context())
	wantToken(t, got, err, w.newToken(2))
	wantToken(t, w.old[1], nil, &want)
}

// A token that one server refused, and for which another one gives no new one, has
// ended: it is not handed out until its expiry to all who come later.
func TestARefusedTokenEndsWithItsLogin(t *testing.T) {
	for kind, ended := range map[oauth.Kind]func(*oauth.Token) *time.Time{
		oauth.Access: func(t *oauth.Token) *time.Time { return &t.Expiry },
		oauth.ID:     func(t *oauth.Token) *time.Time { return &t.IDExpiry },
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			old := w.has(t, 2*time.Minute)
			w.spendErr = errDead
			s := w.source()
			s.Kind, s.Refused = kind, func(oauth.Credential) bool { return true }
			got, err := s.Token(t.Context())
			wantError(t, got, err, errDead)
			want := *old
			want.RefreshToken = ""
			*ended(&want) = w.now
			wantToken(t, load(t, w.store), nil, &want)

			w.spendErr = nil
			s = w.source()
			s.Kind = kind
			got, err = s.Token(t.Context())
			wantToken(t, got, err, w.newToken(2))
		})
	}
}

// A child that waits for another one's end spends nothing that is dead by then:
// what that one found out is true for it, too.
func TestWhoWaitsSpendsNoDeadRefreshToken(t *testing.T) {
	w := newWorld(t)
	old := w.has(t, 2*time.Hour)
	w.spendErr = errDead
	r := request{ID: w.store.ID, Kind: w.store.Kind, Seen: old.Renewed, Spending: &oauth.Spending{Form: url.Values{"grant_type": {"refresh_token"}}}}
	for range 2 { // both leaders have seen it live; the first one was killed
		got, err := w.source().spend(t.Context(), r)
		if got != nil || !oauth.LoggedOut(err) {
			t.Errorf("%v, %v; want the server's word that it is dead", reveal(got), err)
		}
	}
	w.want(t, 0, 1)
}

// invalid_grant for a code is no word on what is kept: it is a failure like
// another, and nobody opens the next browser at once.
func TestARefusedCodeIsShared(t *testing.T) {
	w := newWorld(t)
	w.spendErr = errDead
	got, err := w.source().Token(t.Context())
	wantError(t, got, err, errDead)
	got, err = w.source().Token(t.Context())
	if got != nil || !errors.As(err, new(*RecentError)) || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("%v, %v; want the failure of a moment ago", reveal(got), err)
	}
	w.want(t, 1, 1)
}

// Anything else leaves it alone: the same call may succeed later.
func TestOtherFailuresKeepTheRefreshToken(t *testing.T) {
	for _, err := range []error{
		errServer, &oauth.TemporaryError{Err: errServer}, &oauth.Error{Code: "invalid_client"}, &oauth.Error{Code: "invalid_scope"},
		context.DeadlineExceeded, errors.New("invalid_grant"),
	} {
		w := newWorld(t)
		old := w.has(t, 2*time.Hour)
		w.spendErr = err
		got, gotErr := w.source().Token(t.Context())
		wantError(t, got, gotErr, err)
		wantToken(t, load(t, w.store), nil, old)
		w.wantNothingUnfinished(t)
	}
	w := newWorld(t) // and of a login that is refused nothing is made
	w.spendErr = errDead
	got, err := w.source().Token(t.Context())
	wantError(t, got, err, errDead)
	if load(t, w.store) != nil {
		t.Error("something is kept")
	}
	w.wantNothingUnfinished(t)
}

func (w *world) wantNothingUnfinished(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(string(w.store.Dir) + "/*.new")
	check(t, err)
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
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
		if !isLock(e.Name()) {
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
	if !strings.Contains(w.log.String(), "cannot be kept") {
		t.Errorf("nothing is said of it: %q", w.log)
	}
	if strings.Contains(w.log.String(), "new-at-1") {
		t.Errorf("a token is in the log: %s", w.log)
	}
	w.wantNothingUnfinished(t)
}

// What a child cannot keep is said by its caller: nobody reads what a child says.
func TestChildCannotKeep(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	w.during = func(_ context.Context, s *Store) error { return os.RemoveAll(string(s.Dir)) }
	s := w.source()
	said := &bytes.Buffer{}
	s.Log = slog.New(slog.NewTextHandler(said, nil))
	s.Child = func(ctx context.Context, request []byte) ([]byte, error) {
		var answer bytes.Buffer
		err := w.source().Serve(ctx, bytes.NewReader(request), &answer)
		return answer.Bytes(), err
	}
	token, err := s.Token(t.Context())
	if err != nil || token.AccessToken != "new-at-1" || !strings.Contains(said.String(), "cannot be kept") {
		t.Errorf("%v, %v, said %q", token, err, said)
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
	idSource := func(w *world, kind oauth.Kind) *Source {
		s := w.source()
		s.Kind = kind
		return s
	}
	for _, kind := range []oauth.Kind{oauth.ID, oauth.Auto} {
		t.Run("expired, kind "+string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.has(t, 2*time.Hour)
			w.spend = refreshed(w)
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
		})
	}
	t.Run("the login fails", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.spend = refreshed(w)
		w.during = func(context.Context, *Store) error {
			if w.spent == 2 {
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
		w.spend = refreshed(w)
		got, err := idSource(w, oauth.ID).Token(t.Context())
		if err != nil || got.AccessToken != "new-at-1" || got.IDToken != "it-1" {
			t.Errorf("%v, %v: want the refreshed set with the ID token that still lives", reveal(got), err)
		}
		w.want(t, 1, 1)
	})
	t.Run("does not matter for the access token", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.spend = refreshed(w)
		got, err := idSource(w, oauth.Access).Token(t.Context())
		if err != nil || got.AccessToken != "new-at-1" || got.IDToken != "it-1" {
			t.Errorf("%v, %v", reveal(got), err)
		}
		w.want(t, 1, 1)
	})
}

func TestNowhere(t *testing.T) {
	nowhere := func(w *world) *Source {
		s := w.source()
		s.Store.Kind = Nowhere
		s.Log = slog.New(slog.DiscardHandler)
		return s
	}
	t.Run("keeps nothing, and is one at a time", func(t *testing.T) {
		w := newWorld(t)
		inside := make(chan struct{}, 1)
		w.during = func(context.Context, *Store) error {
			select {
			case inside <- struct{}{}:
			default:
				t.Error("two at a time")
			}
			time.Sleep(5 * time.Millisecond) // so that a second one has the time
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
			if !isLock(e.Name()) {
				t.Errorf("kept: %v", e)
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
		s.Patience = 50 * time.Millisecond
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

// A certificate that nobody has signed is the same failure to those who ask a
// moment later, with the same cure, and the cure is tried at once.
func TestUntrustedIsShared(t *testing.T) {
	w := newWorld(t)
	w.prepareErr = &oauth.TemporaryError{Err: &oauth.UntrustedError{Host: "flyte.example.com"}}
	settings := "without --ca-file"
	ask := func() error {
		s := w.source()
		s.Settings = func() string { return settings }
		_, err := s.Token(t.Context())
		return err
	}
	for range 3 {
		var untrusted *oauth.UntrustedError
		if err := ask(); !errors.As(err, &untrusted) || untrusted.Host != "flyte.example.com" || !errors.As(err, new(*oauth.TemporaryError)) {
			t.Errorf("%v", err)
		}
	}
	w.want(t, 1, 0)
	w.prepareErr, settings = nil, "with it"
	check(t, ask())
	w.want(t, 2, 1)
}

// A child that meets such a certificate says so too: it may be the first to ask that
// server.
func TestUntrustedToTheChild(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	w.spendErr = &oauth.TemporaryError{Err: &oauth.UntrustedError{Host: "flyte.example.com"}}
	settings := "without --ca-file"
	ask := func() error {
		s := w.source()
		s.Settings = func() string { return settings }
		s.Child = func(ctx context.Context, request []byte) ([]byte, error) {
			var answer bytes.Buffer
			err := w.source().Serve(ctx, bytes.NewReader(request), &answer)
			return answer.Bytes(), err
		}
		_, err := s.Token(t.Context())
		return err
	}
	for range 2 {
		var untrusted *oauth.UntrustedError
		if err := ask(); !errors.As(err, &untrusted) || untrusted.Host != "flyte.example.com" || !errors.As(err, new(*oauth.TemporaryError)) {
			t.Errorf("%v (%T)", err, err)
		}
	}
	w.want(t, 1, 1)
	w.spendErr, settings = nil, "with it"
	check(t, ask())
	w.want(t, 2, 2)
}

// A child that is killed has said nothing: a refresh is spent once more at once,
// a code never.
func TestChildKilled(t *testing.T) {
	for _, test := range []struct {
		name     string
		loggedIn bool
		children int
	}{{"refresh", true, 2}, {"code", false, 1}} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			if test.loggedIn {
				w.has(t, 2*time.Hour)
			}
			s, children := w.source(), 0
			s.Child = func(ctx context.Context, request []byte) ([]byte, error) {
				if children++; children == 1 {
					return nil, nil
				}
				var answer bytes.Buffer
				err := w.source().Serve(ctx, bytes.NewReader(request), &answer)
				return answer.Bytes(), err
			}
			token, err := s.Token(t.Context())
			if children != test.children {
				t.Errorf("%d children, want %d", children, test.children)
			}
			if later := (*oauth.TemporaryError)(nil); test.loggedIn && (err != nil || token.AccessToken != "new-at-1") || !test.loggedIn && !errors.As(err, &later) {
				t.Errorf("%v, %v", token, err)
			}
		})
	}
}
