//go:build unix

package cache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// refuser is a token endpoint that refuses every refresh.
type refuser struct {
	status int
	body   string
	asked  atomic.Int32
}

func (r *refuser) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.asked.Add(1)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_, _ = fmt.Fprint(w, r.body)
}

// refusing is a world with a saved login whose refreshes go to a real client and a server
// that refuses them. Logins succeed.
func refusing(t *testing.T, r *refuser) (*world, func(...func(*Source)) *Source) {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	w := newWorld(t)
	at := func(token *oauth.Token) { token.Server = oauth.Metadata{TokenEndpoint: server.URL + "/token"} }
	w.has(t, 2*time.Hour, at)
	w.answer = func(n int, _ *oauth.Token) *oauth.Token { token := w.newToken(n); at(token); return token }
	client := &oauth.Client{ClientID: "flytectl", AuthEndpoint: server.URL + "/authorize", TokenEndpoint: server.URL + "/token"}
	return w, func(change ...func(*Source)) *Source {
		s := w.source(change...)
		login := s.redeem
		s.prepareRefresh = func(ctx context.Context, old *oauth.Token) (*oauth.TokenRequest, error) {
			return client.PrepareRefresh(ctx, old, oauth.Access)
		}
		s.redeem = func(ctx context.Context, r *oauth.TokenRequest, old *oauth.Token, j oauth.Journal) (*oauth.Token, error) {
			if r.Refreshes() {
				return client.Redeem(ctx, r, old, j)
			}
			return login(ctx, r, old, j)
		}
		return s
	}
}

// What becomes of the saved refresh token, and whether a login
// follows, for each code that servers use.
func TestRefusedRefresh(t *testing.T) {
	const (
		dead    = "dead"    // erased, log in
		refused = "refused" // kept until a login succeeds, log in
		setting = "setting" // kept, no login
		later   = "later"   // kept, no login
	)
	for _, c := range []struct {
		status int
		code   string
		want   string
	}{
		{400, "invalid_grant", dead}, {400, "invalid_request", dead}, {200, "bad_refresh_token", dead}, {401, "invalid_grant", dead}, {403, "invalid_grant", dead},
		{400, "interaction_required", dead}, {400, "login_required", dead}, {400, "consent_required", dead},
		{400, "token_inactive", dead}, {400, "invalid_refresh_token", dead}, {400, "expired_token", dead}, {400, "invalid_token", dead},
		{401, "invalid_client", setting}, {400, "invalid_scope", setting}, {400, "invalid_target", setting}, {400, "unsupported_grant_type", setting},
		{400, "temporarily_unavailable", later}, {400, "slow_down", later}, {400, "server_error", later}, {500, "invalid_grant", later}, {404, "invalid_grant", later},
		{400, "unauthorized_client", refused}, {400, "something_else", refused},
	} {
		t.Run(fmt.Sprint(c.status, " ", c.code), func(t *testing.T) {
			r := &refuser{status: c.status, body: fmt.Sprintf(`{"error":%q}`, c.code)}
			w, source := refusing(t, r)
			w.loginErr = errLoginNeeded
			logsIn := c.want == dead || c.want == refused

			got, err := source().Token(t.Context())
			e := oauth.AsError(err)
			switch {
			case got != nil || err == nil:
				t.Errorf("a token: %v", reveal(got))
			case logsIn && !errors.Is(err, errLoginNeeded), !logsIn && e == nil:
				t.Errorf("%v", err)
			case c.want == setting && oauth.IsTemporary(err), c.want == later && !oauth.IsTemporary(err):
				t.Errorf("class %q", e.Class)
			}
			if logsIn {
				if cause := oauth.AsError(w.causes[0]); cause == nil || cause.Code != c.code {
					t.Errorf("the cause of the login is %v", w.causes[0])
				}
			}
			if kept := load(t, w.store).RefreshToken != ""; kept != (c.want != dead) {
				t.Errorf("the refresh token is kept: %t", kept)
			}

			// The refresh is not tried again for a minute; a login may start.
			asked := r.asked.Load()
			w.move(refusalWindow - time.Second)
			_, err = source().Token(t.Context())
			if again := r.asked.Load() != asked; again != !logsIn {
				t.Errorf("the server was asked again: %t, %v", again, err)
			}
			if c.want == refused {
				if cause := oauth.AsError(w.causes[1]); cause == nil || cause.Code != c.code {
					t.Errorf("the cause of the next login is %v", w.causes[1])
				}
				w.move(time.Second)
				_, _ = source().Token(t.Context())
				if r.asked.Load() != asked+1 {
					t.Error("the refresh is not tried again")
				}
			}
			w.loginErr = nil
			got, err = source().Token(t.Context())
			browsers := 0
			if logsIn {
				wantToken(t, got, err, w.answer(1, nil))
				browsers = 1
			}
			w.wantBrowsers(t, browsers)
		})
	}
}

