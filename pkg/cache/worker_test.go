//go:build unix

package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The worker reads on when its caller has given up after RefreshWait, and saves.
func TestAnswerAfter12Seconds(t *testing.T) {
	store := fileStore(t)
	synctest.Test(t, func(t *testing.T) {
		keep(t, store, testToken(time.Now().Add(-2*time.Hour)))
		sent := 0
		s := &Source{
			store: store, kind: oauth.Access, lockTimeout: time.Minute, reuseWindow: time.Minute, now: time.Now, log: slog.New(slog.DiscardHandler),
			prepareRefresh: func(context.Context, *oauth.Token) (*oauth.TokenRequest, error) {
				return tokenRequest("refresh_token"), nil
			},
			redeem: func(_ context.Context, _ *oauth.TokenRequest, _ *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
				check(t, sending(j))
				sent++
				time.Sleep(12 * time.Second)
				token := testToken(time.Now())
				token.RefreshToken = "rt-2"
				return token, nil
			},
		}
		begun := time.Now()
		got, err := s.Token(t.Context())
		if took := time.Since(begun); got != nil || !oauth.IsTemporary(err) || took != defaultRefreshWait {
			t.Errorf("%v, %v after %s", reveal(got), err, took)
		}
		want := fmt.Sprintf("the server has not answered since %s; process %d waits for the answer", begun.Local().Format(time.TimeOnly), os.Getpid())
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		time.Sleep(3 * time.Second)
		got, err = s.Token(t.Context())
		if err != nil || got.RefreshToken != "rt-2" || sent != 1 {
			t.Errorf("%v, %v, sent %d times", reveal(got), err, sent)
		}
	})
}

// While a worker waits for its answer, no other process sends the refresh token.
func TestNoOneElseSendsMeanwhile(t *testing.T) {
	for what, age := range map[string]time.Duration{"expired": 2 * time.Hour, "valid": inMargin} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			old := w.has(t, age)
			sent, answers, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
			w.during = func(context.Context, *Store) error { close(sent); <-answers; return nil }
			impatient := func(s *Source) {
				s.refreshWait = 20 * time.Millisecond
				s.worker = func(ctx context.Context, request []byte) ([]byte, error) {
					go func() { defer close(ended); _, _ = w.worker(context.WithoutCancel(ctx), request) }()
					<-sent
					<-ctx.Done()
					return nil, context.Cause(ctx)
				}
			}
			for range 3 {
				got, err := w.source(impatient).Token(t.Context())
				if age == inMargin {
					wantToken(t, got, err, old)
				} else if e := oauth.AsError(err); got != nil || e == nil || e.Class != oauth.ClassTemporary || !strings.Contains(e.Problem, fmt.Sprint("process ", os.Getpid())) {
					t.Errorf("%v, %v", reveal(got), err)
				}
				w.move(sharedWindow)
			}
			close(answers)
			<-ended
			w.want(t, 1, 1)
			got, err := w.source(impatient).Token(t.Context())
			if err != nil || got.AccessToken != "new-at-1" {
				t.Errorf("%v, %v", reveal(got), err)
			}
			w.wantBrowsers(t, 0)
			w.wantNothingUnfinished(t)
		})
	}
}

