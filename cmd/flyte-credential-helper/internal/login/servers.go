package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Servers are the parties of a login, for the user to judge.
type Servers struct {
	Endpoint      string // the Flyte endpoint, or empty
	SignIn        string // the authorization endpoint, or that of the device grant
	TokenEndpoint string
	ClientID      string
	Flyte2        bool // the endpoint answers as Flyte 2 only
}

// String returns one line for each party.
func (s *Servers) String() string {
	var b strings.Builder
	for _, row := range [][2]string{{"Flyte endpoint", s.Endpoint}, {"sign-in page", s.SignIn}, {"token endpoint", s.TokenEndpoint}, {"client ID", s.ClientID}} {
		if row[1] != "" {
			value := strings.Join(strings.Fields(row[1]), " ") // spaces could move text to the place of another row
			fmt.Fprintf(&b, "  %-15s %s\n", row[0]+":", oauth.Printable(value))
		}
	}
	return b.String()
}

// Servers asks the servers of the login for its endpoints.
func (s *Session) Servers(ctx context.Context) (*Servers, error) {
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	t, err := c.asked(ctx)
	if err != nil {
		return nil, err
	}
	m, err := c.client(t, user{}).Discover(ctx)
	if err != nil {
		return nil, err
	}
	servers := serversOf(t, m)
	if t.Discovers {
		found, err := c.discover(ctx)
		if err != nil {
			return nil, err
		}
		servers.Flyte2 = found.Flyte2
	}
	return servers, nil
}

func serversOf(t *Target, m *oauth.Metadata) *Servers {
	s := &Servers{Endpoint: t.Settings.Endpoint, SignIn: m.AuthorizationEndpoint, TokenEndpoint: m.TokenEndpoint, ClientID: t.Settings.ClientID}
	if t.Settings.Grant == string(oauth.GrantDevice) {
		s.SignIn = m.DeviceEndpoint
	}
	if s.ClientID == "" {
		s.ClientID = m.ClientID
	}
	return s
}

// pinName is the name of the target's pin.
func (t *Target) pinName() string { return cache.PinName(cache.KeyOf(t.client(clientParts{}))) }

// endpoints are the two that get what a login issues.
func (s *Servers) endpoints() []string { return []string{s.SignIn, s.TokenEndpoint} }

// UnconfirmedError means that the endpoints of a login may belong to different servers.
type UnconfirmedError struct {
	Source string // that named them
	Err    *oauth.SplitError
	Login  []string // the command that accepts both
}

func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("%s may name two servers for one login: %v", e.Source, e.Err)
}

// Unwrap returns the error of the check.
func (e *UnconfirmedError) Unwrap() error { return e.Err }

// review decides whether the servers of a login can be trusted with it.
type review struct {
	session *Session
	target  *Target
	servers *Servers
	pin     []string // the endpoints that the user has accepted; nil: none, or other ones
}

// namedByOthers reports whether a Flyte endpoint or an untrusted source names the
// authorization server.
func namedByOthers(r *config.Resolved) bool {
	return r.Discovers() || r.Untrusted != ""
}

// review looks for the servers among those that the user has accepted: with this command,
// by a pin, or by the saved login old. It returns an error if the user has accepted other
// servers, and has not requested this login.
func (s *Session) review(t *Target, m *oauth.Metadata, old *oauth.Token) (*review, error) {
	r := &review{session: s, target: t, servers: serversOf(t, m)}
	if pins := s.policy.Pins; len(pins) > 0 {
		if !r.accepts(pins) {
			return nil, config.Errorf(config.Hint{}, "--pin names other endpoints than %s, which sends logins to %s and their codes to %s", s.settings.Server(), oauth.Printable(r.servers.SignIn), oauth.Printable(r.servers.TokenEndpoint))
		}
		r.pin = pins
		return r, nil
	}
	var before []string
	known := [][]string{cache.Dir(t.StateDir).Pins()[t.pinName()]}
	if old != nil {
		known = append(known, cache.PinOf(&old.Server))
	}
	for _, pin := range known {
		if r.accepts(pin) {
			r.pin = pin
			return r, nil
		}
		if len(pin) > 0 {
			before = pin
		}
	}
	if before == nil {
		return r, nil
	}
	return r, s.unpinned(differing(before, r.servers.endpoints()))
}

