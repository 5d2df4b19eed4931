package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/spf13/cobra"
)

// logoutCommand returns the logout command. It works without a configuration file.
func (a *app) logoutCommand() *cobra.Command {
	all := false
	c := a.userCommand("logout", "Log out: revoke the tokens and delete the login")
	c.Example = "logout --profile NAME"
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.run(login.Policy{Auto: oauth.Auto, Command: []string{"logout"}}, needs{flyte: true, tolerate: true}, func(r *config.Resolved, p login.Policy) (int, error) {
			o := &logout{Console: login.NewConsole(r, p, a.env), env: a.env, settings: r, policy: p}
			return 0, o.run(cmd.Context(), all)
		})
	}
	c.Flags().BoolVar(&all, "all", false, "log out of all saved logins")
	return c
}

// logout revokes and deletes logins, in whatever store they are.
type logout struct {
	login.Console
	env      system.Env
	settings *config.Resolved
	policy   login.Policy
}

// run ends the login that the settings name, or all.
func (o *logout) run(ctx context.Context, all bool) error {
	var key cache.Key
	id := ""
	if !all {
		var err error
		key, err = login.Key(o.settings, o.policy, o.env)
		if err != nil && o.settings.NoServer != nil {
			return config.Errorf(config.Command(config.Program, "logout", "--all"), "%v (--all logs out of all saved logins)", err)
		}
		if err != nil {
			return err
		}
		id = key.ID()
	}
	dir := login.StateDir(o.env)
	stores, failed := cache.List(dir, login.Keyring(o.settings, o.policy, o.env))
	n := 0
	for _, s := range stores {
		if all || s.ID == id {
			n++
			failed = errors.Join(failed, o.end(ctx, s))
		}
	}
	damaged, err := cache.DeleteDamaged(dir, id)
	failed = errors.Join(failed, err)
	switch {
	case n == 0 && failed != nil:
		return failed
	case n == 0 && damaged > 0:
		return o.env.Write("Deleted a damaged login. Its tokens could not be revoked.\n")
	case n == 0 && all:
		return o.env.Write("No login is saved.\n")
	case n == 0:
		return o.env.Write("Not logged in to " + o.settings.Server() + otherLogins(stores, key.Server[0]) + "\n")
	}
	return failed
}

// otherLogins ends the sentence "Not logged in to SERVER", and names the logins at the same
// server with other settings.
func otherLogins(stores []*cache.Store, server string) string {
	var others []string
	for _, s := range stores {
		if s.Header.Server == server {
			others = append(others, namedLogin(s.Header))
		}
	}
	if len(others) == 0 {
		return "."
	}
	slices.Sort(others)
	return " with these settings. Saved here: " + strings.Join(slices.Compact(others), "; ") + ". To list the logins, run: " + config.Program + " status"
}

// end revokes the tokens in s and deletes them, whatever the server answers.
func (o *logout) end(ctx context.Context, s *cache.Store) error {
	wait, cancel := context.WithTimeoutCause(ctx, login.Patience(o.settings, o.policy), cache.ErrBusy)
	defer cancel()
	unlock, err := s.Lock(wait)
	if err != nil {
		return err
	}
	defer unlock()
	var remaining *oauth.Remaining
	t, err := s.Load(ctx)
	switch {
	case t != nil:
		remaining, err = login.Revoke(ctx, o.settings, o.policy, o.env, s.Header.Client, t)
	case err == nil && s.Exists(): // otherwise another process has logged out meanwhile
		err = errors.New("it is damaged, or its key is missing")
	}
	if err := s.Delete(ctx); err != nil {
		return err
	}
	switch {
	case err == nil:
		return o.env.Write("Logged out of " + s.Header.Server + "." + remains(remaining, o.env.Now()) + "\n")
	case t == nil, errors.Is(err, oauth.ErrNoRevocation): // another call could not revoke it either
		o.Note("the login to %s cannot be revoked: %v", s.Header.Server, err)
		return o.env.Write("Deleted the login to " + s.Header.Server + " on this machine. It was not revoked at the server.\n")
	}
	return &notRevokedError{s.Header.Server, err}
}

// notRevokedError means that a login was deleted, and that the server was not told.
type notRevokedError struct {
	server string
	err    error
}

func (e *notRevokedError) Error() string {
	return "deleted the login to " + e.server + " on this machine only; the server still accepts its tokens: " + e.err.Error()
}

// remains says until when an access token stays valid if the server does not revoke it.
func remains(r *oauth.Remaining, now time.Time) string {
	switch {
	case r == nil:
		return ""
	case r.Until.IsZero():
		return " The server does not revoke access tokens: the last one stays valid until it expires."
	case !now.Before(r.Until):
		return ""
	}
	return " The server does not revoke access tokens: the last one stays valid until " + local(r.Until) + "."
}

// namedLogin names the flags by which a login differs from others at its server.
func namedLogin(h cache.Header) string {
	words := "no --account"
	if h.Account != "" {
		words = "--account " + oauth.Printable(h.Account)
	}
	if h.Client != "" {
		words += ", --client-id " + oauth.Printable(h.Client)
	}
	return words
}
