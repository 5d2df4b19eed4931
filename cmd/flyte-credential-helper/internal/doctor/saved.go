package doctor

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// account is the login that the settings name, and what is saved of it.
type account struct {
	settings *config.Resolved // nil: they cannot be used
	policy   login.Policy
	env      system.Env // of a session that writes nothing, unless the user asked for a log
	hint     func(error) config.Hint
	session  *login.Session
	err      error        // why there is no session
	store    *cache.Store // of the session
	token    *oauth.Token // nil: there is none
	unread   error        // why it is not known whether there is one
	inKernel bool         // the kernel's keyring had the key before it was used
	kind     oauth.Kind   // that the caller gets
}

// openAccount opens the login without the right to log in.
func openAccount(ctx context.Context, s Subject, settings known[*config.Resolved]) account {
	a := account{settings: settings.value, env: s.Env, hint: s.Hint, err: settings.err, policy: login.Policy{Auto: oauth.Auto, Forbidden: login.NeverLogsIn("doctor")}}
	if namesHost(s.Caller) || s.Caller == "token" {
		a.policy.Auto = oauth.Access
	}
	if a.err == nil && !a.settings.IsSet("log-level") {
		a.env.Stderr = io.Discard // the findings say all that it would
	}
	if a.err == nil {
		a.session, a.err = login.Open(ctx, a.settings, a.policy, a.env)
	}
	if a.err == nil {
		a.kind, a.store = a.session.Kind(), a.session.Store()
		a.inKernel = a.store.InKernel()
		a.token, a.unread = a.store.Load(ctx)
	}
	return a
}

// openKubernetes opens the login that kubectl uses in the current context.
func openKubernetes(ctx context.Context, s Subject, current *setup.KubePlugin) account {
	s.Caller, s.Input.Flyte = "kubernetes", nil
	return openAccount(ctx, s, know(resolve(s, known[*servedHost]{}, current)))
}

// noToken returns why there is no valid token of a kind, or "".
func (a account) noToken(kind oauth.Kind) string {
	switch {
	case a.err != nil:
		return "the settings cannot be used"
	case a.token == nil:
		return "there is no saved login"
	}
	return unless(a.token.Credential(kind).ValidAt(a.env.Now()), "the saved token has expired")
}

// logIn returns the command that logs in with the settings.
func (a account) logIn(more ...string) config.Hint {
	return config.Command(append(login.Command(a.settings, a.policy, a.env), more...)...)
}

// logInAgain returns the commands that replace a token that is still valid: login alone would
// keep it.
func (a account) logInAgain() config.Hint {
	forget := a.policy
	forget.Command = []string{"logout"}
	return config.Shell("%s && %s", config.Shown(login.Command(a.settings, forget, a.env)), a.logIn())
}

// explain returns the hint for an error of the login.
func (a account) explain(err error) config.Hint {
	return a.hint(login.Explain(err, a.settings, a.policy, a.env))
}

// checkLogin judges the saved login, and tells why the last renewals failed.
func checkLogin(a account) []Finding {
	if a.unread != nil {
		return []Finding{ok("not readable").failure(a.unread.Error(), a.explain(a.unread))}
	}
	failures := a.session.Failures()
	f := savedLogin(a, append(slices.Clip(failures), cache.Failure{})[0].Err)
	if code := a.store.RefreshStopped(); code != "" && f.Level == OK {
		f = f.warning("the server refuses every refresh ("+code+"): after the token expires, a login is needed", a.logInAgain())
	}
	all := []Finding{f}
	for _, failure := range failures {
		switch {
		case failure.Until.After(a.env.Now()) && failure.Login:
			all = append(all, ok("no login starts before %s", clock(failure.Until)).at("back-off").failure("a login that you saw has failed: "+loginFailure(failure.Err), a.logIn()))
		case f.Level == OK:
			all = append(all, ok("since %s", clock(failure.At)).at("last failure").warning(failure.Err.Error(), config.Hint{}))
		}
	}
	return all
}

// savedLogin judges the saved token. cause is the last failure since the last success, or nil.
func savedLogin(a account, cause error) Finding {
	t, r, kind := a.token, a.settings, a.kind
	if t == nil {
		return notLoggedIn(a, cause)
	}
	c := t.Credential(kind)
	renews := r.IsMachine() || t.RefreshToken != ""
	outlived := t.OutlivedAt(a.env.Now()) || t.RefreshToken != "" && !t.Refreshable(kind)
	renewal := "then log in again"
	if renews {
		renewal = "refreshed automatically"
	}
	name := cmp.Or(t.Account, "an account that the server does not name")
	f, expired := ok("%s, %s until %s, %s", name, a.tokenName(), cmp.Or(clock(c.Expiry), "a server rejects it"), renewal), ok("%s, expired", name)
	err := cmp.Or(t.Missing(kind), t.Fault(kind))
	refreshes := r.IsMachine() || renews && !outlived && a.store.RefreshStopped() == ""
	switch {
	case err != nil:
		return f.failure(err.Error(), a.logIn())
	case c.ValidAt(a.env.Now()):
		return f
	case refreshes && cause != nil:
		return expired.failure("the last renewal failed: "+cause.Error(), causeHint(a, cause))
	case refreshes:
		return ok("%s, expired, refreshed on next use", name)
	case outlived:
		return expired.failure("the refresh token has expired too", a.logIn())
	}
	return expired.failure("the token has expired and cannot be refreshed", a.logIn())
}