// accepts reports whether a pin has both endpoints.
func (r *review) accepts(pin []string) bool {
	return !slices.ContainsFunc(r.servers.endpoints(), func(endpoint string) bool { return !slices.Contains(pin, endpoint) })
}

// differing returns an endpoint of the pin and one of now that are not in both.
func differing(pin, now []string) (was, is string) {
	without := func(list, other []string) string {
		list = slices.DeleteFunc(slices.Clone(list), func(e string) bool { return slices.Contains(other, e) })
		return strings.Join(list, " and ")
	}
	return without(pin, now), without(now, pin)
}

// oneServer checks that the endpoints belong to one server.
func (r *review) oneServer(ctx context.Context, client *oauth.Client, m *oauth.Metadata) (*oauth.Metadata, error) {
	checked, err := client.OneServer(ctx, m, r.pin)
	var split *oauth.SplitError
	if !errors.As(err, &split) {
		return checked, err
	}
	s := r.session
	p := s.policy
	p.Command = nil // login, whatever this command is
	words := Command(s.settings, p, s.env)
	for _, endpoint := range r.servers.endpoints() {
		words = append(words, "--pin", endpoint)
	}
	source := cmp.Or(s.settings.Endpoint, s.settings.Issuer, "the cluster in the kubeconfig")
	unconfirmed := &UnconfirmedError{Source: source, Err: split, Login: words}
	if p.OneLine {
		return nil, &OneLineError{Err: unconfirmed, Command: words}
	}
	return nil, unconfirmed
}

// prepareLogin prepares a login to t, the target with the servers that were checked. The user
// may have to confirm it, and it is pinned in the end.
func (r *review) prepareLogin(ctx context.Context, c *connection, t *Target, want oauth.Kind) (oauth.PreparedLogin, error) {
	s, question := r.session, r.question()
	atTerminal := question != "" && s.env.Terminal.Usable()
	inBrowser := ""
	switch {
	case question == "" || atTerminal:
	case s.settings.Grant == string(oauth.GrantDevice):
		return nil, r.cannotAsk()
	default:
		inBrowser = question
	}
	login, err := c.client(t, s.user(inBrowser)).PrepareLogin(ctx, want)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, redeem oauth.Redeemer) (*oauth.Token, error) {
		if atTerminal {
			if err := r.ask(ctx, question); err != nil {
				return nil, err
			}
		}
		t, err := login(ctx, redeem)
		if err == nil {
			r.save(ctx, t)
		}
		return t, err
	}, nil
}

// cannotAsk is the error of a login that the user would have to confirm, and cannot.
func (r *review) cannotAsk() error {
	s := r.session
	words := Command(s.settings.With("interactive", "always"), Policy{Explicit: true}, s.env)
	err := &cache.LoginNeededError{Server: s.settings.Server(), Reason: "it sends logins to another domain, and there is no terminal to confirm that at"}
	return &OneLineError{Err: err, Command: words}
}

// question is what the user has to agree to before this login, or empty: a Flyte endpoint
// sends logins to another domain for the first time.
func (r *review) question() string {
	foreign := func(endpoint string) bool {
		return !oauth.SameSite(WithScheme(r.servers.Endpoint), endpoint)
	}
	if !r.target.Discovers || r.pin != nil || r.session.policy.AcceptServers || !slices.ContainsFunc(r.servers.endpoints(), foreign) {
		return ""
	}
	return fmt.Sprintf("%s sends logins to another domain:\n\n%s\n", oauth.Printable(r.servers.Endpoint), r.servers)
}

// ask asks the user at the terminal.
func (r *review) ask(ctx context.Context, question string) error {
	s := r.session
	limit := s.settings.LoginTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &oauth.Error{
		Class: oauth.ClassUnanswered, Shown: true,
		Problem: fmt.Sprintf("the login to %s was not confirmed within %s", s.settings.Server(), limit),
	})
	defer cancel()
	yes, err := AskYesNo(ctx, s.env.Terminal, question+"Log in there? [y/N]\n")
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil || !yes:
		return oauth.NotConfirmed(s.settings.Server())
	}
	return nil
}

// save pins the servers of t, the token of a login that the user has completed. A pin that
// cannot be saved costs one more question.
func (r *review) save(ctx context.Context, t *oauth.Token) {
	if err := cache.Dir(r.target.StateDir).Pin(ctx, r.target.pinName(), cache.PinOf(&t.Server)); err != nil {
		r.session.Log.Debug("cannot save the accepted servers", "reason", err)
	}
}
