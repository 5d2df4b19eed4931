package oauth

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"
	"time"
)

// Login logs a user in, as Grant says: through the browser, by the authorization code
// grant with PKCE (RFC 8252, RFC 7636), or with a device code (RFC 8628). Every failure
// but that of ctx is an [Error].
func (c *Client) Login(ctx context.Context) (*Token, error) {
	login, err := c.PrepareLogin(ctx, Auto)
	if err != nil {
		return nil, err
	}
	return login(ctx, func(ctx context.Context, r *TokenRequest) (*Token, error) { return c.Redeem(ctx, r, nil, Journal{}) })
}

// PreparedLogin is the part of a login that the user sees. It hands the code to redeem,
// once; a device code, at each poll. The [Error] of a login that showed something is
// marked as Shown.
type PreparedLogin func(ctx context.Context, redeem Redeemer) (*Token, error)

// PrepareLogin asks the server all that a login needs to know before a browser opens.
// want is the kind of credential that the caller needs: without keys, a login goes on only
// if that is the access token.
func (c *Client) PrepareLogin(ctx context.Context, want Kind) (PreparedLogin, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	r, err := parseRedirect(c.RedirectURI)
	if err != nil {
		return nil, err
	}
	if err := c.reachable(ctx, r); err != nil {
		return nil, err
	}
	m, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := c.verifier().keysFor(ctx, m, c.scopes(m), want)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, redeem Redeemer) (*Token, error) {
		return newLoginFlow(c, m, keys, c.RedirectURI, redeem).run(ctx, r)
	}, nil
}

// run gets what the user needs to see and waits for the outcome.
func (a *loginFlow) run(ctx context.Context, r *redirect) (*Token, error) {
	c := a.client
	if err := a.addDevice(ctx); err != nil {
		return nil, err
	}
	switch {
	case c.Grant == GrantDevice:
		a.redirectURI = ""
		return a.wait(ctx, "")
	case !c.listens(r):
		return a.paste(ctx)
	}
	b, err := r.bind(ctx, c)
	if err != nil {
		return nil, err
	}
	defer b.release()
	if r.loopback() { // any other is sent as it is written
		a.redirectURI = r.withPort(b.port)
	}
	return a.receive(ctx, r, b)
}

// listens reports whether the browser ends at a listener of this process. If not, the
// user pastes the address at which it ends.
func (c *Client) listens(r *redirect) bool { return r.loopback() || c.Listen != "" }

// reachable refuses a login that cannot succeed on this machine, before any request to the
// server.
func (c *Client) reachable(ctx context.Context, r *redirect) error {
	switch {
	case c.Grant == GrantClientCredentials:
		return ConfigError("grant", "the client credentials grant has no login")
	case c.Open == nil && !c.tells():
		return ConfigError("grant", "there is neither a terminal to show the login at nor a browser")
	case c.Grant == GrantDevice || !c.listens(r):
		return nil
	}
	return r.free(ctx, c)
}

// tells reports whether a text can be shown to the user outside of a browser.
func (c *Client) tells() bool { return c.Prompt != nil || c.Notify != nil }

// tell shows a text at the terminal or, if there is none, by Notify.
func (c *Client) tell(text string) {
	switch {
	case c.Prompt != nil:
		c.Prompt.Show(text)
	case c.Notify != nil:
		c.Notify(text)
	}
}

// addDevice gets a device code if the grant asks for one. It also gets one, if it can, if
// no browser opens here.
func (a *loginFlow) addDevice(ctx context.Context) (err error) {
	c := a.client
	switch {
	case c.Grant == GrantDevice && c.Confirm != "":
		return ConfigError("grant", "the servers of a login with a device code cannot be confirmed in the browser")
	case c.Grant == GrantDevice:
		a.device, err = c.wire().requestDevice(ctx, a.server)
		return err
	case c.Open == nil && c.tells():
		return a.tryDevice(ctx)
	}
	return nil
}

// tryDevice gets a device code for a login that goes on without one if there is none.
func (a *loginFlow) tryDevice(ctx context.Context) (err error) {
	c := a.client
	if c.Grant == GrantBrowser || a.server.DeviceEndpoint == "" || c.Confirm != "" {
		return nil
	}
	if a.device, err = c.wire().requestDevice(ctx, a.server); err != nil && ctx.Err() == nil {
		c.tell("There is no device code to log in with (" + err.Error() + ").\n")
		return nil
	}
	return err
}