// Neither is it tried ahead.
func TestRefusedRefreshIsNotTriedAhead(t *testing.T) {
	w := newWorld(t)
	w.has(t, 55*time.Minute)
	w.sendErr = &oauth.Error{Class: oauth.ClassRefused, Code: "x", Saved: oauth.LoginRefused}
	wantError(t, nil, w.source().RefreshAhead(t.Context()), w.sendErr)
	check(t, w.source().RefreshAhead(t.Context()))
	w.want(t, 1, 1)
	w.move(refusalWindow)
	wantError(t, nil, w.source().RefreshAhead(t.Context()), w.sendErr)
}

// A server that refuses the first refresh after each login is not asked any more.
func TestServerThatRefusesEachRefresh(t *testing.T) {
	for _, code := range []string{"invalid_grant", "unauthorized_client"} {
		t.Run(code, func(t *testing.T) {
			r := &refuser{status: 400, body: fmt.Sprintf(`{"error":%q}`, code)}
			w, source := refusing(t, r)
			ask := func(refreshes int32, stopped string) {
				t.Helper()
				w.move(2 * time.Hour)
				_, err := source().Token(t.Context())
				check(t, err)
				w.wantBrowsers(t, 1)
				if got := r.asked.Swap(0); got != refreshes {
					t.Errorf("%d refreshes, want %d", got, refreshes)
				}
				if got := w.store.RefreshStopped(); got != stopped {
					t.Errorf("stopped because of %q, want %q", got, stopped)
				}
			}
			ask(1, "") // the first login ends
			ask(1, code)
			ask(0, code)
			ask(0, code)
			w.move(2 * time.Minute)
			_, _, err := source().Login(t.Context())
			check(t, err)
			w.wantBrowsers(t, 1)
			ask(1, code)
			ask(0, code)
		})
	}
	t.Run("with another code", func(t *testing.T) {
		r := &refuser{status: 400}
		w, source := refusing(t, r)
		for i := range 4 {
			r.body = fmt.Sprintf(`{"error":"code-%d"}`, i)
			w.move(2 * time.Hour)
			_, err := source().Token(t.Context())
			check(t, err)
		}
		if got := r.asked.Load(); got != 4 || w.store.RefreshStopped() != "" {
			t.Errorf("%d refreshes, stopped because of %q", got, w.store.RefreshStopped())
		}
	})
	t.Run("with a refresh in between", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Hour)
		refuse := true
		w.during = func(context.Context, *Store) error {
			if refuse {
				refuse = false // a login follows, which succeeds
				return errDead
			}
			return nil
		}
		for range 3 {
			_, err := w.source().Token(t.Context()) // refused, logged in
			check(t, err)
			w.move(2 * time.Hour)
			_, err = w.source().Token(t.Context()) // refreshed
			check(t, err)
			w.move(2 * time.Hour)
			refuse = true
		}
		w.wantBrowsers(t, 3)
		if w.store.RefreshStopped() != "" {
			t.Error("stopped")
		}
	})
}

