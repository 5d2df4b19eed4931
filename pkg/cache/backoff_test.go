//go:build unix

package cache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

var errDenied = &oauth.Error{Class: oauth.ClassRefused, Code: "access_denied", Host: "id.example.com"}

// rejectedID is a set whose ID token was not accepted.
func (w *world) rejectedID(n int, _ *oauth.Token) *oauth.Token {
	t := w.newToken(n)
	t.IDToken, t.IDExpiry, t.IDFault = "", time.Time{}, oauth.IDFault{Reason: "the ID token is for another client"}
	return t
}

// recent returns the recorded failure that err replays.
func recent(t *testing.T, err error) *RecentError {
	t.Helper()
	var r *RecentError
	if !errors.As(err, &r) {
		t.Fatalf("%v is no recorded failure", err)
	}
	return r
}

// A login that ends without a usable token, for any reason, opens one browser: for calls
// in sequence and for calls at once.
func TestOneBrowserWhateverTheReason(t *testing.T) {
	class := func(c oauth.Class) func(*world) {
		return func(w *world) { w.sendErr = &oauth.Error{Class: c, Problem: "no token: " + string(c)} }
	}
	for _, c := range []struct {
		what string
		kind oauth.Kind
		fail func(*world)
	}{
		{"the user says no", oauth.Access, func(w *world) { w.userErr = errDenied }},
		{"the user does not answer", oauth.Access, func(w *world) { w.userErr = &oauth.Error{Class: oauth.ClassUnanswered, Problem: "not in time"} }},
		{"iss is missing", oauth.Access, func(w *world) { w.userErr = &oauth.Error{Class: oauth.ClassInvalid, Problem: "no iss"} }},
		{"the browser does not open", oauth.Access, func(w *world) { w.userErr = errors.New("no browser") }},
		{"the exchange is answered with 500, HTML or no token", oauth.Access, class(oauth.ClassTemporary)},
		{"the certificate is not trusted", oauth.Access, class(oauth.ClassUntrusted)},
		{"the code is refused", oauth.Access, func(w *world) { w.sendErr = errDead }},
		{"the nonce is wrong", oauth.Access, class(oauth.ClassInvalid)},
		{"a setting is wrong", oauth.Access, class(oauth.ClassConfig)},
		{"this process has no descriptors left", oauth.Access, class(oauth.ClassLocal)},
		{"the ID token is rejected", oauth.ID, func(w *world) { w.answer = w.rejectedID }},
		{"the ID token is rejected, kind auto", oauth.Auto, func(w *world) { w.answer = w.rejectedID }},
		{"the token has expired", oauth.Access, func(w *world) {
			w.answer = func(n int, _ *oauth.Token) *oauth.Token {
				t := w.newToken(n)
				t.Expiry, t.RefreshToken = w.Now(), ""
				return t
			}
		}},
		{"the worker cannot save", oauth.Access, func(w *world) { w.block() }},
	} {
		for what, ask := range map[string]func(func() error){
			"4 in sequence": func(call func() error) {
				for range 4 {
					_ = call()
				}
			},
			"10 at once": func(call func() error) {
				var calls sync.WaitGroup
				for range 10 {
					calls.Go(func() { _ = call() })
				}
				calls.Wait()
			},
		} {
			t.Run(c.what+", "+what, func(t *testing.T) {
				w := newWorld(t)
				c.fail(w)
				quiet := func(s *Source) { s.log = slog.New(slog.DiscardHandler) }
				ask(func() error {
					got, err := w.source(ofKind(c.kind), quiet).Token(t.Context())
					if err == nil {
						t.Errorf("a token: %v", reveal(got))
					}
					return err
				})
				w.wantBrowsers(t, 1)
				w.move(loginWindow - time.Second)
				_, err := w.source(ofKind(c.kind), quiet).Token(t.Context())
				recent(t, err)
				w.wantBrowsers(t, 0)
				w.move(time.Second)
				_, _ = w.source(ofKind(c.kind), quiet).Token(t.Context())
				w.wantBrowsers(t, 1)
			})
		}
	}
}