func init() {
	// serve is a worker that is killed at a place. It appends a line to a file when it
	// sends a request.
	roles["serve"] = func(args []string) error {
		dir, sent, place := Dir(args[0]), args[1], args[2]
		die := func(here string) {
			if here == place {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
		s := &Source{
			store: newStore(dir, StoreFile, nil, testKey()), now: func() time.Time { return noon }, log: slog.New(slog.DiscardHandler),
			redeem: func(_ context.Context, _ *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
				die("before the request")
				if err := sending(j); err != nil {
					return nil, err
				}
				f, err := os.OpenFile(sent, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
				if err != nil {
					return nil, err
				}
				_, _ = f.WriteString("sent\n")
				_ = f.Close()
				die("before the first save")
				if place == "not answered" {
					return nil, errServer
				}
				t := testToken(noon)
				t.AccessToken, t.RefreshToken = "at-2", "rt-2"
				first := *t
				first.IDToken, first.IDExpiry, first.IDFault = "", time.Time{}, oauth.IDFault{Reason: "not verified yet", Retry: true}
				if old != nil {
					first.IDToken, first.IDExpiry, first.IDObtained = old.IDToken, old.IDExpiry, old.IDObtained
				}
				j.Save(&first)
				die("between the saves")
				return t, nil
			},
		}
		var answer bytes.Buffer
		if err := s.Serve(context.Background(), os.Stdin, &answer); err != nil {
			return err
		}
		die("before the answer")
		_, err := os.Stdout.Write(answer.Bytes())
		return err
	}
}

// doomed is a Delegate whose workers are killed at these places, one after the other. The
// last place is that of all that follow.
func (w *world) doomed(t *testing.T, sent string, places ...string) func(*Source) {
	return func(s *Source) {
		s.worker = func(_ context.Context, request []byte) ([]byte, error) {
			p := process(t, "serve", string(w.store.Dir), sent, places[0])
			if len(places) > 1 {
				places = places[1:]
			}
			p.Stdin = bytes.NewReader(request)
			out, _ := p.Output() // the answer tells how it went
			return out, nil
		}
	}
}

func sentTimes(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "sent\n")
}

// A worker that is killed between POST and save: one second attempt, then the login is
// lost, with the cause named.
func TestWorkerKilledBeforeItSaved(t *testing.T) {
	t.Run("once", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		sent := t.TempDir() + "/sent"
		got, err := w.source(w.doomed(t, sent, "before the first save", "")).Token(t.Context())
		if err != nil || got.AccessToken != "at-2" || sentTimes(t, sent) != 2 {
			t.Errorf("%v, %v, sent %d times", reveal(got), err, sentTimes(t, sent))
		}
		w.wantBrowsers(t, 0)
		w.wantNothingUnfinished(t)
	})
	t.Run("before the request", func(t *testing.T) { // as often as it likes: nothing was sent
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		sent := t.TempDir() + "/sent"
		doomed := w.doomed(t, sent, "before the request", "before the request", "before the request", "before the request", "")
		for range 2 {
			if _, err := w.source(doomed).Token(t.Context()); !oauth.IsTemporary(err) {
				t.Errorf("%v", err)
			}
			w.move(sharedWindow)
		}
		got, err := w.source(doomed).Token(t.Context())
		if err != nil || got.AccessToken != "at-2" || sentTimes(t, sent) != 1 {
			t.Errorf("%v, %v, sent %d times", reveal(got), err, sentTimes(t, sent))
		}
		w.wantBrowsers(t, 0)
		w.wantNothingUnfinished(t)
	})
	t.Run("always", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.loginErr = errLoginNeeded
		sent := t.TempDir() + "/sent"
		doomed := w.doomed(t, sent, "before the first save")
		_, err := w.source(doomed).Token(t.Context())
		if !oauth.IsTemporary(err) || sentTimes(t, sent) != 2 {
			t.Errorf("%v, sent %d times", err, sentTimes(t, sent))
		}
		w.move(sharedWindow)
		_, err = w.source(doomed).Token(t.Context())
		wantError(t, nil, err, errLoginNeeded)
		if cause := oauth.AsError(w.causes[0]); sentTimes(t, sent) != 2 || cause == nil || cause.Saved != oauth.LoginDead || !strings.Contains(cause.Problem, "was lost") {
			t.Errorf("cause %v, sent %d times", w.causes[0], sentTimes(t, sent))
		}
		if load(t, w.store).RefreshToken != "" {
			t.Error("the refresh token is kept")
		}
	})
	t.Run("and refused the second time", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.loginErr, w.sendErr = errLoginNeeded, errDead
		s := w.source()
		doomed := w.source(w.doomed(t, t.TempDir()+"/sent", "before the first save")).worker
		s.worker = func(ctx context.Context, request []byte) ([]byte, error) {
			defer func() { s.worker = w.worker }()
			return doomed(ctx, request)
		}
		_, err := s.Token(t.Context())
		wantError(t, nil, err, errLoginNeeded)
		if cause := oauth.AsError(w.causes[0]); cause == nil || !strings.Contains(cause.Problem, "was lost") {
			t.Errorf("cause %v", w.causes[0])
		}
	})
	t.Run("with an outage in between", func(t *testing.T) { // which does not forget the first time
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.loginErr = errLoginNeeded
		sent := t.TempDir() + "/sent"
		doomed := w.doomed(t, sent, "before the first save", "not answered", "before the first save")
		_, err := w.source(doomed).Token(t.Context())
		wantError(t, nil, err, errServer)
		w.move(sharedWindow)
		_, err = w.source(doomed).Token(t.Context())
		wantError(t, nil, err, errLoginNeeded)
		if n := sentTimes(t, sent); n != 3 {
			t.Errorf("sent %d times", n)
		}
	})
	t.Run("and not answered the second time", func(t *testing.T) { // then it is tried again, as often as need be
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.sendErr = errServer
		sent := t.TempDir() + "/sent"
		doomed := w.source(w.doomed(t, sent, "before the first save")).worker
		s := w.source()
		s.worker = func(ctx context.Context, request []byte) ([]byte, error) {
			defer func() { s.worker = w.worker }()
			return doomed(ctx, request)
		}
		for range 3 {
			_, err := s.Token(t.Context())
			wantError(t, nil, err, errServer)
			w.move(sharedWindow)
		}
		w.sendErr = nil
		_, err := s.Token(t.Context())
		check(t, err)
		w.wantBrowsers(t, 0)
		w.wantNothingUnfinished(t)
	})
	t.Run("with a code", func(t *testing.T) {
		w := newWorld(t)
		sent := t.TempDir() + "/sent"
		for range 3 {
			got, err := w.source(w.doomed(t, sent, "before the first save")).Token(t.Context())
			if got != nil || !oauth.IsTemporary(err) {
				t.Errorf("%v, %v", reveal(got), err)
			}
		}
		w.wantBrowsers(t, 1)
		if n := sentTimes(t, sent); n != 1 {
			t.Errorf("the code was sent %d times", n)
		}
	})
}

