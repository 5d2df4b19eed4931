package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/oauth2"
)

// attempt is one login: what is drawn anew for it, and its one outcome.
type attempt struct {
	client      *Client
	server      *Metadata
	keys        json.RawMessage
	spend       Spender
	redirectURI string
	state       string
	nonce       string
	verifier    string
	query       url.Values // of the authorization request
	device      *device    // nil: there is no device code to log in with

	alien atomic.Pointer[Error] // the last that came without our state

	turn    sync.Mutex    // held by who spends a code or ends the login
	done    chan struct{} // closed when what follows is there
	browser bool          // the answer came through the browser: it waits for a page
	token   *Token
	err     error
}

func (c *Client) attempt(m *Metadata, keys json.RawMessage, redirectURI string, spend Spender) *attempt {
	return &attempt{
		client: c, server: m, keys: keys, redirectURI: redirectURI, spend: spend,
		state: rand.Text() + rand.Text(), nonce: rand.Text() + rand.Text(),
		verifier: oauth2.GenerateVerifier(), done: make(chan struct{}),
	}
}

// url is the authorization request: RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID
// Connect Core §3.1.2.1.
func (a *attempt) url() (string, error) {
	c := a.client
	config := oauth2.Config{
		ClientID: c.id(a.server), Scopes: c.scopes(a.server), RedirectURL: a.redirectURI,
		Endpoint: oauth2.Endpoint{AuthURL: a.server.AuthorizationEndpoint},
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier)}
	set := func(name, value string) {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	if slices.Contains(config.Scopes, "openid") {
		set("nonce", a.nonce)
	}
	set("audience", c.Audience)
	set("login_hint", c.Account)
	for name, value := range c.AuthParams {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	u, err := url.Parse(config.AuthCodeURL(a.state, options...))
	if err != nil {
		return "", err
	}
	a.query = u.Query()
	for _, r := range c.Resource {
		a.query.Add("resource", r)
	}
	u.RawQuery = a.query.Encode()
	return u.String(), nil
}

// errStray is an answer that does not belong to this login. Whoever sent it
// learns no more than that, and the login goes on.
var errStray = errors.New("this is not the answer to the login that is under way")

// answer takes what came to the redirect URI (RFC 6749 §4.1.2). The first that
// carries our state ends the login, by an exchange where it brings a code;
// every later one gets the same outcome. It returns errStray for all others.
func (a *attempt) answer(ctx context.Context, q url.Values, browser bool) error {
	if len(q["state"]) != 1 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(a.state)) != 1 {
		if q.Get("error") != "" { // a server may have lost it: what it says is told if no answer comes
			a.alien.Store(newError("somebody", q.Get("error"), described(q), q.Get("error_uri")))
		}
		return errStray
	}
	a.settle(func() (*Token, error) {
		a.browser = browser
		return a.outcome(ctx, q)
	})
	return a.err
}

// errOpen is the outcome of what did not end the login.
var errOpen = errors.New("the login goes on")

// settle ends the login with what outcome returns, unless it is over by then. An
// exchange or a poll that is under way comes first, and its outcome stands: of
// two codes only one is spent.
func (a *attempt) settle(outcome func() (*Token, error)) {
	a.turn.Lock()
	defer a.turn.Unlock()
	select {
	case <-a.done:
		return
	default:
	}
	t, err := outcome()
	if errors.Is(err, errOpen) {
		return
	}
	a.token, a.err = t, err
	close(a.done)
}

// fail ends the login without an answer.
func (a *attempt) fail(err error) {
	a.settle(func() (*Token, error) { return nil, err })
}

func (a *attempt) outcome(ctx context.Context, q url.Values) (*Token, error) {
	u, _ := url.Parse(a.server.AuthorizationEndpoint) // checked by Discover
	iss, announced := q["iss"], a.server.IssuerInResponse
	switch {
	case a.server.Issuer != "" && (announced || len(iss) > 0) && !slices.Equal(iss, []string{a.server.Issuer}):
		return nil, errors.New("the answer to the login came from another issuer than " + a.server.Issuer + " (RFC 9207)")
	case q.Get("error") != "":
		return nil, refusal(u.Host, q.Get("error"), described(q), q.Get("error_uri"))
	case len(q["code"]) != 1 || q.Get("code") == "":
		return nil, errors.New(u.Host + " answered the login without a code")
	}
	return a.exchange(ctx, q.Get("code"))
}

// described is what an answer says of its error, with the hint that older servers of
// Ory's give beside it.
func described(q url.Values) string {
	return q.Get("error_description") + " " + q.Get("error_hint")
}

// exchange spends the code (RFC 6749 §4.1.3), once.
func (a *attempt) exchange(ctx context.Context, code string) (*Token, error) {
	form := url.Values{}
	if a.client.AuthParamsInTokenRequest {
		for name, values := range a.query {
			form[name] = slices.Clone(values)
		}
		form.Del("resource") // extend adds it
	}
	form.Set("grant_type", "authorization_code")
	form.Set("code", code)
	form.Set("code_verifier", a.verifier)
	form.Set("redirect_uri", a.redirectURI)
	a.client.extend(form, a.client.TokenParams)
	return a.spend(ctx, &Spending{Server: *a.server, Form: form, Keys: a.keys, Nonce: a.query.Get("nonce"), Scopes: a.client.scopes(a.server)})
}
