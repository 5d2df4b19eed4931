package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// TokenRequest is a request to a token endpoint that uses up what a server gives only
// once: a code, a device code or a refresh token. It contains all that the request
// needs except the client, so that another process can send it, and so it marshals
// with its secrets.
type TokenRequest struct {
	Server Metadata        `json:"server"`
	Form   url.Values      `json:"form"`            // without the client's credentials
	Keys   json.RawMessage `json:"keys,omitempty"`  // the server's JWKS; empty: not fetched
	Nonce  string          `json:"nonce,omitempty"` // that the ID token must have
	Scopes []string        `json:"scopes,omitempty"`
}

// Redeemer sends a [TokenRequest] and returns what the server gave for it.
type Redeemer func(context.Context, *TokenRequest) (*Token, error)

// Refreshes reports whether r sends a refresh token.
func (r *TokenRequest) Refreshes() bool { return r.Form.Get("grant_type") == refreshGrant }

// repeatable reports whether r may be sent again: it is a refresh, or it has the
// client's own credentials, which are not used up.
func (r *TokenRequest) repeatable() bool {
	return r.Refreshes() || r.Form.Get("grant_type") == machineGrant
}

// wantsID reports whether the request asked for an ID token.
func (r *TokenRequest) wantsID() bool { return slices.Contains(r.Scopes, "openid") }

// longestPause is how long a request waits if the server says when to ask again.
const longestPause = 10 * time.Second

// Journal gets what must not be lost if the process is killed while it redeems a value. Each
// function may be nil.
type Journal struct {
	// Sending is called when the server has been reached, just before the request is sent, and
	// again if it is sent again. If it returns an error, the request is not sent, and that is
	// the error of [Client.Redeem].
	Sending func() error
	// Save is called with the new set before its ID token is verified, so that nothing that was
	// paid for is lost to an ID token that cannot be accepted. The caller saves the set that
	// [Client.Redeem] returns in its place.
	Save func(*Token)
}

// Redeem sends r once. old is the set that a refresh renews; nil for other requests.
//
// An ID token that is not accepted does not fail the request: the set then has an
// IDFault. Two things do: an ID token of another user in answer to a refresh (OpenID
// Connect Core §12.2), which ends the saved login, and one that belongs to another login
// (wrong nonce, at_hash or iss) in answer to a code.
func (c *Client) Redeem(ctx context.Context, r *TokenRequest, old *Token, j Journal) (*Token, error) {
	reply, err := r.send(ctx, wire{c, j.Sending})
	if err != nil {
		if r.Refreshes() {
			err = refreshFailure(err)
		}
		return nil, err
	}
	t := reply.token(r.Scopes)
	if r.Refreshes() && old != nil {
		t.inherit(old)
	}
	if reply.unusable != nil {
		return nil, reply.keepRefreshToken(t, old, j.Save)
	}
	if reply.idToken == "" || !r.wantsID() && r.repeatable() && !old.hadID() {
		return t, nil
	}
	if err := c.verifier().checkUnverified(t, reply, r, old); err != nil {
		return nil, err
	}
	if j.Save != nil {
		unverified := *t
		unverified.IDFault = IDFault{Reason: "the process that verified the ID token was interrupted", Retry: true}
		j.Save(&unverified)
	}
	c.verifier().addIDToken(ctx, t, reply, r)
	return t, nil
}