// An answer that cannot be saved is like one of a worker that was killed: the refresh token
// is sent once more at most, whatever comes in between.
func TestUnsavedAnswers(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	w.during = func(_ context.Context, s *Store) error { return os.Remove(s.Dir.path(s.name() + newSuffix)) }
	got, err := w.source().Token(t.Context())
	wantToken(t, got, err, w.newToken(1))
	w.want(t, 1, 1)
	w.sendErr = errDead
	_, err = w.source().Token(t.Context()) // a refresh, and a login that fails
	wantError(t, nil, err, errDead)
	w.wantBrowsers(t, 1)
	w.want(t, 3, 3)
	w.loginErr = errLoginNeeded
	_, err = w.source().Token(t.Context())
	wantError(t, nil, err, errLoginNeeded)
	if cause := oauth.AsError(w.causes[len(w.causes)-1]); cause == nil || !strings.Contains(cause.Problem, "was lost") {
		t.Errorf("cause %v", cause)
	}
	w.want(t, 4, 3)
}

// A worker that is killed after the first save has lost nothing: the set has all but the
// new ID token.
func TestWorkerKilledBetweenTheSaves(t *testing.T) {
	w := newWorld(t)
	old := w.has(t, 2*time.Hour)
	sent := t.TempDir() + "/sent"
	got, err := w.source(w.doomed(t, sent, "between the saves", "")).Token(t.Context())
	if err != nil || got.AccessToken != "at-2" || sentTimes(t, sent) != 1 { // by the second worker, which sent nothing
		t.Errorf("%v, %v, sent %d times", reveal(got), err, sentTimes(t, sent))
	}
	saved := load(t, w.store)
	if saved.RefreshToken != "rt-2" || saved.IDToken != old.IDToken || !saved.IDFault.Retry {
		t.Errorf("saved: %v", reveal(saved))
	}
	for _, kind := range []oauth.Kind{oauth.ID, oauth.Auto} { // a refresh may bring an ID token
		got, err = w.source(ofKind(kind)).Token(t.Context())
		if err != nil || got.Credential(kind).Value != "new-it-1" {
			t.Errorf("%s: %v, %v", kind, reveal(got), err)
		}
	}
	w.wantBrowsers(t, 0)
	if w.sent != 1 {
		t.Errorf("%d refreshes", w.sent)
	}
}

// The same at a login, of whose set nothing else is there.
func TestWorkerKilledBetweenTheSavesOfALogin(t *testing.T) {
	for _, place := range []string{"between the saves", "before the answer"} {
		t.Run(place, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.source(w.doomed(t, t.TempDir()+"/sent", place)).Token(t.Context())
			if !oauth.IsTemporary(err) {
				t.Errorf("%v", err)
			}
			got, err := w.source().Token(t.Context())
			if err != nil || got.AccessToken != "at-2" {
				t.Errorf("%v, %v", reveal(got), err)
			}
			w.wantBrowsers(t, 1)
		})
	}
}

// What is on the disk between the two saves, and after an ID token was not accepted.
func TestSaveFirst(t *testing.T) {
	for _, loggedIn := range []bool{true, false} {
		t.Run(fmt.Sprint("refresh ", loggedIn), func(t *testing.T) {
			w := newWorld(t)
			if loggedIn {
				w.has(t, 2*time.Hour)
			}
			s := w.source(ofKind(oauth.ID))
			redeem := s.redeem
			s.redeem = func(ctx context.Context, r *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
				token, err := redeem(ctx, r, old, j)
				first := *token
				first.IDToken, first.IDFault = "", oauth.IDFault{Reason: "not verified yet", Retry: true}
				j.Save(&first)
				wantToken(t, load(t, w.store), nil, &first)
				return token, err
			}
			got, err := s.Token(t.Context())
			wantToken(t, got, err, w.newToken(1))
			wantToken(t, load(t, w.store), nil, w.newToken(1))
		})
	}
}