// A server that gives no token of the wanted kind gives none the next time.
func TestATokenThatIsNeverGiven(t *testing.T) {
	for kind, without := range map[oauth.Kind]func(*oauth.Token){
		oauth.Access: func(t *oauth.Token) { t.AccessToken = "" },
		oauth.ID:     func(t *oauth.Token) { t.IDToken = "" },
	} {
		w := newWorld(t)
		w.answer = func(n int, _ *oauth.Token) *oauth.Token { t := w.newToken(n); without(t); return t }
		for range 2 {
			got, err := w.source(ofKind(kind)).Token(t.Context())
			if e := oauth.AsError(err); got != nil || e == nil {
				t.Errorf("%s: %v, %v", kind, reveal(got), err)
			}
			w.move(time.Hour) // past the back-off
		}
		w.wantBrowsers(t, 1)
		w.answer = nil
		_, fresh, err := w.source(ofKind(kind)).Login(t.Context()) // an explicit login tries again
		if err != nil || !fresh {
			t.Errorf("%s: %v, fresh %t", kind, err, fresh)
		}
	}
}

func TestBackOffGrows(t *testing.T) {
	w := newWorld(t)
	w.userErr = errDenied
	for _, seconds := range []int{60, 120, 240, 480, 600, 600} {
		got, err := w.source().Token(t.Context())
		wantError(t, got, err, errDenied)
		w.wantBrowsers(t, 1)
		w.move(time.Second)
		_, err = w.source().Token(t.Context())
		r := recent(t, err)
		if want := time.Duration(seconds-1) * time.Second; r.Wait != want || r.Ago != time.Second {
			t.Errorf("failed %s ago, next in %s; want 1 s and %s", r.Ago, r.Wait, want)
		}
		if want := fmt.Sprintf("(failed 1 s ago; next attempt in %d s)", seconds-1); !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q does not end with %q", err, want)
		}
		w.wantBrowsers(t, 0)
		w.move(r.Wait)
	}
	w.move(longestWindow) // so long after the last one it begins again
	_, err := w.source().Token(t.Context())
	wantError(t, nil, err, errDenied)
	_, err = w.source().Token(t.Context())
	if r := recent(t, err); r.Wait != loginWindow {
		t.Errorf("next in %s", r.Wait)
	}
}

// What ends the back-off, and what does not.
func TestBackOffEnds(t *testing.T) {
	failedLogin := func(t *testing.T, change ...func(*Source)) *world {
		t.Helper()
		w := newWorld(t)
		w.userErr = errDenied
		got, err := w.source(change...).Token(t.Context())
		wantError(t, got, err, errDenied)
		w.wantBrowsers(t, 1)
		w.userErr = nil
		return w
	}
	t.Run("other settings", func(t *testing.T) {
		with := func(text string) func(*Source) { return func(s *Source) { s.settings = func() string { return text } } }
		w := failedLogin(t, with("a"))
		_, err := w.source(with("a")).Token(t.Context())
		recent(t, err)
		got, err := w.source(with("b")).Token(t.Context())
		wantToken(t, got, err, w.newToken(1))
	})
	t.Run("success", func(t *testing.T) {
		w := failedLogin(t)
		w.move(loginWindow)
		_, err := w.source().Token(t.Context())
		check(t, err)
		if r := w.store.readRecord(); r.Login != nil || r.Failed != nil {
			t.Errorf("it is still recorded: %+v", r)
		}
	})
	t.Run("not success for another kind", func(t *testing.T) {
		w := newWorld(t)
		w.answer = w.rejectedID
		_, err := w.source(ofKind(oauth.ID)).Token(t.Context())
		if err == nil {
			t.Error("an ID token")
		}
		w.wantBrowsers(t, 1)
		_, err = w.source().Token(t.Context()) // the access token is good
		check(t, err)
		w.move(2 * time.Minute)
		_, err = w.source(func(s *Source) { s.forceRefresh = true }).Token(t.Context())
		check(t, err)
		if r := w.store.readRecord(); r.Login == nil || r.Login.Kind != oauth.ID || r.Login.Times != 1 {
			t.Errorf("not recorded any more: %+v", r)
		}
	})
	t.Run("an explicit login", func(t *testing.T) {
		w := failedLogin(t)
		_, fresh, err := w.source().Login(t.Context())
		if err != nil || !fresh {
			t.Errorf("%v, fresh %t", err, fresh)
		}
		w.wantBrowsers(t, 1)
	})
	t.Run("not an explicit login that fails", func(t *testing.T) {
		w := failedLogin(t)
		w.userErr = errDenied
		_, _, err := w.source().Login(t.Context())
		wantError(t, nil, err, errDenied)
		if errors.As(err, new(*RecentError)) {
			t.Error("it was not tried")
		}
		w.wantBrowsers(t, 1)
		_, err = w.source().Token(t.Context())
		if r := recent(t, err); r.Wait != 2*loginWindow {
			t.Errorf("next in %s, want twice the window", r.Wait)
		}
		w.wantBrowsers(t, 0)
	})
	t.Run("a refresh is not blocked", func(t *testing.T) {
		w := failedLogin(t)
		w.has(t, 2*time.Hour)
		got, err := w.source().Token(t.Context())
		wantToken(t, got, err, w.newToken(1))
		w.wantBrowsers(t, 0)
	})
	t.Run("a caller that may not log in hears that", func(t *testing.T) {
		w := failedLogin(t)
		w.loginErr = errLoginNeeded
		got, err := w.source().Token(t.Context())
		wantError(t, got, err, errLoginNeeded)
	})
	t.Run("a clock that was moved back", func(t *testing.T) {
		w := failedLogin(t)
		w.move(-time.Hour)
		_, err := w.source().Token(t.Context())
		check(t, err)
	})
}

