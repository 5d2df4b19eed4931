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
	profile, entry, ok := file.ProfileForHost(host, username, line.Profile())
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
		level = line.LogLevel()
	}
	profile, entry, ok := file.ProfileForHost(host, "", line.Profile())
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

// token returns the profile's token, for a caller that cannot report a rejected one.
func (r *hostRequest) token(ctx context.Context) (execcred.Credential, error) {
	return r.tokenUnless(ctx, nil)
}

// tokenUnless returns the profile's token, refreshed if it was rejected.
func (r *hostRequest) tokenUnless(ctx context.Context, rejected func(oauth.Credential) bool) (execcred.Credential, error) {
	session, err := r.open(ctx)
	if err != nil {
		return execcred.Credential{}, err
	}
	_, credential, err := session.Token(ctx, login.Rejection{Rejected: rejected})
	if err != nil {
		return execcred.Credential{}, err
	}
	return r.safe(credential), nil
}

// safe returns c for a caller that requests another one after it has expired.
func (r *hostRequest) safe(c oauth.Credential) execcred.Credential {
	return execcred.Credential{Token: c.Value.Reveal(), Expiry: cache.SafeExpiry(c, r.call.Env.Now())}
}

// hasToken reports whether a valid token is saved.
func (r *hostRequest) hasToken(ctx context.Context) bool {
	session, err := r.open(ctx)
	if err != nil {
		return false
	}
	t, err := session.Saved(ctx)
	return err == nil && t != nil && cache.UsableAt(t.Credential(session.Kind()), r.call.Env.Now(), 0)
}

// renew refreshes the saved token if it is the one that a server rejected. The login is kept:
// only its authorization server can end it.
func (r *hostRequest) renew(ctx context.Context, rejected func(oauth.Credential) bool) {
	if err := r.renewRejected(ctx, rejected); err != nil {
		r.Log.Info("the rejected token was not refreshed", "reason", err)
	}
}

func (r *hostRequest) renewRejected(ctx context.Context, rejected func(oauth.Credential) bool) error {
	session, err := r.open(ctx)
	if err != nil {
		return err
	}
	t, err := session.Saved(ctx)
	if err != nil || t == nil || !rejected(t.Credential(session.Kind())) {
		return err
	}
	_, _, err = session.Token(ctx, login.Rejection{Rejected: rejected})
	return err
}
