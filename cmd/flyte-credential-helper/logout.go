package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// logout revokes and forgets the login, or every one, in whatever store it is.
func logout(ctx context.Context, c *call, all bool) error {
	var id string
	if !all {
		key, err := c.key()
		if err != nil && (c.nameless || c.undecided != nil) {
			return usage(program+" logout --all", "which login? %v; %s status lists them", err, program)
		}
		if err != nil {
			return err
		}
		id = key.ID()
	}
	stores, failed := cache.List(c.stateDir(), c.keyring())
	n := 0
	for _, s := range stores {
		if all || s.ID == id {
			n++
			failed = errors.Join(failed, c.forget(ctx, s))
		}
	}
	aside, err := cache.DeleteDamaged(c.stateDir(), id)
	failed = errors.Join(failed, err)
	switch {
	case n == 0 && failed != nil:
		return failed
	case n == 0 && aside > 0:
		return c.write([]byte("Deleted what was damaged of a login. Its tokens could not be revoked.\n"))
	case n == 0 && all:
		return c.write([]byte("Nobody is logged in.\n"))
	case n == 0:
		return c.write([]byte("Not logged in to " + c.server() + elsewhere(stores, c.keyOf().Server[0]) + ".\n"))
	}
	return failed
}

// elsewhere tells of logins at the same server that other settings led to.
func elsewhere(stores []*cache.Store, server string) string {
	if slices.ContainsFunc(stores, func(s *cache.Store) bool { return s.Header.Server == server }) {
		return " with these settings: " + program + " status lists the logins there"
	}
	return ""
}

// forget revokes what s keeps and deletes it, whatever the server says.
func (c *call) forget(ctx context.Context, s *cache.Store) error {
	wait, cancel := context.WithTimeoutCause(ctx, c.patience(), cache.ErrBusy)
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
		remaining, err = c.revoke(ctx, s, t)
	case err == nil && s.Kept(): // if not, another process has logged out meanwhile
		err = errors.New("it is damaged, or its key is gone")
	}
	words := "Logged out of " + s.Header.Server + "." + remains(remaining, c.now()) + "\n"
	if err != nil {
		words = "Forgotten here, and not revoked at " + s.Header.Server + ".\n"
		c.note("the login to %s cannot be revoked: %v", s.Header.Server, err)
	}
	if err := s.Delete(ctx); err != nil {
		return err
	}
	return c.write([]byte(words))
}

// remains says until when an access token stays valid that the server does not revoke.
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

// revoke tells the server, in the name of the client that got the token. The
// secret of a client is known only for the login that the settings are about.
func (c *call) revoke(ctx context.Context, s *cache.Store, t *oauth.Token) (*oauth.Remaining, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	if c.clientID != s.Header.Client {
		client.ClientID, client.ClientSecret = s.Header.Client, ""
	}
	return client.Revoke(ctx, t)
}

func (c *call) note(format string, args ...any) {
	c.world.note(c.quiet(c.settings), fmt.Sprintf(format, args...))
}