// Ctrl-C leaves no back-off, whether the user sees the login or the worker has the code.
func TestCtrlCLeavesNoBackOff(t *testing.T) {
	for _, c := range []struct {
		what    string
		cause   error
		blocked bool
	}{
		{"Ctrl-C", fmt.Errorf("%w: interrupt", oauth.ErrCanceled), false},
		{"SIGTERM", errors.New("terminated"), true},
		{"a time limit", context.DeadlineExceeded, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			s := w.source()
			s.prepareLogin = func(context.Context, *oauth.Token) (oauth.PreparedLogin, error) {
				return func(ctx context.Context, _ oauth.Redeemer) (*oauth.Token, error) {
					if r := w.store.readRecord(); r.Login == nil || !r.Login.Pending {
						t.Errorf("not recorded before the user sees it: %+v", r)
					}
					cancel(c.cause)
					return nil, context.Cause(ctx)
				}, nil
			}
			got, err := s.Token(ctx)
			wantError(t, got, err, c.cause)
			_, err = w.source().Token(t.Context())
			if c.blocked {
				if e := oauth.AsError(recent(t, err)); e == nil || e.Class != oauth.ClassUnanswered {
					t.Errorf("%v", err)
				}
			} else {
				check(t, err)
			}
		})
	}
}

// A heartbeat keeps the back-off of a login that takes long in force.
func TestHeartbeat(t *testing.T) {
	store := fileStore(t)
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := &Source{
			store: store, kind: oauth.Access, lockTimeout: time.Hour, now: time.Now, log: slog.New(slog.DiscardHandler),
			prepareLogin: func(context.Context, *oauth.Token) (oauth.PreparedLogin, error) {
				return func(context.Context, oauth.Redeemer) (*oauth.Token, error) {
					time.Sleep(5*time.Minute + heartbeat/2)
					b := store.readRecord().Login
					if b == nil || !b.Pending || !b.Until.Equal(begun.Add(5*time.Minute+loginWindow)) || b.Times != 1 {
						t.Errorf("after 5 min the back-off is %+v", b)
					}
					return nil, &oauth.Error{Class: oauth.ClassUnanswered, Problem: "not in time", Shown: true}
				}, nil
			},
		}
		if _, err := s.Token(t.Context()); err == nil {
			t.Error("a token")
		}
		if b := store.readRecord().Login; b == nil || b.Pending || !b.Until.Equal(time.Now().Add(loginWindow)) {
			t.Errorf("at the end it is %+v", b)
		}
	})
}