// notLoggedIn tells why there is no token.
func notLoggedIn(a account, cause error) Finding {
	store, f := a.store, ok("none saved")
	switch {
	case store.Damaged():
		return f.failure("the saved login is damaged", a.logIn())
	case cause != nil:
		return f.failure("the last attempt failed: "+loginFailure(cause), causeHint(a, cause))
	case a.settings.IsMachine():
		return ok("none saved, the next call gets a token")
	case store.CurrentKind() == cache.StoreNone:
		return ok("none saved, because of --store none")
	case store.Exists():
		return f.failure("the key of the saved login is gone", a.logIn())
	}
	problem := "not logged in"
	if others := othersAt(a, store.Header); others != "" {
		problem += " with these settings: at this server there is a login with " + others
	}
	return f.failure(problem, a.logIn())
}

// othersAt describes other logins to the same server, which differ in a setting.
func othersAt(a account, mine cache.Header) string {
	stores, _ := cache.List(login.StateDir(a.env), &cache.Keyring{Getenv: a.env.Getenv})
	var others []string
	for _, s := range stores {
		switch h := s.Header; {
		case h.Server != mine.Server:
		case h.Client != mine.Client:
			others = append(others, "client "+cmp.Or(h.Client, "of the endpoint"))
		case h.Account != mine.Account:
			others = append(others, "account "+cmp.Or(h.Account, "not set"))
		default:
			others = append(others, "other scopes, audience or parameters")
		}
	}
	slices.Sort(others)
	return strings.Join(slices.Compact(others), ", ")
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
func causeHint(a account, cause error) config.Hint {
	if refused := oauth.AsError(cause); refused != nil && slices.Contains([]string{"invalid_client", "unauthorized_client"}, refused.Code) {
		return a.logIn("--client-id", "ID")
	}
	if hint := a.explain(cause); hint.IsCommand() {
		return hint
	}
	return a.logIn()
}

// checkToken reads the claims of the token that the caller gets.
func checkToken(a account, n answers) []Finding {
	c := a.token.Credential(a.kind)
	if c.Value == "" {
		return []Finding{skipped("the saved login has none of this kind")}
	}
	kind, r := a.tokenName(), a.settings
	claims := login.DecodeClaims(c.Value)
	if claims == nil {
		return []Finding{ok("%s, opaque: only its server can read it", kind)}
	}
	f := ok("%s: %s", kind, describeClaims(claims))
	switch {
	case kind == idToken && n.keys.value.Len() > 0 && n.keys.value.Signed(c.Value) != nil:
		f = f.failure("none of the server's present keys has signed it: servers that verify it reject it", a.logInAgain())
	case r.Audience != "" && len(claims.Audience) > 0 && !slices.Contains(claims.Audience, r.Audience) && kind != idToken:
		f = f.failure(fmt.Sprintf("it is for the audience %s, not for %s, which --audience requests: the server does not give that audience to this client", strings.Join(claims.Audience, ", "), r.Audience), a.logIn("--audience", claims.Audience[0]))
	case r.Issuer != "" && claims.Issuer != "" && claims.Issuer != r.Issuer:
		f = f.warning(fmt.Sprintf("its issuer is %s, not %s: a server that checks the issuer rejects it", claims.Issuer, r.Issuer), config.Hint{})
	}
	return []Finding{f}
}

// shownGroups is the number of groups that are named.
const shownGroups = 10

// describeClaims describes the claims of a token.
func describeClaims(c *login.Claims) string {
	words := append([]string{"issuer " + orNone(c.Issuer), "audience " + orNone(strings.Join(c.Audience, " ")), "subject " + orNone(c.Subject)}, c.Names...)
	add := func(name, value string) {
		if value != "" {
			words = append(words, name+" "+value)
		}
	}
	add("client", c.Client)
	add("scopes", strings.Join(c.Scopes, " "))
	groups := "no groups"
	if n := len(c.Groups); n > 0 {
		more := unless(n <= shownGroups, " …")
		groups = fmt.Sprintf("%s (%s%s)", plural(n, "group"), strings.Join(c.Groups[:min(n, shownGroups)], " "), more)
	}
	words = append(words, groups)
	add("expires", clock(c.Expiry))
	add("signed with", c.Algorithm)
	return strings.Join(words, ", ")
}

const idToken = "ID token"

// tokenName names the kind of token that the caller gets.
func (a account) tokenName() string {
	if a.kind == oauth.ID || a.kind == oauth.Auto && a.token.IDToken != "" {
		return idToken
	}
	return "access token"
}

// clock formats a time in the local time zone. It returns "" for no time.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}