// send sends the request. A code is never sent twice. A repeatable request is sent once
// more in three cases: the server did nothing and says when to ask again; the answer broke
// off, and many servers accept a replaced refresh token for a moment longer; flyteadmin
// answered as it does for a dead refresh token.
func (r *TokenRequest) send(ctx context.Context, c wire) (*reply, error) {
	answer, err := c.post(ctx, r)
	if err == nil || !r.repeatable() {
		return answer, err
	}
	e := AsError(err)
	switch {
	case e == nil:
		return nil, err
	case r.deadAtFlyteadmin(e):
		if answer, err = c.post(ctx, r); err != nil && r.deadAtFlyteadmin(AsError(err)) {
			return nil, &Error{Class: ClassRefused, Host: e.Host, Code: "invalid_grant", Description: "flyteadmin's way is HTTP 500, twice"}
		}
		return answer, err
	case e.cut:
		return c.post(ctx, r)
	case e.RetryAfter > longestPause:
		later := *e
		later.Problem = fmt.Sprintf("%s, and to ask again in %s", e.Error(), e.RetryAfter)
		return nil, &later
	case e.RetryAfter > 0:
		select {
		case <-c.after(e.RetryAfter):
			return c.post(ctx, r)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return nil, err
}

// deadAtFlyteadmin reports whether e is how the authorization server that is a part of
// flyteadmin refuses a refresh token: HTTP 500 and server_error, where RFC 6749 §5.2 has
// 400 and invalid_grant.
func (r *TokenRequest) deadAtFlyteadmin(e *Error) bool {
	u, err := url.Parse(r.Server.TokenEndpoint)
	return e != nil && e.status == http.StatusInternalServerError && e.Code == "server_error" && r.Refreshes() && err == nil &&
		strings.HasSuffix(u.Path, "/oauth2/token") && strings.Count(r.Form.Get("refresh_token"), ".") == 2
}

// reply is a token endpoint's answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). A
// member that could not be read is empty.
type reply struct {
	accessToken, refreshToken, idToken Secret
	scopes                             []string
	lifetime                           time.Duration // 0: not said
	asked, answered                    time.Time
	offset                             time.Duration // of the server's clock
	clean                              func(string) string
	server                             Metadata
	unusable                           *Error // why the access token cannot be handed on; nil: it can
}

// post sends the request once: no redirects, no second try of what a server has read. It is
// the only place that spends a code or a refresh token.
func (c wire) post(ctx context.Context, r *TokenRequest) (*reply, error) {
	asked := c.now()
	ctx, cancel := c.tokenTimeout(ctx, r)
	defer cancel()
	server, resp, body, err := c.sendToken(ctx, r)
	if err != nil {
		return nil, err
	}
	a, err := newAnswer(resp, body, append(sentValues(r.Form), c.ClientSecret.Reveal()), asked)
	if err != nil {
		return nil, err
	}
	answered := c.now()
	t := &reply{
		accessToken:  Secret(strings.TrimSpace(a.text("access_token"))),
		refreshToken: Secret(strings.TrimSpace(a.text("refresh_token"))),
		idToken:      Secret(strings.TrimSpace(a.text("id_token"))),
		scopes:       slices.DeleteFunc(words(a.fields["scope"]), func(s string) bool { return a.clean(s) != s }),
		lifetime:     seconds(a.fields["expires_in"]),
		asked:        asked,
		answered:     answered,
		offset:       Offset(resp, answered),
		clean:        a.clean,
		server:       server,
	}
	if e := a.failure(); e != nil && t.accessToken == "" {
		return nil, e
	}
	if t.accessToken == "" && t.idToken == "" || resp.StatusCode/100 != 2 {
		return nil, a.temporary("without a token")
	}
	switch kind := strings.TrimSpace(a.text("token_type")); {
	case t.accessToken == "":
	case kind != "" && !strings.EqualFold(kind, "Bearer"):
		t.unusable = &Error{Class: ClassRefused, Host: a.host(), Code: "token_type " + a.clean(kind), Description: "only bearer tokens can be handed on (RFC 6750)"}
	case !t.accessToken.isPrintable():
		t.unusable = invalid("%s sent an access token with characters that no token may have (RFC 6750 §2.1)", a.host())
	}
	return t, nil
}

// tokenTimeout limits the time for one answer to r.
func (c wire) tokenTimeout(ctx context.Context, r *TokenRequest) (context.Context, context.CancelFunc) {
	if r.Form.Get("grant_type") == machineGrant {
		return withTimeout(ctx, machineTimeout)
	}
	return withRunningTime(ctx, cmp.Or(c.tokenTime, defaultTokenTime))
}

// basic reports whether the client's secret goes into a header. If a user logs in, it is
// in the form, as flytekit has it; a machine sends it in the header. In both cases the
// server's metadata win if they list only the other.
func (c wire) basic(m *Metadata, machine bool) bool {
	header, form := m.secretPlaces()
	return c.ClientSecret != "" && (header && !form || machine && !(form && !header))
}

// The places of a client's secret: OpenID Connect Core §9.
const (
	headerMethod = "client_secret_basic"
	formMethod   = "client_secret_post"
)

// secretPlaces reports where the server takes a client's secret, as its metadata say.
func (m *Metadata) secretPlaces() (header, form bool) {
	return slices.Contains(m.TokenAuthMethods, headerMethod), slices.Contains(m.TokenAuthMethods, formMethod)
}

// sendToken sends r. If the server's metadata leave open where the client's secret goes, and the
// server refuses it there, it is sent once more in the other place: some clients are registered
// for one of the two only (Ory Hydra, Okta). The first request has used nothing up, since a
// server looks at the client first. The metadata that it returns name the place.
func (c wire) sendToken(ctx context.Context, r *TokenRequest) (Metadata, *http.Response, []byte, error) {
	m := r.Server
	resp, body, err := c.send(ctx, &m, m.TokenEndpoint, r.Form)
	header, form := m.secretPlaces()
	if err != nil || c.ClientSecret == "" || header != form || !refusesSecret(resp, body) {
		return m, resp, body, err
	}
	m.TokenAuthMethods = []string{headerMethod}
	if c.basic(&r.Server, r.Form.Get("grant_type") == machineGrant) {
		m.TokenAuthMethods = []string{formMethod}
	}
	resp, body, err = c.send(ctx, &m, m.TokenEndpoint, r.Form)
	return m, resp, body, err
}

// refusesSecret reports whether an answer means that the client's secret is wrong or is in the
// wrong place (RFC 6749 §5.2). Spring's old servers have another code beside the header.
func refusesSecret(resp *http.Response, body []byte) bool {
	fields, _ := decodeObject(body) // nil for anything else
	code, _, _ := errorMember(fields)
	scheme, _, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " ")
	return code == "invalid_client" && slices.Contains(refusalStatuses(), resp.StatusCode) ||
		resp.StatusCode == http.StatusUnauthorized && strings.EqualFold(scheme, "Basic")
}

// send posts a form with the client's credentials: RFC 6749 §2.3.1.
func (c wire) send(ctx context.Context, m *Metadata, endpoint string, form url.Values) (*http.Response, []byte, error) {
	form = maps.Clone(form) // it may go on to another process
	machine := form.Get("grant_type") == machineGrant
	basic := c.basic(m, machine)
	if !basic {
		form.Set("client_id", c.id(m))
	}
	if c.ClientSecret != "" && !basic {
		form.Set("client_secret", c.ClientSecret.Reveal())
	}
	encoded := form.Encode()
	content := &body{Reader: strings.NewReader(encoded), sending: c.sending}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, content) // without GetBody: what cannot be read again cannot be sent again
	if err != nil {
		return nil, nil, err
	}
	req.ContentLength = int64(len(encoded))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if machine {
		req.Header.Set("Cache-Control", "no-cache")
	}
	if basic {
		req.SetBasicAuth(url.QueryEscape(c.id(m)), url.QueryEscape(c.ClientSecret.Reveal()))
	}
	resp, answer, err := c.fetch(req, nil)
	if failed := content.failed(); failed != nil {
		return nil, nil, failed
	}
	return resp, answer, err
}

