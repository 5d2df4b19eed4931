//go:build unix

package cache

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// obtaining is a process that gets a new set with client credentials. No worker serves
// it, and nothing that is accepted only once is sent.
func (w *world) obtaining(t *testing.T) *Source {
	t.Helper()
	return w.source(func(s *Source) {
		s.clientCredentials = func(_ context.Context, old *oauth.Token) (*oauth.Token, error) {
			if err := w.prepare(old); err != nil {
				return nil, err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.sent++
			if w.sendErr != nil {
				return nil, w.sendErr
			}
			return w.machineToken(w.sent), nil
		}
		s.prepareRefresh, s.prepareLogin, s.mayLogin = nil, nil, nil
		s.redeem = func(context.Context, *oauth.TokenRequest, *oauth.Token, oauth.Journal) (*oauth.Token, error) {
			t.Error("something is redeemed")
			return nil, errServer
		}
		s.worker = func(context.Context, []byte) ([]byte, error) {
			t.Error("a worker is started")
			return nil, errServer
		}
	})
}

// machineToken is the n-th set that is obtained.
func (w *world) machineToken(n int) *oauth.Token {
	t := w.newToken(n)
	t.RefreshToken = ""
	return t
}

func TestObtainedIsSaved(t *testing.T) {
	w := newWorld(t)
	got, err := w.obtaining(t).Token(t.Context())
	wantToken(t, got, err, w.machineToken(1))
	again, err := w.obtaining(t).Token(t.Context())
	wantToken(t, again, err, got)
	w.want(t, 1, 1)
	if w.log.Len() > 0 {
		t.Errorf("said %s", w.log)
	}
	if kept := load(t, w.store); kept == nil || kept.AccessToken != "new-at-1" {
		t.Errorf("kept: %v", kept)
	}
	w.move(2 * time.Hour)
	got, err = w.obtaining(t).Token(t.Context())
	wantToken(t, got, err, w.machineToken(2))
	w.want(t, 2, 2)
	w.wantNothingUnfinished(t)
}

// A broken store does not keep a machine from its token.
func TestObtainWithoutAStore(t *testing.T) {
	place := func(suffix string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			check(t, os.MkdirAll(filepath.Join(string(w.store.Dir), w.store.ID+suffix, "x"), 0o700))
		}
	}
	for name, spoil := range map[string]func(*testing.T, *world){
		"no home":                  func(_ *testing.T, w *world) { w.store.Dir = "" },
		"a relative home":          func(_ *testing.T, w *world) { w.store.Dir = "state" },
		"no directory can be made": func(_ *testing.T, w *world) { w.store.Dir = "/dev/null/state" },
		"a file in its place": func(t *testing.T, w *world) {
			check(t, os.MkdirAll(filepath.Dir(string(w.store.Dir)), 0o700))
			check(t, os.WriteFile(string(w.store.Dir), nil, 0o600))
		},
		"the token's place is taken":       func(t *testing.T, w *world) { w.has(t, 2*time.Hour); w.block() },
		"the lock's place is taken":        place(".lock"),
		"the redeem lock's place is taken": place(".spend"),
		"the record's place is taken":      place(".record"),
		"readable by others": func(t *testing.T, w *world) {
			w.has(t, 2*time.Hour)
			check(t, os.Chmod(w.store.Dir.path(w.store.name()), 0o644))
		},
		"a directory open to others": func(t *testing.T, w *world) { w.has(t, 2*time.Hour); check(t, os.Chmod(string(w.store.Dir), 0o777)) },
		"no keyring": func(_ *testing.T, w *world) {
			w.store.Kind, w.store.Keyring = StoreKeyring, &Keyring{Getenv: func(string) string { return "" }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			spoil(t, w)
			got, err := w.obtaining(t).Token(t.Context())
			wantToken(t, got, err, w.machineToken(1))
			w.want(t, 1, 1)
			if strings.Contains(w.log.String(), "new-at-1") {
				t.Errorf("a token is in the log: %s", w.log)
			}
			got, err = w.obtaining(t).Token(t.Context())
			wantToken(t, got, err, w.machineToken(w.sent))
			login, fresh, err := w.obtaining(t).Login(t.Context())
			if err != nil || login == nil || fresh && w.sent < 2 {
				t.Errorf("%v, %t, %v", login, fresh, err)
			}
		})
	}
}

