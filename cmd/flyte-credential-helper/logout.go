package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// logout revokes and forgets the login, or every one.
func logout(ctx context.Context, c *call, all bool) error {
	if !all {
		key, err := c.key()
		if err != nil {
			return err
		}
		return c.forget(ctx, cache.NewStore(c.stateDir(), c.store, c.keyring(), key))
	}
	stores, err := cache.List(c.stateDir(), c.keyring())
	if err != nil {
		return err
	}
	if len(stores) == 0 {
		return c.write([]byte("Nobody is logged in.\n"))
	}
	var failed error
	for _, s := range stores {
		failed = errors.Join(failed, c.forget(ctx, s))
	}
	return failed
}

// forget revokes what s keeps and deletes it, whatever the server says.
func (c *call) forget(ctx context.Context, s *cache.Store) error {
	unlock, err := s.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	t, err := s.Load(ctx)
	kept := t != nil || err != nil
	if t != nil {
		err = c.revoke(ctx, s, t)
	}
	if err != nil {
		c.note("the login to %s is forgotten here but not revoked: %v", s.Header.Server, err)
	}
	if err := s.Delete(ctx); err != nil {
		return err
	}
	if !kept {
		return c.write([]byte("Not logged in to " + s.Header.Server + ".\n"))
	}
	return c.write([]byte("Logged out of " + s.Header.Server + ".\n"))
}

// revoke tells the server, in the name of the client that got the token. The
// secret of a client is known only for the login that the settings are about.
func (c *call) revoke(ctx context.Context, s *cache.Store, t *oauth.Token) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if c.clientID != s.Header.Client {
		client.ClientID, client.ClientSecret = s.Header.Client, ""
	}
	return client.Revoke(ctx, t)
}

func (c *call) note(format string, args ...any) {
	_, _ = fmt.Fprintf(c.stderr, program+": "+format+"\n", args...)
}
