package caller

import (
	"context"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// hostRequest is a request for the credential of a host that a profile serves. Only that
// profile selects the token, so neither the environment nor a flag can send the token of one
// server to another.
type hostRequest struct {
	login.Console
	call     Call
	settings *config.Resolved
	policy   login.Policy
	profile  string
	entry    config.HostEntry
}

// serve finds the profile that serves host for username. It returns nil if none does.
func (c Call) serve(host execcred.Host, username string, policy login.Policy) (*hostRequest, error) {
	line := c.Input.CommandLine
	if host == (execcred.Host{}) || line.NamesServer() { // a server on the command line serves no host
		return nil, nil
	}
	file, err := config.ReadFiles(c.Input.ConfigPaths, c.Input.ReadFile)
	if err != nil {
		return nil, err
	}
	if only := line.Settings.Profile; only != "" && file.Profiles[only] == nil {
		_, err := config.Resolve(c.Input) // has the error
		return nil, err
	}
	profile, entry, ok := file.ProfileForHost(host, username, line.Settings.Profile)
	if !ok {
		c.logNoMatch(file, host, username)
		return nil, nil
	}
	r, err := c.withProfile(profile, entry, policy)
	if err == nil {
		r.Log.Debug("a profile serves this host", "host", host, "profile", profile)
	}
	return r, err
}

// withProfile resolves the settings of a profile that serves a host.
func (c Call) withProfile(profile string, entry config.HostEntry, policy login.Policy) (*hostRequest, error) {
	policy.ForCaller, policy.Auto = true, oauth.Access
	in := c.Input
	in.Profile, in.ServesHost = profile, true
	settings, err := login.Resolve(in, policy, c.Env)
	if err != nil {
		return nil, err
	}
	return &hostRequest{Console: login.NewConsole(settings, policy, c.Env), call: c, settings: settings, policy: policy, profile: profile, entry: entry}, nil
}

// logNoMatch logs that no profile serves a host. If a profile serves it for another username
// than the requested one, it tells the user.
func (c Call) logNoMatch(file *config.File, host execcred.Host, username string) {
	line := c.Input.CommandLine
	level := c.Env.Getenv(config.Variable("log-level"))
	if line.Sets("log-level") {
		level = line.Settings.LogLevel
	}
	profile, entry, ok := file.ProfileForHost(host, "", line.Settings.Profile)
	if ok && username != "" && c.word(0) == "get" {
		if level != "" || c.Env.StderrTerminal() {
			login.Note(c.Env.Stderr, "profile %s serves %s for the user %s, not for %q", profile, host, entry.BasicUsername(), oauth.Printable(username))
		}
		return
	}
	login.NewLog(c.Env.Stderr, level).Debug("no profile serves this host", "host", host)
}

// open opens the profile's login.
func (r *hostRequest) open(ctx context.Context) (*login.Session, error) {
	return login.Open(ctx, r.settings, r.policy, r.call.Env)
}

// token returns the profile's token, refreshed if it was rejected, for a caller that requests
// another one after it has expired. If rejected is nil, the caller cannot report a rejected one.
func (r *hostRequest) token(ctx context.Context, rejected func(oauth.Credential) bool) (*oauth.Token, execcred.Credential, error) {
	session, err := r.open(ctx)
	if err != nil {
		return nil, execcred.Credential{}, err
	}
	t, c, err := session.Token(ctx, login.Rejection{Rejected: rejected})
	if err != nil {
		return nil, execcred.Credential{}, err
	}
	return t, execcred.Credential{Token: c.Value.Reveal(), Expiry: cache.SafeExpiry(c, r.call.Env.Now())}, nil
}

// saved returns the saved token of the wanted kind; ok is false if there is none.
func (r *hostRequest) saved(ctx context.Context) (c oauth.Credential, ok bool, err error) {
	session, err := r.open(ctx)
	if err != nil {
		return c, false, err
	}
	t, err := session.Saved(ctx)
	if err != nil || t == nil {
		return c, false, err
	}
	return t.Credential(session.Kind()), true, nil
}

// hasToken reports whether a valid token is saved.
func (r *hostRequest) hasToken(ctx context.Context) bool {
	c, ok, err := r.saved(ctx)
	return err == nil && ok && cache.UsableAt(c, r.call.Env.Now(), 0)
}

// renew refreshes the saved token if it is the one that a server rejected. The login is kept:
// only its authorization server can end it.
func (r *hostRequest) renew(ctx context.Context, rejected func(oauth.Credential) bool) {
	c, ok, err := r.saved(ctx)
	if err == nil && ok && rejected(c) {
		_, _, err = r.token(ctx, rejected)
	}
	if err != nil {
		r.Log.Info("the rejected token was not refreshed", "reason", err)
	}
}