// In an outage a token that a server rejected is returned as long as it is valid: another
// server may accept it.
func TestRejectedTokenInAnOutage(t *testing.T) {
	rejected := func(oauth.Credential) bool { return true }
	for what, fail := range map[string]func(*world){
		"the server is down":   func(w *world) { w.sendErr = errServer },
		"discovery fails":      func(w *world) { w.prepareErr = errServer },
		"nothing can be saved": func(w *world) { w.block() },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			old := w.has(t, 2*time.Minute)
			fail(w)
			for range 50 { // contexts of one program
				got, err := w.source().TokenAfterRejection(t.Context(), rejected, true)
				wantToken(t, got, err, old)
			}
			w.wantBrowsers(t, 0)
		})
	}
	t.Run("the server is busy", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, 2*time.Minute)
		w.holdLock(t)
		got, err := w.source(func(s *Source) { s.lockTimeout = 50 * time.Millisecond }).TokenAfterRejection(t.Context(), rejected, true)
		wantToken(t, got, err, old)
	})
	t.Run("the server is back", func(t *testing.T) { // flytekit: two threads, up to four calls each
		w := newWorld(t)
		w.has(t, 2*time.Minute)
		for range 8 {
			got, err := w.source().TokenAfterRejection(t.Context(), rejected, true)
			wantToken(t, got, err, w.newToken(1))
		}
		w.want(t, 1, 1)
	})
	t.Run("only a login could help", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, 2*time.Minute, func(token *oauth.Token) { token.RefreshToken = "" })
		got, err := w.source().TokenAfterRejection(t.Context(), rejected, true)
		wantToken(t, got, err, old)
		w.want(t, 0, 0)
	})
	t.Run("only a login could help, near its end", func(t *testing.T) {
		w := newWorld(t)
		old := w.has(t, inMargin, func(token *oauth.Token) { token.RefreshToken = "" })
		w.loginErr = errLoginNeeded
		got, err := w.source().TokenAfterRejection(t.Context(), rejected, true)
		wantToken(t, got, err, old)
	})
	t.Run("the refresh is refused", func(t *testing.T) {
		for _, refusal := range []*oauth.Error{errDead, {Class: oauth.ClassRefused, Code: "x", Saved: oauth.LoginRefused}} {
			w := newWorld(t)
			w.has(t, 2*time.Minute)
			w.sendErr, w.loginErr = refusal, errLoginNeeded
			for range 2 {
				got, err := w.source().TokenAfterRejection(t.Context(), rejected, true)
				wantError(t, got, err, errLoginNeeded)
			}
		}
	})
	t.Run("a setting is wrong", func(t *testing.T) {
		w := newWorld(t)
		w.has(t, 2*time.Minute)
		w.sendErr = &oauth.Error{Class: oauth.ClassRefused, Code: "invalid_client"}
		got, err := w.source().TokenAfterRejection(t.Context(), rejected, true)
		wantError(t, got, err, w.sendErr)
	})
}

// A token that was obtained with another client secret is not returned. Without a secret
// it is, as long as it is valid.
func TestAnotherClientSecret(t *testing.T) {
	w := newWorld(t)
	with := func(secret oauth.Secret) *Source {
		k := testKey()
		k.ClientSecret = secret
		s := w.obtaining(t)
		s.store = newStore(w.store.Dir, StoreFile, nil, k)
		return s
	}
	got, err := with("one").Token(t.Context())
	wantToken(t, got, err, w.machineToken(1))
	for _, secret := range []oauth.Secret{"one", ""} {
		got, err = with(secret).Token(t.Context())
		wantToken(t, got, err, w.machineToken(1))
	}
	got, err = with("two").Token(t.Context())
	wantToken(t, got, err, w.machineToken(2))
	w.sendErr = &oauth.Error{Class: oauth.ClassRefused, Code: "invalid_client"}
	got, err = with("three").Token(t.Context())
	wantError(t, got, err, w.sendErr)
	got, err = with("").Token(t.Context())
	wantToken(t, got, err, w.machineToken(2))
	w.move(time.Hour)
	got, err = with("").Token(t.Context())
	wantError(t, got, err, w.sendErr)
}
