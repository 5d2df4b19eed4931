package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Login logs a person in, as Grant says: through their browser, by the
// authorization code grant with PKCE (RFC 8252, RFC 7636), or with a device code
// (RFC 8628). It returns an [Error] where the server or the person says no, and
// a [TemporaryError] where nobody answered in time.
func (c *Client) Login(ctx context.Context) (*Token, error) {
	login, err := c.PrepareLogin(ctx)
	if err != nil {
		return nil, err
	}
	return login(ctx, func(ctx context.Context, s *Spending) (*Token, error) { return c.Spend(ctx, s, nil) })
}

// PrepareLogin asks the server all that a login needs to know, before a
// browser opens, and returns the rest of the login, which has its code spent by
// whomever it is given.
func (c *Client) PrepareLogin(ctx context.Context) (func(context.Context, Spender) (*Token, error), error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	r, err := parseRedirect(c.RedirectURI)
	if err != nil {
		return nil, err
	}
	if err := c.reachable(r); err != nil {
		return nil, err
	}
	m, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := c.keys(ctx, m)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, spend Spender) (*Token, error) {
		a := c.attempt(m, keys, c.RedirectURI, spend)
		if err := c.addDevice(ctx, a); err != nil {
			return nil, err
		}
		switch {
		case c.Grant == GrantDevice:
			a.redirectURI = ""
			return c.wait(ctx, a, "")
		case !r.loopback():
			return c.paste(ctx, a)
		}
		listeners, port, err := r.listen(c.RedirectPorts)
		if err != nil {
			return nil, err
		}
		a.redirectURI = r.withPort(port)
		return c.receive(ctx, a, listeners, port, r.path)
	}, nil
}

// reachable refuses, before the server is asked in vain, a login that nobody can
// answer here.
func (c *Client) reachable(r *redirect) error {
	switch {
	case c.Grant == GrantClientCredentials:
		return &ConfigError{Setting: "grant", Problem: "with client credentials nobody logs in"}
	case c.Grant == GrantDevice && c.Prompt == nil && c.Open == nil:
		return &ConfigError{Setting: "grant", Problem: "there is neither a terminal to show a device code at nor a browser"}
	case c.Grant == GrantDevice:
		return nil
	}
	return r.free(c.RedirectPorts)
}

// addDevice gets a device code where the person may need one: where it is asked
// for, or no browser opens. In the latter case the login does without if need be.
func (c *Client) addDevice(ctx context.Context, a *attempt) error {
	wanted := c.Grant == GrantDevice
	if !wanted && (c.Grant == GrantBrowser || c.Open != nil || c.Prompt == nil || a.server.DeviceEndpoint == "") {
		return nil
	}
	var err error
	a.device, err = c.requestDevice(ctx, a.server)
	if wanted || ctx.Err() != nil {
		return err
	}
	if err != nil {
		c.Prompt.Show("There is no device code to log in with (" + err.Error() + ").\n")
	}
	return nil
}

// receive waits for the browser at the listeners, and for what is pasted.
func (c *Client) receive(ctx context.Context, a *attempt, listeners []net.Listener, port int, path string) (*Token, error) {
	l := a.listener(ctx, c.endpoint(a.server), path, port)
	address, err := a.url() // before anybody can answer
	if err != nil {
		for _, n := range listeners {
			_ = n.Close()
		}
		return nil, err
	}
	l.serve(listeners)
	t, err := c.wait(ctx, a, address)
	l.close(ctx)
	return t, err
}

// paste waits for what is pasted only: the redirect URI leads elsewhere.
func (c *Client) paste(ctx context.Context, a *attempt) (*Token, error) {
	if c.Prompt == nil {
		return nil, &ConfigError{Setting: "redirect-uri", Problem: "the redirect URI leads to another machine, and there is no terminal to paste the answer at"}
	}
	address, err := a.url()
	if err != nil {
		return nil, err
	}
	return c.wait(ctx, a, address)
}

// wait shows the person the address to go to and waits until the login has an outcome,
// ctx ends, or the person's time is over.
func (c *Client) wait(ctx context.Context, a *attempt, address string) (*Token, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.Prompt != nil {
		c.Prompt.Show(c.invitation(a, address))
	}
	if c.Prompt != nil && address != "" {
		go c.readPasted(ctx, a)
	}
	if a.device != nil {
		go a.poll(ctx)
	}
	c.open(ctx, a, address)
	limit, end := c.limit(a)
	select {
	case <-a.done:
	case <-ctx.Done():
		a.fail(context.Cause(ctx))
	case <-c.deadline(ctx, end):
		a.fail(c.nobody(a, limit))
	}
	return a.token, a.err
}

// open opens the browser at address; at a device's where its code cannot be shown.
func (c *Client) open(ctx context.Context, a *attempt, address string) {
	if c.Open == nil || a.device != nil && c.Prompt != nil {
		return
	}
	if a.device != nil {
		address = a.device.link()
	}
	if err := c.Open(ctx, address); err != nil && c.Prompt == nil {
		a.fail(fmt.Errorf("the browser does not open: %w", err))
	} else if err != nil {
		c.Prompt.Show("The browser does not open (" + Printable(err.Error()) + "): open the address above yourself.\n")
	}
}

// limit is how long the person has, and until when.
func (c *Client) limit(a *attempt) (time.Duration, time.Time) {
	if d := a.device; d != nil {
		return d.lifetime, d.end
	}
	return c.loginTimeout(), c.now().Round(0).Add(c.loginTimeout())
}

// deadline closes what it returns at end. It goes by the wall clock, so that a
// lid that was shut counts.
func (c *Client) deadline(ctx context.Context, end time.Time) <-chan struct{} {
	over := make(chan struct{})
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for c.now().Round(0).Before(end) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		close(over)
	}()
	return over
}

// readPasted takes the lines that are typed as answers to the login, until one
// is.
func (c *Client) readPasted(ctx context.Context, a *attempt) {
	for {
		line, err := c.Prompt.ReadLine(ctx)
		if err != nil {
			return
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := a.answer(ctx, pasted(line), false); !errors.Is(err, errStray) {
			return
		}
		c.Prompt.Show("That is not the address this login ends at. Paste the whole address, with all that follows the question mark:\n")
	}
}

// pasted finds the parameters in an address, or in its query alone.
func pasted(line string) url.Values {
	if _, query, found := strings.Cut(line, "?"); found {
		line = query
	}
	line, _, _ = strings.Cut(line, "#")
	q, err := url.ParseQuery(line)
	if err != nil {
		return nil
	}
	return q
}

// endpoint is what people call the service they log in to.
func (c *Client) endpoint(m *Metadata) string {
	if c.Endpoint != "" {
		return c.Endpoint
	}
	u, _ := url.Parse(cmp.Or(m.AuthorizationEndpoint, m.TokenEndpoint)) // checked by Discover
	return u.Host
}
