package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// checkLogin judges the saved login, and tells why the last renewals failed.
func checkLogin(_ context.Context, e *examination) []Finding {
	session, err := e.session()
	if err != nil {
		return []Finding{skipped("login", "there is no server")}
	}
	saved := e.saved()
	if saved.err != nil {
		return []Finding{skipped("login", saved.err.Error())}
	}
	failures := session.Failures()
	f := e.login(session, saved, failures)
	if code := saved.store.RefreshStopped(); code != "" && f.Level == OK {
		f = f.warning("the server refuses every refresh ("+code+"): after the token expires, a login is needed", e.logInAgain())
	}
	all := []Finding{f}
	for _, failure := range failures {
		now := e.Env.Now()
		state := "since " + clock(failure.At)
		switch {
		case failure.Until.After(now) && failure.Login:
			state = fmt.Sprintf("no login starts before %s", clock(failure.Until))
			all = append(all, ok("back-off", "%s", state).failure("a login that you saw has failed: "+loginFailure(failure.Err), e.logIn()))
		case f.Level == OK:
			all = append(all, ok("last failure", "%s", state).warning(failure.Err.Error(), config.Hint{}))
		}
	}
	return all
}

// login judges the token.
func (e *examination) login(session *login.Session, saved savedLogin, failures []cache.Failure) Finding {
	now, r, t := e.Env.Now(), session.Settings(), saved.token
	if t == nil {
		return e.notLoggedIn(session, saved.store, failures)
	}
	c := t.Credential(session.Kind())
	account := cmp.Or(t.Account, "an account that the server does not name")
	renewal := "then log in again"
	if r.IsMachine() || t.RefreshToken != "" {
		renewal = "refreshed automatically"
	}
	outlived := t.OutlivedAt(now) || t.RefreshToken != "" && !t.Refreshable(session.Kind())
	f := ok("login", "%s, %s until %s, %s", account, kindName(session.Kind(), t), until(c.Expiry), renewal)
	switch err := cmp.Or(t.Missing(session.Kind()), t.Fault(session.Kind())); {
	case err != nil:
		return f.failure(err.Error(), e.logIn())
	case c.ValidAt(now):
		return f
	case r.IsMachine(), t.RefreshToken != "" && !outlived && saved.store.RefreshStopped() == "":
		if cause := lastFailure(failures); cause != nil {
			return ok("login", "%s, expired", account).failure("the last renewal failed: "+cause.Error(), e.causeHint(cause))
		}
		return ok("login", "%s, expired, refreshed on next use", account)
	case outlived:
		return ok("login", "%s, expired", account).failure("the refresh token has expired too", e.logIn())
	}
	return ok("login", "%s, expired", account).failure("the token has expired and cannot be refreshed", e.logIn())
}

// notLoggedIn tells why there is no token.
func (e *examination) notLoggedIn(session *login.Session, store *cache.Store, failures []cache.Failure) Finding {
	r := session.Settings()
	f := ok("login", "none saved")
	cause := lastFailure(failures)
	switch {
	case store.Damaged():
		return f.failure("the saved login is damaged", e.logIn())
	case cause != nil:
		return f.failure("the last attempt failed: "+loginFailure(cause), e.causeHint(cause))
	case r.IsMachine():
		return ok("login", "none saved, the next call gets a token")
	case store.CurrentKind() == cache.StoreNone:
		return ok("login", "none saved, because of --store none")
	case store.Exists():
		return f.failure("the key of the saved login is gone", e.logIn())
	}
	problem := "not logged in"
	if others := e.othersAt(store.Header); others != "" {
		problem += " with these settings: at this server there is a login with " + others
	}
	return f.failure(problem, e.logIn())
}

