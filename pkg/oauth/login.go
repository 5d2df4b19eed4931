package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Login logs a person in through their browser: the authorization code grant
// with PKCE (RFC 8252, RFC 7636). It returns an [Error] where the server or
// the person says no, and a [TemporaryError] where nobody answered in time.
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
	if err := r.free(c.RedirectPorts); err != nil {
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
		if !r.loopback() {
			return c.paste(ctx, c.attempt(m, keys, c.RedirectURI, spend))
		}
		listeners, port, err := r.listen(c.RedirectPorts)
		if err != nil {
			return nil, err
		}
		return c.receive(ctx, c.attempt(m, keys, r.withPort(port), spend), listeners, port, r.path)
	}, nil
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
		go c.readPasted(ctx, a)
	}
	if c.Open != nil {
		if err := c.Open(ctx, address); err != nil && c.Prompt == nil {
			a.fail(fmt.Errorf("the browser does not open: %w", err))
		} else if err != nil {
			c.Prompt.Show("The browser does not open (" + Printable(err.Error()) + "): open the address above yourself.\n")
		}
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		a.fail(context.Cause(ctx))
	case <-c.deadline(ctx):
		nobody := fmt.Errorf("nobody logged in to %s within %s (if the browser showed an error, see the client's ID and the redirect URI)", c.endpoint(a.server), short(c.loginTimeout()))
		a.fail(&TemporaryError{Err: nobody, Person: true})
	}
	return a.token, a.err
}

// deadline closes what it returns when the person's time is over. It goes by
// the wall clock, so that a lid that was shut counts.
func (c *Client) deadline(ctx context.Context) <-chan struct{} {
	end := c.now().Round(0).Add(c.loginTimeout())
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

func (c *Client) invitation(a *attempt, address string) string {
	where := "Log in to " + c.endpoint(a.server) + " in the browser that opens, within " + short(c.loginTimeout()) + "."
	if c.Open == nil {
		where = "Log in to " + c.endpoint(a.server) + " in a browser, within " + short(c.loginTimeout()) + "."
	}
	last := "If it cannot reach that, paste the address it shows here:"
	if r, err := parseRedirect(a.redirectURI); err == nil && !r.loopback() {
		last = "Paste the address it shows then here:"
	}
	return where + "\n\n  " + address + "\n\nThe browser ends at " + a.redirectURI + ". " + last + "\n"
}

// short writes 2m0s as 2m.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return s
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
	u, _ := url.Parse(m.AuthorizationEndpoint) // checked by Discover
	return u.Host
}