// body is the body of a request. The transport reads it when it has a connection.
type body struct {
	io.Reader
	sending func() error // before the first byte; nil: not called

	mu   sync.Mutex
	read bool
	err  error // of sending
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.read && b.sending != nil {
		b.err = b.sending()
	}
	b.read = true
	if b.err != nil {
		return 0, b.err
	}
	return b.Reader.Read(p)
}

// failed returns the error of sending.
func (b *body) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// token turns an answer into a Token, without its ID token.
func (r *reply) token(scopes []string) *Token {
	if len(r.scopes) > 0 {
		scopes = r.scopes
	}
	return &Token{
		AccessToken:  r.accessToken,
		RefreshToken: r.refreshToken,
		Expiry:       accessExpiry(r.accessToken, r.asked, r.lifetime, r.offset),
		Obtained:     r.asked,
		Renewed:      r.answered,
		Scopes:       scopes,
		Server:       r.server,
	}
}

// keepRefreshToken returns the error of an answer whose access token cannot be handed on.
// If it answers a refresh, its refresh token is saved first: the old one is used up.
func (r *reply) keepRefreshToken(t, old *Token, save func(*Token)) error {
	if old == nil {
		return r.unusable
	}
	kept := *old
	kept.RefreshToken, kept.Renewed = t.RefreshToken, t.Renewed
	if save != nil {
		save(&kept)
	}
	e := *r.unusable
	e.Class = ClassTemporary
	return &e
}

// hadID reports whether the server sent an ID token with t or before. t may be nil.
func (t *Token) hadID() bool { return t != nil && (t.IDToken != "" || t.IDFault.Reason != "") }

// inherit keeps what a refresh did not renew (RFC 6749 §6, OpenID Connect Core §12.2).
func (t *Token) inherit(old *Token) {
	t.IDToken, t.IDExpiry, t.IDObtained = old.IDToken, old.IDExpiry, old.IDObtained
	t.IDFault = IDFault{Reason: old.IDFault.Reason} // a refresh has just brought nothing better
	t.Subject, t.Account = old.Subject, old.Account
	if t.RefreshToken == "" {
		t.RefreshToken = old.RefreshToken
	}
	if t.AccessToken == "" {
		t.AccessToken, t.Expiry = old.AccessToken, old.Expiry
	}
}