func init() {
	// login logs in, and waits for a user who does not answer.
	roles["login"] = func(args []string) error {
		s := &Source{
			store: newStore(Dir(args[0]), StoreFile, nil, testKey()), kind: oauth.Access, lockTimeout: time.Minute,
			now: func() time.Time { return noon }, log: slog.New(slog.DiscardHandler),
			prepareLogin: func(context.Context, *oauth.Token) (oauth.PreparedLogin, error) {
				return func(context.Context, oauth.Redeemer) (*oauth.Token, error) {
					fmt.Println("browser")
					select {}
				}, nil
			},
		}
		_, err := s.Token(context.Background())
		return err
	}
}

// startLogin is a process that has a browser open.
func (w *world) startLogin(t *testing.T) *exec.Cmd {
	t.Helper()
	p := process(t, "login", string(w.store.Dir))
	out, err := p.StdoutPipe()
	check(t, err)
	check(t, p.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "browser\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return p
}

// A caller that is killed while the user sees its login leaves the back-off behind.
func TestAKilledLoginIsBackedOff(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			w := newWorld(t)
			p := w.startLogin(t)
			check(t, p.Process.Signal(signal))
			_ = p.Wait()
			for range 4 {
				_, err := w.source().Token(t.Context())
				if e := oauth.AsError(recent(t, err)); e == nil || e.Class != oauth.ClassUnanswered {
					t.Errorf("%v", err)
				}
			}
			w.wantBrowsers(t, 0)
			w.move(loginWindow)
			_, err := w.source().Token(t.Context())
			check(t, err)
			w.wantBrowsers(t, 1)
		})
	}
}

// Of the processes that wait when a login's process is killed one takes over, once.
func TestOneTakesOver(t *testing.T) {
	for what, fails := range map[string]bool{"and succeeds": false, "and fails": true} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			if fails {
				w.userErr = errDenied
			}
			p := w.startLogin(t)
			var calls sync.WaitGroup
			for range 10 {
				s := w.source(func(s *Source) { s.log = slog.New(slog.DiscardHandler) })
				s.prepareLogin = func(context.Context, *oauth.Token) (oauth.PreparedLogin, error) {
					if b := w.store.readRecord().Login; b == nil || !b.Pending {
						t.Errorf("taken over from %+v", b)
					}
					return func(ctx context.Context, redeem oauth.Redeemer) (*oauth.Token, error) {
						if b := w.store.readRecord().Login; b == nil || !b.Pending || !b.TakenOver || b.Times != 2 {
							t.Errorf("recorded: %+v", b)
						}
						return w.login(ctx, redeem)
					}, nil
				}
				calls.Go(func() {
					got, err := s.Token(t.Context())
					if fails == (err == nil) {
						t.Errorf("%v, %v", reveal(got), err)
					}
				})
			}
			waitOpened(t, w.lockPath(), 10)
			check(t, p.Process.Kill())
			_ = p.Wait()
			calls.Wait()
			w.wantBrowsers(t, 1)
		})
	}
	t.Run("and is killed too", func(t *testing.T) {
		w := newWorld(t)
		first := w.startLogin(t)
		second := process(t, "login", string(w.store.Dir))
		out, err := second.StdoutPipe()
		check(t, err)
		check(t, second.Start())
		third := make(chan error)
		s := w.source()
		go func() { _, err := s.Token(t.Context()); third <- err }()
		waitOpened(t, w.lockPath(), 1)
		waitLocks(t, second, w.lockPath())
		check(t, first.Process.Kill())
		_ = first.Wait()
		// The lock goes to one of the two.
		opened := make(chan string)
		go func() { line, _ := bufio.NewReader(out).ReadString('\n'); opened <- line }()
		select {
		case err := <-third: // this process took over
			check(t, err)
			_ = second.Process.Kill()
			<-opened
			w.wantBrowsers(t, 1)
		case line := <-opened: // or the other one did
			if line != "browser\n" {
				t.Fatalf("%q", line)
			}
			check(t, second.Process.Kill())
			recent(t, <-third)
			w.wantBrowsers(t, 0)
		}
		_ = second.Wait()
	})
}