// receive waits for the browser at the listeners, and for what is pasted.
func (a *loginFlow) receive(ctx context.Context, r *redirect, b *binding) (*Token, error) {
	c := a.client
	l := a.listener(ctx, c.endpoint(a.server), r, b.port)
	address, err := a.url() // sets what an answer is compared with
	if err != nil {
		return nil, err
	}
	address = l.confirmFirst(address)
	l.serve(b.listeners)
	t, err := a.wait(ctx, address)
	l.close(ctx)
	return t, err
}

// paste waits for what is pasted only: the redirect URI leads elsewhere.
func (a *loginFlow) paste(ctx context.Context) (*Token, error) {
	c := a.client
	switch {
	case c.Prompt == nil:
		return nil, ConfigError("redirect-uri", "the redirect URI leads to another machine, and there is no terminal to paste the answer at")
	case c.Confirm != "": // this login has no page of its own
		return nil, ConfigError("redirect-uri", "the redirect URI leads to another machine, so the servers of this login cannot be confirmed in the browser")
	}
	address, err := a.url()
	if err != nil {
		return nil, err
	}
	return a.wait(ctx, address)
}

// wait shows the user the address to go to and waits until the login has an outcome, ctx
// ends, or the user's time is over.
func (a *loginFlow) wait(ctx context.Context, address string) (*Token, error) {
	c := a.client
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unshown := a.show(ctx, address)
	if unshown != nil {
		a.fail(unshown)
	}
	if c.Prompt != nil && address != "" {
		go a.readPasted(ctx)
	}
	if a.device != nil {
		go a.poll(ctx)
	}
	limit, end := a.limit()
	select {
	case <-a.done:
	case <-ctx.Done():
		a.fail(context.Cause(ctx))
	case <-deadline(ctx, c.now, end):
		a.fail(a.unanswered(limit))
	}
	if errors.Is(a.err, unshown) {
		return a.token, a.err
	}
	return a.token, shown(a.err)
}

// show shows the user where to log in: in the browser, at the terminal, or both. If there
// is no terminal, Notify gets a device code, and the address that no browser opened.
func (a *loginFlow) show(ctx context.Context, address string) error {
	c := a.client
	shown := c.Prompt != nil || a.device != nil || c.Open == nil
	if shown {
		c.tell(a.invitation(address, c.Open != nil))
	}
	if c.Open == nil || a.device != nil && c.Prompt != nil {
		return nil
	}
	target := address
	if a.device != nil {
		target = a.device.link()
	}
	err := c.Open(ctx, target)
	switch {
	case err == nil:
		return nil
	case !c.tells():
		return &Error{Class: ClassInvalid, Problem: "the browser does not open: " + Printable(err.Error()), Err: err}
	case shown:
		c.tell("The browser does not open (" + Printable(err.Error()) + "): open the address above yourself.\n")
		return nil
	}
	c.tell("The browser does not open (" + Printable(err.Error()) + ").\n")
	if err := a.tryDevice(ctx); err != nil {
		return err
	}
	c.tell(a.invitation(address, false))
	return nil
}

// limit returns how long the user has, and until when.
func (a *loginFlow) limit() (time.Duration, time.Time) {
	c := a.client
	if d := a.device; d != nil {
		return d.lifetime, d.end
	}
	return c.loginTimeout(), c.now().Round(0).Add(c.loginTimeout())
}

// deadline closes the channel that it returns at end. It goes by the wall clock, so the
// time of a suspended machine counts.
func deadline(ctx context.Context, now func() time.Time, end time.Time) <-chan struct{} {
	over := make(chan struct{})
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for now().Round(0).Before(end) {
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
func (a *loginFlow) readPasted(ctx context.Context) {
	c := a.client
	for {
		line, err := c.Prompt.ReadLine(ctx)
		if err != nil {
			return
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := a.answer(ctx, pasted(line), false); !errors.Is(err, errUnmatched) {
			return
		}
		c.Prompt.Show("That is not the address this login ends at. Paste the whole address, with all that follows the question mark:\n")
	}
}

// pasted finds the parameters in an address, or in its query alone. Some servers put them
// into the fragment, which a browser does not send (OAuth 2.0 Multiple Response Type Encoding
// Practices §2.1).
func pasted(line string) url.Values {
	line, fragment, _ := strings.Cut(line, "#")
	if q := parseAnswer(fragment); q.Has("state") {
		return q
	}
	if _, query, found := strings.Cut(line, "?"); found {
		line = query
	}
	return parseAnswer(line)
}

// endpoint is the name of the service that is shown to the user.
func (c *Client) endpoint(m *Metadata) string {
	if c.Endpoint != "" {
		return c.Endpoint
	}
	u, _ := url.Parse(cmp.Or(m.AuthorizationEndpoint, m.TokenEndpoint)) // checked by Discover
	return u.Host
}
