//go:build unix

package cache

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// free is a process that has a new set for the asking, as a machine has with its
// client's credentials. No child may spend for it, nor anything be spent.
func (w *world) free(t *testing.T) *Source {
	t.Helper()
	s := w.source()
	s.Free = true
	s.Renew = func(_ context.Context, old *oauth.Token) (Renewal, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.prepared++
		w.old = append(w.old, old)
		return func(ctx context.Context, spend oauth.Spender) (*oauth.Token, error) {
			if spend != nil {
				t.Error("it is given something to spend by")
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.spent++
			if w.spendErr != nil {
				return nil, w.spendErr
			}
			token := w.newToken(w.spent)
			token.RefreshToken = ""
			return token, nil
		}, nil
	}
	s.Spend = func(context.Context, *oauth.Spending, *oauth.Token) (*oauth.Token, error) {
		t.Error("something is spent")
		return nil, errServer
	}
	s.Child = func(context.Context, []byte) ([]byte, error) {
		t.Error("a child is asked")
		return nil, errServer
	}
	return s
}

// machineToken is the n-th set that a free source gets.
func (w *world) machineToken(n int) *oauth.Token {
	t := w.newToken(n)
	t.RefreshToken = ""
	return t
}

func TestFreeIsKept(t *testing.T) {
	w := newWorld(t)
	got, err := w.free(t).Token(t.Context())
	wantToken(t, got, err, w.machineToken(1))
	again, err := w.free(t).Token(t.Context())
	wantToken(t, again, err, got)
	w.want(t, 1, 1)
	if w.log.Len() > 0 {
		t.Errorf("said %s", w.log)
	}
	if kept := load(t, w.store); kept == nil || kept.AccessToken != "new-at-1" {
		t.Errorf("kept: %v", kept)
	}
	w.move(2 * time.Hour)
	got, err = w.free(t).Token(t.Context())
	wantToken(t, got, err, w.machineToken(2))
	w.want(t, 2, 2)
	w.wantNothingUnfinished(t)
}

// Nothing that is wrong with a store keeps a machine from its token.
func TestFreeWithoutAStore(t *testing.T) {
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
		"the token's place is taken":   func(t *testing.T, w *world) { w.has(t, 2*time.Hour); w.block() },
		"the lock's place is taken":    place(".lock"),
		"the spender's place is taken": place(".spend"),
		"the record's place is taken":  place(".record"),
		"readable by others": func(t *testing.T, w *world) {
			w.has(t, 2*time.Hour)
			check(t, os.Chmod(w.store.Dir.path(w.store.name()), 0o644))
		},
		"a directory open to others": func(t *testing.T, w *world) { w.has(t, 2*time.Hour); check(t, os.Chmod(string(w.store.Dir), 0o777)) },
		"no keyring": func(_ *testing.T, w *world) {
			w.store.Kind, w.store.Keyring = InKeyring, &Keyring{Getenv: func(string) string { return "" }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			spoil(t, w)
			got, err := w.free(t).Token(t.Context())
			wantToken(t, got, err, w.machineToken(1))
			w.want(t, 1, 1)
			if strings.Contains(w.log.String(), "new-at-1") {
				t.Errorf("a token is in the log: %s", w.log)
			}
			got, err = w.free(t).Token(t.Context())
			wantToken(t, got, err, w.machineToken(w.spent))
			login, fresh, err := w.free(t).Login(t.Context())
			if err != nil || login == nil || fresh && w.spent < 2 {
				t.Errorf("%v, %t, %v", login, fresh, err)
			}
		})
	}
}

func init() {
	// free gets a machine's token where no file can grow over 100 bytes.
	roles["free"] = func(args []string) error {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
			return err
		}
		s := &Source{
			Store: NewStore(Dir(args[0]), InFile, nil, testKey()), Kind: oauth.Access, Free: true,
			Renew: func(context.Context, *oauth.Token) (Renewal, error) {
				return func(context.Context, oauth.Spender) (*oauth.Token, error) { return testToken(noon), nil }, nil
			},
			Patience: time.Minute, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
		}
		token, err := s.Token(context.Background())
		if err == nil && token.AccessToken != "at-1" {
			err = errors.New("another token")
		}
		return err
	}
}