// Who may log in while the record says that a login is under way, or failed.
func TestLoginBlocked(t *testing.T) {
	for _, c := range []struct {
		pending, takenOver, waited, blocked bool
	}{
		{pending: true, waited: true, blocked: false},
		{pending: true, waited: false, blocked: true},
		{pending: true, takenOver: true, waited: true, blocked: true},
		{pending: false, waited: true, blocked: true},
	} {
		b := backoff{failedCall: failedCall{Failure: newFailure(errDenied), At: noon, Until: noon.Add(time.Minute)}, Pending: c.pending, TakenOver: c.takenOver}
		r := record{Login: &b}
		for at, blocked := range map[time.Time]bool{noon: c.blocked, noon.Add(time.Minute): false} {
			if err := r.loginBlocked(at, nil, c.waited); (err != nil) != blocked {
				t.Errorf("%+v: %v", c, err)
			}
		}
	}
}

// A process that waits gets the reason of a login that failed before the user saw it,
// though the record said meanwhile that it was under way.
func TestFailedLoginIsSharedWithThoseThatWait(t *testing.T) {
	w := newWorld(t)
	begun, waits := make(chan struct{}), make(chan struct{})
	first := w.source()
	first.prepareLogin = func(context.Context, *oauth.Token) (oauth.PreparedLogin, error) {
		return func(context.Context, oauth.Redeemer) (*oauth.Token, error) {
			close(begun)
			<-waits
			return nil, oauth.Temporary("the port is busy")
		}, nil
	}
	done := make(chan error, 1)
	go func() { _, err := first.Token(t.Context()); done <- err }()
	<-begun
	second := make(chan error, 1)
	s := w.source()
	go func() { _, err := s.Token(t.Context()); second <- err }()
	waitOpened(t, w.lockPath(), 2)
	close(waits)
	if err := <-done; !oauth.IsTemporary(err) {
		t.Errorf("%v", err)
	}
	recent(t, <-second)
	w.wantBrowsers(t, 0)
}

// waitLocks waits until p has the file open: on its way to wait for the lock.
func waitLocks(t *testing.T, p *exec.Cmd, path string) {
	t.Helper()
	for deadline := time.Now().Add(soon); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.Process.Pid))
		for _, link := range links {
			if to, err := os.Readlink(link); err == nil && to == path {
				return
			}
		}
	}
	t.Fatalf("process %d does not open %s", p.Process.Pid, path)
}

// A failure before the user saw anything is shared for 5 s, with all that later calls
// decide by.
func TestSharedFailure(t *testing.T) {
	failure := &oauth.Error{
		Class: oauth.ClassConfig, Problem: "the scope is wrong", Host: "id.example.com", Setting: "scope",
		Code: "invalid_scope", Description: "no such scope", URI: "https://id.example.com/scopes", RetryAfter: time.Minute,
	}
	for what, fail := range map[string]func(*world) error{
		"preparing a refresh": func(w *world) error { w.prepareErr = failure; return nil },
		"refresh":             func(w *world) error { w.sendErr = failure; return nil },
		"preparing a login": func(w *world) error {
			w.prepareErr = failure
			return os.Remove(w.store.Dir.path(w.store.name()))
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.has(t, 2*time.Hour)
			check(t, fail(w))
			_, first := w.source().Token(t.Context())
			w.move(sharedWindow - time.Second)
			_, second := w.source().Token(t.Context())
			r := recent(t, second)
			if got := oauth.AsError(r.Err); got == nil || *got != *failure || *oauth.AsError(first) != *failure {
				t.Errorf("replayed: %+v", got)
			}
			if w.prepared != 1 {
				t.Errorf("%d attempts", w.prepared)
			}
			w.move(time.Second)
			_, _ = w.source().Token(t.Context())
			if w.prepared != 2 {
				t.Errorf("%d attempts after the window", w.prepared)
			}
			_, _, _ = w.source().Login(t.Context()) // the user asks
			if w.prepared != 3 {
				t.Errorf("%d attempts with a login", w.prepared)
			}
			if what == "refresh" { // otherwise the login does not get as far
				w.wantBrowsers(t, 1)
			} else {
				w.wantBrowsers(t, 0)
			}
		})
	}
}

