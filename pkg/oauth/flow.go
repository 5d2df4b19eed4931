package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/oauth2"
)

// loginFlow is one login: its random values and its outcome.
type loginFlow struct {
	client      *Client
	server      *Metadata
	keys        json.RawMessage
	redeem      Redeemer
	redirectURI string
	state       string
	nonce       string
	verifier    string
	query       url.Values // of the authorization request
	device      *device    // nil: there is no device code to log in with

	unmatched atomic.Pointer[string] // what came to the redirect URI and is no answer: the last error without our state, or the first request of another kind

	turn    sync.Mutex    // held while a code is redeemed or the login is ended
	done    chan struct{} // closed when the fields that follow are set
	browser bool          // the answer came through the browser, which waits for a page
	token   *Token
	err     error
}

func newLoginFlow(c *Client, m *Metadata, keys json.RawMessage, redirectURI string, redeem Redeemer) *loginFlow {
	return &loginFlow{
		client: c, server: m, keys: keys, redirectURI: redirectURI, redeem: redeem,
		state: rand.Text() + rand.Text(), nonce: rand.Text() + rand.Text(),
		verifier: oauth2.GenerateVerifier(), done: make(chan struct{}),
	}
}

// url is the authorization request: RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID
// Connect Core §3.1.2.1.
func (a *loginFlow) url() (string, error) {
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

// errUnmatched means that an answer does not belong to this login. Its sender learns no
// more than that, and the login goes on.
var errUnmatched = errors.New("this is not the answer to the login that is under way")

// answer takes what came to the redirect URI (RFC 6749 §4.1.2). The first that
// carries our state ends the login, with an exchange if it has a code. Every later
// one gets the same outcome. It returns errUnmatched for all others.
func (a *loginFlow) answer(ctx context.Context, q url.Values, browser bool) error {
	if len(q["state"]) != 1 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(a.state)) != 1 {
		if q.Get("error") != "" { // a server may have lost it: what it says is told if no answer comes
			e := &Error{Host: "something", Code: a.clean(q.Get("error")), Description: a.clean(described(q)), URI: a.clean(q.Get("error_uri"))}
			words := "an answer arrived that does not belong to this login: " + e.Error()
			a.unmatched.Store(&words)
		}
		return errUnmatched
	}
	a.settle(func() (*Token, error) {
		a.browser = browser
		return a.outcome(ctx, q)
	})
	return a.err
}

// noteMode remembers a request to the redirect URI that could be an answer in another response
// mode than query, which is the one for codes (OAuth 2.0 Multiple Response Type Encoding
// Practices §2.1): form_post makes the browser send a POST, and fragment a GET without a query.
func (a *loginFlow) noteMode(r *http.Request) {
	words := "the browser came to the redirect URI without parameters: does the server send them in the fragment (response_mode)?"
	switch {
	case r.Method == http.MethodPost:
		words = "the browser sent a POST to the redirect URI: does the server answer with response_mode form_post?"
	case r.Method != http.MethodGet || r.URL.RawQuery != "":
		return
	}
	a.unmatched.CompareAndSwap(nil, &words)
}

// errOpen is the outcome of what did not end the login.
var errOpen = errors.New("the login goes on")

// settle ends the login with what outcome returns, unless it is over by then. An
// exchange or a poll that is under way comes first, and its outcome stands: of
// two codes only one is spent.
func (a *loginFlow) settle(outcome func() (*Token, error)) {
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
func (a *loginFlow) fail(err error) {
	a.settle(func() (*Token, error) { return nil, err })
}

// outcome judges an authorization response (RFC 6749 §4.1.2, RFC 9207) and redeems its
// code.
func (a *loginFlow) outcome(ctx context.Context, q url.Values) (*Token, error) {
	u, _ := url.Parse(a.server.AuthorizationEndpoint) // checked by Discover
	iss := q["iss"]
	switch {
	case a.server.Issuer != "" && a.server.IssuerInResponse && len(iss) == 0:
		return nil, invalid("%s announces the parameter iss (RFC 9207), and its answer to the login has none", u.Host)
	case a.server.Issuer != "" && len(iss) > 0 && !slices.Equal(iss, []string{a.server.Issuer}):
		return nil, invalid("the answer to the login came from another issuer than %s (RFC 9207): %s", a.server.Issuer, a.clean(strings.Join(iss, " and ")))
	case q.Get("error") != "":
		return nil, refusal(u.Host, a.clean(q.Get("error")), a.clean(described(q)), a.clean(q.Get("error_uri")))
	case len(q["code"]) != 1 || q.Get("code") == "":
		problem := u.Host + " answered the login without a code"
		if words := a.clean(q.Get("error_message")); words != "" { // Facebook
			problem += ": " + words
		}
		return nil, invalid("%s", problem)
	}
	return a.exchange(ctx, q.Get("code"))
}

// parseAnswer reads the parameters of an authorization response as browsers read a query
// (https://url.spec.whatwg.org/#urlencoded-parsing). Unlike [url.ParseQuery] it takes a text
// with a semicolon or a lone percent sign as it is, since some servers escape neither in an
// error_description. A plus in a code is one: codes in Base64 have it, and some servers do not
// escape it. Others send the address as it is written in HTML, with &amp; between parameters.
func parseAnswer(query string) url.Values {
	q := url.Values{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(strings.TrimPrefix(pair, "amp;"), "=")
		if name != "code" {
			value = strings.ReplaceAll(value, "+", " ")
		}
		if unescaped, err := url.PathUnescape(value); err == nil {
			value = unescaped
		}
		if unescaped, err := url.QueryUnescape(name); err == nil && name != "" {
			q.Add(unescaped, value)
		}
	}
	return q
}

// clean makes the server's text safe to show. It cuts out what the authorization request
// contained, and what was drawn for this login.
func (a *loginFlow) clean(text string) string {
	return cleaner(append(sentValues(a.query), a.state, a.nonce, a.verifier))(text)
}

// described is what an answer says of its error, with the hint that older servers of
// Ory's give beside it.
func described(q url.Values) string {
	return q.Get("error_description") + " " + q.Get("error_hint")
}

// exchange redeems the code (RFC 6749 §4.1.3), once.
func (a *loginFlow) exchange(ctx context.Context, code string) (*Token, error) {
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
	return a.redeem(ctx, &TokenRequest{Server: *a.server, Form: form, Keys: a.keys, Nonce: a.query.Get("nonce"), Scopes: a.client.scopes(a.server)})
}