// An ID token that is not accepted is not absent: callers of the access token are served,
// others get the reason, and their next attempt logs in.
func TestRejectedIDToken(t *testing.T) {
	for _, kind := range []oauth.Kind{oauth.ID, oauth.Auto} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.has(t, 2*time.Hour)
			w.answer = w.rejectedID
			got, err := w.source(ofKind(kind)).Token(t.Context())
			if e := oauth.AsError(err); got != nil || e == nil || e.Class != oauth.ClassInvalid || !strings.Contains(e.Problem, "another client") {
				t.Errorf("%v, %v; want the reason", reveal(got), err)
			}
			got, err = w.source().Token(t.Context())
			if err != nil || got.AccessToken != "new-at-1" {
				t.Errorf("%v, %v; want the access token", reveal(got), err)
			}
			w.wantBrowsers(t, 0)
			w.answer = nil
			got, err = w.source(ofKind(kind)).Token(t.Context())
			wantToken(t, got, err, w.newToken(2))
			w.wantBrowsers(t, 1)
		})
	}
	t.Run("the earlier one is still valid", func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(n int, old *oauth.Token) *oauth.Token {
			token := w.rejectedID(n, old)
			token.IDToken, token.IDExpiry, token.IDObtained = old.IDToken, old.IDExpiry, old.IDObtained
			return token
		}
		w.has(t, inMargin)
		for range 2 {
			got, err := w.source(ofKind(oauth.ID)).Token(t.Context())
			if err != nil || got.IDToken != "it-1" {
				t.Errorf("%v, %v", reveal(got), err)
			}
		}
		w.want(t, 1, 1)
	})
	t.Run("a refresh may bring another", func(t *testing.T) { // the keys could not be fetched
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		w.answer = func(n int, old *oauth.Token) *oauth.Token {
			token := w.rejectedID(n, old)
			token.IDFault.Retry = true
			return token
		}
		_, err := w.source(ofKind(oauth.ID)).Token(t.Context())
		if !oauth.IsTemporary(err) {
			t.Errorf("%v", err)
		}
		_, err = w.source(ofKind(oauth.ID)).Token(t.Context())
		recent(t, err) // not a refresh for each call
		w.want(t, 1, 1)
		w.answer = nil
		w.move(sharedWindow)
		got, err := w.source(ofKind(oauth.ID)).Token(t.Context())
		wantToken(t, got, err, w.newToken(2))
		w.wantBrowsers(t, 0)
	})
}

// A set without an access token serves callers of the ID token (Azure AD B2C).
func TestSetWithoutAccessToken(t *testing.T) {
	w := newWorld(t)
	w.answer = func(n int, _ *oauth.Token) *oauth.Token {
		token := w.newToken(n)
		token.AccessToken, token.Expiry = "", time.Time{}
		return token
	}
	for _, kind := range []oauth.Kind{oauth.Auto, oauth.ID} {
		got, err := w.source(ofKind(kind)).Token(t.Context())
		wantToken(t, got, err, w.answer(1, nil))
	}
	got, err := w.source().Token(t.Context())
	if e := oauth.AsError(err); got != nil || e == nil || e.Class != oauth.ClassInvalid {
		t.Errorf("%v, %v", reveal(got), err)
	}
	w.wantBrowsers(t, 1)
	w.want(t, 1, 1)
}

// A worker that ends with its caller is not started again.
func TestWorkerEndsWithItsCaller(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	ctx, cancel := context.WithCancelCause(t.Context())
	s, workers := w.source(), 0
	s.worker = func(context.Context, []byte) ([]byte, error) {
		workers++
		cancel(oauth.ErrCanceled)
		return nil, nil
	}
	got, err := s.Token(ctx)
	wantError(t, got, err, oauth.ErrCanceled)
	if workers != 1 {
		t.Errorf("%d workers", workers)
	}
}

// One Source serves all goroutines of a program.
func TestOneSourceForAll(t *testing.T) {
	for what, age := range map[string]time.Duration{"valid": 2 * time.Minute, "expired": 2 * time.Hour, "none": 0} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			if age > 0 {
				w.has(t, age)
			}
			s := w.source(func(s *Source) { s.log, s.settings = slog.New(slog.DiscardHandler), func() string { return "s" } })
			begin := make(chan struct{})
			var calls sync.WaitGroup
			for i := range 50 {
				calls.Go(func() {
					<-begin
					var err error
					if i%10 == 9 && age > 0 {
						err = s.RefreshAhead(t.Context())
						if errors.Is(err, ErrBusy) {
							err = nil
						}
					} else {
						_, err = s.Token(t.Context())
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			close(begin)
			calls.Wait()
			if age != 2*time.Minute {
				w.want(t, 1, 1)
			}
		})
	}
}