func init() {
	// obtain gets a token with client credentials while no file can grow over 100 bytes.
	roles["obtain"] = func(args []string) error {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
			return err
		}
		s := &Source{
			store: newStore(Dir(args[0]), StoreFile, nil, testKey()), kind: oauth.Access,
			clientCredentials: func(context.Context, *oauth.Token) (*oauth.Token, error) { return testToken(noon), nil },
			lockTimeout:       time.Minute, now: func() time.Time { return noon }, log: slog.New(slog.DiscardHandler),
		}
		token, err := s.Token(context.Background())
		if err == nil && token.AccessToken != "at-1" {
			err = errors.New("another token")
		}
		return err
	}
}

func TestObtainOnAFullDisk(t *testing.T) {
	s := fileStore(t)
	check(t, process(t, "obtain", string(s.Dir)).Run())
	if load(t, s) != nil {
		t.Error("it is kept, so that the disk was not full")
	}
}

// A keyring that does not answer is no reason to fail, nor to ask the user.
func TestObtainWithADeadKeyring(t *testing.T) {
	w := newWorld(t)
	w.store.Kind = StoreKeyring
	w.store.Keyring = &Keyring{
		Getenv: func(name string) string {
			return map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}[name]
		},
		Attended: func() bool { t.Error("somebody is asked"); return true },
	}
	got, err := w.obtaining(t).Token(t.Context())
	wantToken(t, got, err, w.machineToken(1))
	if !strings.Contains(w.log.String(), "not saved") {
		t.Errorf("nothing is said of it: %q", w.log)
	}
}

// Twenty calls at once get one set.
func TestObtainOnce(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	done := make(chan error)
	for range 20 {
		s := w.obtaining(t)
		go func() {
			got, err := s.Token(t.Context())
			if err == nil && got.AccessToken != "new-at-1" {
				err = errors.New("another token")
			}
			done <- err
		}()
	}
	for range 20 {
		check(t, <-done)
	}
	w.want(t, 1, 1)
}

// A refusal is recorded for the calls that follow. A token that is still valid is returned
// meanwhile.
func TestObtainRefused(t *testing.T) {
	refusal := &oauth.Error{Class: oauth.ClassRefused, Code: "invalid_client", Host: "id.example.com"}
	w := newWorld(t)
	w.sendErr = refusal
	for range 3 {
		got, err := w.obtaining(t).Token(t.Context())
		var refused *oauth.Error
		if got != nil || !errors.As(err, &refused) || refused.Code != "invalid_client" {
			t.Errorf("%v, %v", got, err)
		}
	}
	w.want(t, 1, 1)
	w = newWorld(t)
	old := w.has(t, 50*time.Minute, func(token *oauth.Token) { token.RefreshToken = "" })
	w.sendErr = refusal
	s := w.obtaining(t)
	s.minTTL = 30 * time.Minute
	got, err := s.Token(t.Context())
	wantToken(t, got, err, old)
	w.want(t, 1, 1)
}

// A token that a service has rejected is replaced, though it seems valid.
func TestObtainAfterRejection(t *testing.T) {
	w := newWorld(t)
	w.has(t, 10*time.Minute, func(token *oauth.Token) { token.RefreshToken = "" })
	s := w.obtaining(t)
	got, err := s.TokenAfterRejection(t.Context(), func(c oauth.Credential) bool { return c.Value == "at-1" }, false)
	wantToken(t, got, err, w.machineToken(1))
	w.want(t, 1, 1)
}

// It is renewed ahead, without a refresh token, in a process of its own.
func TestObtainAhead(t *testing.T) {
	w := newWorld(t)
	kept := w.has(t, 50*time.Minute, func(token *oauth.Token) { token.RefreshToken = "" })
	started := 0
	s := w.obtaining(t)
	s.startRefresh = func() { started++ }
	got, err := s.Token(t.Context())
	wantToken(t, got, err, kept)
	if started != 1 {
		t.Errorf("%d renewals ahead", started)
	}
	w.want(t, 0, 0)
	check(t, w.obtaining(t).RefreshAhead(t.Context()))
	w.want(t, 1, 1)
	if now := load(t, w.store); now.AccessToken != "new-at-1" {
		t.Errorf("kept: %v", reveal(now))
	}
	check(t, w.obtaining(t).RefreshAhead(t.Context())) // it is new
	w.want(t, 1, 1)
}

// A login is not started if it cannot be saved.
func TestALoginNeedsAStore(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	w.block()
	got, err := w.source().Token(t.Context())
	wantStoreError(t, "not free", err)
	if got != nil {
		t.Errorf("%v", reveal(got))
	}
	w.want(t, 1, 0)
}