func TestFreeOnAFullDisk(t *testing.T) {
	s := fileStore(t)
	check(t, process(t, "free", string(s.Dir)).Run())
	if load(t, s) != nil {
		t.Error("it is kept, so that the disk was not full")
	}
}

// A keyring that cannot be asked is no reason to fail, nor to ask anybody.
func TestFreeOfAKeyringThatSaysNothing(t *testing.T) {
	w := newWorld(t)
	w.store.Kind = InKeyring
	w.store.Keyring = &Keyring{
		Getenv: func(name string) string {
			return map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}[name]
		},
		Attended: func() bool { t.Error("somebody is asked"); return true },
	}
	got, err := w.free(t).Token(t.Context())
	wantToken(t, got, err, w.machineToken(1))
	if !strings.Contains(w.log.String(), "not kept") {
		t.Errorf("nothing is said of it: %q", w.log)
	}
}

// Twenty that ask at once get one set.
func TestFreeAsksOnce(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	done := make(chan error)
	for range 20 {
		s := w.free(t)
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

// What the server says no to is told, and noted for those who ask next; a token that
// lives is handed out meanwhile.
func TestFreeAndRefused(t *testing.T) {
	refusal := &oauth.Error{Code: "invalid_client", Host: "id.example.com"}
	w := newWorld(t)
	w.spendErr = refusal
	for range 3 {
		got, err := w.free(t).Token(t.Context())
		var refused *oauth.Error
		if got != nil || !errors.As(err, &refused) || refused.Code != "invalid_client" {
			t.Errorf("%v, %v", got, err)
		}
	}
	w.want(t, 1, 1)
	w = newWorld(t)
	old := w.has(t, 50*time.Minute, func(token *oauth.Token) { token.RefreshToken = "" })
	w.spendErr = refusal
	s := w.free(t)
	s.MinTTL = 30 * time.Minute
	got, err := s.Token(t.Context())
	wantToken(t, got, err, old)
	w.want(t, 1, 1)
}

// A token that a service has refused is replaced, though it seems good.
func TestFreeIsRefused(t *testing.T) {
	w := newWorld(t)
	w.has(t, 10*time.Minute, func(token *oauth.Token) { token.RefreshToken = "" })
	s := w.free(t)
	s.Refused = func(c oauth.Credential) bool { return c.Value == "at-1" }
	got, err := s.Token(t.Context())
	wantToken(t, got, err, w.machineToken(1))
	w.want(t, 1, 1)
}

// It is renewed ahead, without a refresh token, in a process of its own.
func TestFreeAhead(t *testing.T) {
	w := newWorld(t)
	kept := w.has(t, 50*time.Minute, func(token *oauth.Token) { token.RefreshToken = "" })
	started := 0
	s := w.free(t)
	s.Ahead = func() { started++ }
	got, err := s.Token(t.Context())
	wantToken(t, got, err, kept)
	if started != 1 {
		t.Errorf("%d renewals ahead", started)
	}
	w.want(t, 0, 0)
	check(t, w.free(t).RenewAhead(t.Context()))
	w.want(t, 1, 1)
	if now := load(t, w.store); now.AccessToken != "new-at-1" {
		t.Errorf("kept: %v", reveal(now))
	}
	check(t, w.free(t).RenewAhead(t.Context())) // it is new
	w.want(t, 1, 1)
}

// A person's login is as it was: nothing of this is for who spends.
func TestOnlyFreeIsFree(t *testing.T) {
	w := newWorld(t)
	w.has(t, 2*time.Hour)
	w.block()
	got, err := w.source().Token(t.Context())
	wantStoreError(t, "not free", err)
	if got != nil || !slices.Equal([]int{w.prepared, w.spent}, []int{1, 0}) {
		t.Errorf("%v, %d, %d", got, w.prepared, w.spent)
	}
}