// othersAt describes other logins to the same server, which differ in a setting.
func (e *examination) othersAt(mine cache.Header) string {
	stores, _ := cache.List(login.StateDir(e.Env), &cache.Keyring{Getenv: e.Env.Getenv})
	var others []string
	for _, s := range stores {
		if s.Header.Server != mine.Server {
			continue
		}
		switch {
		case s.Header.Client != mine.Client:
			others = append(others, "client "+cmp.Or(s.Header.Client, "of the endpoint"))
		case s.Header.Account != mine.Account:
			others = append(others, "account "+cmp.Or(s.Header.Account, "not set"))
		default:
			others = append(others, "other scopes, audience or parameters")
		}
	}
	slices.Sort(others)
	return strings.Join(slices.Compact(others), ", ")
}

func lastFailure(failures []cache.Failure) error {
	if len(failures) == 0 {
		return nil
	}
	return failures[0].Err
}

// loginFailure describes the failure of a login. A server that refuses the client or its redirect
// URI tells only the user, in the browser.
func loginFailure(cause error) string {
	if failed := oauth.AsError(cause); failed != nil && failed.Class == oauth.ClassUnanswered && failed.Shown {
		return cause.Error() + ": if the browser showed an error, check --client-id and the client's redirect URIs at the server"
	}
	return cause.Error()
}

// causeHint returns the hint for a recorded failure: to log in, if there is no better.
func (e *examination) causeHint(cause error) config.Hint {
	r, err := e.settings()
	if err != nil {
		return config.Hint{}
	}
	if refused := oauth.AsError(cause); refused != nil && slices.Contains([]string{"invalid_client", "unauthorized_client"}, refused.Code) {
		return e.logIn("--client-id", "ID")
	}
	if hint := e.Hint(login.Explain(cause, r, e.policy, e.Env)); hint.IsCommand() {
		return hint
	}
	return e.logIn()
}

// checkToken reads the claims of the token that the caller gets.
func checkToken(_ context.Context, e *examination) []Finding {
	session, err := e.session()
	if err != nil {
		return []Finding{skipped("token", "there is no server")}
	}
	t := e.saved().token
	if t == nil {
		return []Finding{skipped("token", "there is no saved login")}
	}
	c := t.Credential(session.Kind())
	if c.Value == "" {
		return []Finding{skipped("token", "the saved login has none of this kind")}
	}
	claims := login.DecodeClaims(c.Value)
	kind := kindName(session.Kind(), t)
	if claims == nil {
		return []Finding{ok("token", "%s, opaque: only its server can read it", kind)}
	}
	f := ok("token", "%s: %s", kind, describeClaims(claims))
	r := session.Settings()
	switch {
	case r.Audience != "" && len(claims.Audience) > 0 && !slices.Contains(claims.Audience, r.Audience) && kind == accessToken:
		f = f.failure(fmt.Sprintf("it is for the audience %s, not for %s, which --audience requests: the server does not give that audience to this client", strings.Join(claims.Audience, ", "), r.Audience), e.logIn("--audience", claims.Audience[0]))
	case r.Issuer != "" && claims.Issuer != "" && claims.Issuer != r.Issuer:
		f = f.warning(fmt.Sprintf("its issuer is %s, not %s: a server that checks the issuer rejects it", claims.Issuer, r.Issuer), config.Hint{})
	}
	if keys, err := e.keys(); err == nil && kind == idToken && keys.Len() > 0 && keys.Signed(c.Value) != nil {
		f = f.failure("none of the server's present keys has signed it: servers that verify it reject it", e.logInAgain())
	}
	return []Finding{f}
}

// The names of the kinds of token.
const (
	accessToken = "access token"
	idToken     = "ID token"
)

// kindName names the kind of token that a caller gets.
func kindName(kind oauth.Kind, t *oauth.Token) string {
	if kind == oauth.ID || kind == oauth.Auto && t.IDToken != "" {
		return idToken
	}
	return accessToken
}

func until(t time.Time) string {
	if t.IsZero() {
		return "a server rejects it"
	}
	return clock(t)
}

// clock formats a time in the local time zone.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
