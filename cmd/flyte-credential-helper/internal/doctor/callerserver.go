package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// checkCallerServer asks the caller's server whether it takes the saved token.
func checkCallerServer(ctx context.Context, e *examination) (all []Finding) {
	switch e.Caller {
	case "kubernetes":
		return e.review(ctx)
	case "":
		if p, err := e.plugin(); err == nil && p != nil {
			s := e.Subject
			s.Caller, s.Input.Flyte = "kubernetes", nil
			all = newExamination(ctx, s).review(ctx)
		}
	}
	if r, err := e.settings(); err == nil && !slices.Contains(hostCallers(), e.Caller) {
		switch {
		case r.Endpoint != "":
			all = append(all, e.flyteUser(ctx))
		case e.Caller == "token":
			all = append(all, skipped("flyte", "no Flyte endpoint is set: give one with --endpoint"))
		}
	}
	host, err := e.host()
	if err != nil || host == nil {
		return all
	}
	switch e.Caller {
	case "git":
		all = append(all, e.lsRemote(ctx, host))
	case "docker":
		all = append(all, e.registry(ctx, host))
	}
	return all
}

// accessToken returns the valid access token that is saved, or why there is none.
func (e *examination) accessToken() (t *oauth.Token, why string) {
	t = e.saved().token
	switch {
	case t == nil:
		return nil, "there is no saved login"
	case !t.Credential(oauth.Access).ValidAt(e.Env.Now()):
		return nil, "the saved token has expired"
	}
	return t, ""
}

// flyteUser asks the Flyte endpoint whose token it is.
func (e *examination) flyteUser(ctx context.Context) Finding {
	const step = "flyte"
	t, why := e.accessToken()
	if why != "" {
		return skipped(step, why)
	}
	session, err := e.session()
	if err != nil {
		return skipped(step, "the settings cannot be used")
	}
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	who, err := session.UserInfo(ctx, t.Server.HeaderKey, t.AccessToken)
	f := ok(step, "%s", config.MaskURL(session.Settings().Endpoint))
	switch {
	case isRefused(err):
		problem, fix := e.flyteRejects(login.DecodeClaims(t.AccessToken))
		return f.failure(err.Error()+": "+problem, fix)
	case err != nil:
		return f.failure(err.Error(), e.Hint(err))
	case who == nil:
		return ok(step, "%s does not say whose token it is", config.MaskURL(session.Settings().Endpoint))
	}
	return ok(step, "%s takes the token of %s", config.MaskURL(session.Settings().Endpoint), orNone(firstOf(who.Email, who.Username, who.Name, who.Subject)))
}

func firstOf(words ...string) string {
	for _, word := range words {
		if word != "" {
			return word
		}
	}
	return ""
}

// flyteRejects tells why flyteadmin may reject a token with these claims: flyteadmin judges
// the audience, then the scopes (auth/authzserver/claims_verifier.go).
func (e *examination) flyteRejects(c *login.Claims) (problem string, fix config.Hint) {
	switch {
	case c == nil:
		return "the token is opaque, and Flyte takes JWTs only", e.logIn("--audience", "AUDIENCE")
	case len(c.Scopes) == 1 && strings.Contains(c.Scopes[0], " "):
		return "Flyte takes the scopes of the token for one scope: " + c.Scopes[0], e.logIn("--scope", "all")
	}
	problem = "the endpoint's allowedAudience must have the token's audience, which is " + orNone(strings.Join(c.Audience, " "))
	if len(c.Scopes) > 0 && !slices.Contains(c.Scopes, "all") {
		return problem + "; and Flyte requires the scope all, and the token has " + strings.Join(c.Scopes, " "), e.logIn("--scope", "all")
	}
	return problem, e.logIn("--audience", "AUDIENCE")
}

// registry asks the registry whether it accepts the saved token.
func (e *examination) registry(ctx context.Context, host *servedHost) Finding {
	const step = "registry"
	t, why := e.accessToken()
	if why != "" {
		return skipped(step, why)
	}
	if host.entry.IdentityToken {
		return skipped(step, "only docker can exchange an identity token")
	}
	r, err := e.settings()
	if err != nil {
		return skipped(step, "the settings cannot be used")
	}
	transport, err := login.Transport(r, e.policy, e.quiet(r))
	if err != nil {
		return skipped(step, err.Error())
	}
	refused, err := setup.TryRegistry(ctx, transport, host.host.String(), host.entry.BasicUsername(), t.AccessToken)
	f := ok(step, "%s", host.host)
	switch {
	case refused:
		return f.failure("the registry does not accept the token: "+err.Error(), e.logIn("--audience", "AUDIENCE"))
	case err != nil:
		return f.failure(err.Error(), config.Command("curl", "--verbose", "--head", host.host.String()+"/v2/"))
	}
	return ok(step, "%s accepts the token", host.host)
}

// lsRemote has git read a repository with the saved token. It runs none of the configured
// helpers: they could refresh the token.
func (e *examination) lsRemote(ctx context.Context, host *servedHost) Finding {
	const step = "git server"
	u, err := url.Parse(host.url)
	switch {
	case err != nil || strings.Trim(u.Path, "/") == "":
		return skipped(step, "the address names no repository: give its whole URL")
	case runtime.GOOS == "windows":
		return skipped(step, "Windows has no way to hand git a token that runs no helper")
	}
	t, why := e.accessToken()
	if why != "" {
		return skipped(step, why)
	}
	u.User = nil
	out, err := gitWithToken(ctx, e, host.entry, t.AccessToken, "ls-remote", "--quiet", u.String(), "HEAD")
	f := ok(step, "%s", u)
	switch {
	case errors.Is(err, errNoTool):
		return skipped(step, "git is not installed")
	case err != nil:
		return f.failure("git ls-remote fails: "+err.Error(), config.Command("git", "ls-remote", u.String()))
	}
	return ok(step, "%s: git reads it with the token (%s)", u, plural(strings.Count(string(out), "\n"), "reference"))
}

// tokenHelper is a credential helper that answers with what descriptor 3 has.
const tokenHelper = `!f() { test "$1" = get && cat <&3; }; f`

// gitWithToken runs git with a credential for the host and no other helper.
func gitWithToken(ctx context.Context, e *examination, entry config.HostEntry, token oauth.Secret, args ...string) ([]byte, error) {
	answer := fmt.Sprintf("username=%s\npassword=%s\n", entry.BasicUsername(), token.Reveal())
	if entry.Scheme == execcred.GitBearer {
		answer = fmt.Sprintf("capability[]=authtype\nauthtype=Bearer\ncredential=%s\n", token.Reveal())
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	go func() {
		_, _ = write.WriteString(answer)
		_ = write.Close()
	}()
	return outputWith(ctx, e.Env, []*os.File{read}, "git", append([]string{"-c", "credential.helper=", "-c", "credential.helper=" + tokenHelper}, args...)...)
}