// A failure of one process alone is not recorded: it says nothing about others.
func TestLocalFailuresAreNotShared(t *testing.T) {
	for what, fail := range map[string]func(*world){
		"no descriptors":     func(w *world) { w.prepareErr = &oauth.Error{Class: oauth.ClassLocal, Problem: "too many open files"} },
		"no login may start": func(w *world) { w.loginErr = errLoginNeeded },
		"nothing can be saved": func(w *world) {
			if err := os.MkdirAll(w.store.Dir.path(w.store.name()+preflightSuffix+"/x"), 0o700); err != nil {
				panic(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			fail(w)
			_, first := w.source().Token(t.Context())
			_, err := w.source().Token(t.Context())
			if first == nil || err == nil || errors.As(err, new(*RecentError)) {
				t.Errorf("%v, %v", first, err)
			}
			w.wantBrowsers(t, 0)
		})
	}
}

// The keys that verify an ID token do not matter to callers of the access token, whose
// failures matter to all.
func TestFailureOfAnIDTokenIsNotShared(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	w.prepareErr = oauth.Temporary("no keys")
	_, err := w.source(ofKind(oauth.ID)).Token(t.Context())
	wantError(t, nil, err, w.prepareErr)
	w.prepareErr = nil
	got, err := w.source().Token(t.Context())
	wantToken(t, got, err, w.newToken(1))

	w = newWorld(t)
	w.has(t, 2*time.Hour)
	w.sendErr = errServer
	_, err = w.source().Token(t.Context())
	wantError(t, nil, err, errServer)
	_, err = w.source(ofKind(oauth.ID)).Token(t.Context())
	recent(t, err)
}

// Records of versions before 0.1.0 are read.
func TestOldRecord(t *testing.T) {
	until := noon.Add(time.Minute)
	for _, c := range []struct {
		text  string
		want  oauth.Error
		login bool
	}{
		{`{"generation":3,"failure":{"refused":{"Code":"invalid_client","Description":"no","URI":"u","Host":"h"}},"until":"2026-03-01T12:01:00Z"}`,
			oauth.Error{Class: oauth.ClassRefused, Code: "invalid_client", Description: "no", URI: "u", Host: "h"}, false},
		{`{"generation":3,"failure":{"later":"down"},"until":"2026-03-01T12:01:00Z"}`, oauth.Error{Class: oauth.ClassTemporary, Problem: "down"}, false},
		{`{"generation":3,"failure":{"later":"not in time","person":true},"until":"2026-03-01T12:01:00Z","times":2}`,
			oauth.Error{Class: oauth.ClassUnanswered, Problem: "not in time", Shown: true}, true},
	} {
		r, err := decodeRecord([]byte(c.text))
		check(t, err)
		if r.Generation != 3 {
			t.Errorf("%s: generation %d", c.text, r.Generation)
		}
		f := r.Failed
		if c.login {
			if f = &r.Login.failedCall; r.Login.Times != 2 {
				t.Errorf("%s: %d times", c.text, r.Login.Times)
			}
		}
		if f == nil || *f.Failure.Outcome != c.want || !f.Until.Equal(until) {
			t.Errorf("%s: %+v", c.text, f)
		}
	}
}

// A damaged record that is still JSON counts as none: its failure would have no reason, or
// another exit status.
func TestDamagedRecord(t *testing.T) {
	failed := failedCall{Failure: newFailure(oauth.Temporary("the server answered 503")), At: noon, Until: noon.Add(time.Minute)}
	for place, r := range map[string]record{
		"failed": {Failed: &failed}, "refused": {RefreshRefused: &failed}, "login": {Login: &backoff{failedCall: failed, Times: 1}},
	} {
		for damage, count := range map[string]bool{"": true, `"class"`: false, `"temporary"`: false, `"problem"`: false, `"outcome"`: false, `"failure"`: false} {
			t.Run(place+damage, func(t *testing.T) {
				w := newWorld(t)
				w.store.writeRecord(r)
				path := filepath.Join(string(w.store.Dir), w.store.recordName())
				text, err := os.ReadFile(path)
				check(t, err)
				damaged := string(text)
				if damage != "" {
					damaged = strings.ReplaceAll(damaged, damage, `"damaged"`)
				}
				check(t, os.WriteFile(path, []byte(damaged), 0o600))
				got := w.store.readRecord()
				if read := got.Failed != nil || got.RefreshRefused != nil || got.Login != nil; read != count {
					t.Errorf("%s: read %t", damaged, read)
				}
			})
		}
	}
}
