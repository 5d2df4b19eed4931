package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reply is a token endpoint's answer (RFC 6749 §5.1, OpenID Connect Core
// §3.1.3.3). A field that could not be read is empty.
type reply struct {
	accessToken, refreshToken, idToken Secret
	scopes                             []string
	lifetime                           time.Duration // 0: not said
	asked, answered                    time.Time
	offset                             time.Duration // of the server's clock
}

// post sends a form to a token endpoint, once: no redirects, no second try.
// It is the only way here to spend a code or a refresh token.
func (c *Client) post(ctx context.Context, m *Metadata, form url.Values) (*reply, error) {
	asked := c.now()
	resp, body, err := c.send(ctx, m, m.TokenEndpoint, form, requestTimeout)
	if err != nil {
		return nil, err
	}
	answered, host := c.now(), resp.Request.URL.Host
	fields, err := decodeAnswer(resp, body, asked)
	if err != nil {
		return nil, err
	}
	r := &reply{
		accessToken:  Secret(text(fields["access_token"])),
		refreshToken: Secret(text(fields["refresh_token"])),
		idToken:      Secret(text(fields["id_token"])),
		scopes:       strings.Fields(text(fields["scope"])),
		lifetime:     seconds(fields["expires_in"]),
		asked:        asked,
		answered:     answered,
		offset:       Offset(resp, answered),
	}
	switch kind := text(fields["token_type"]); {
	case resp.StatusCode/100 != 2 || r.accessToken == "":
		return nil, temporary("%s answered %s without a token", host, status(resp))
	case kind != "" && !strings.EqualFold(kind, "Bearer"):
		return nil, &Error{Code: "token_type " + Printable(kind), Description: "only bearer tokens can be handed on (RFC 6750)", Host: host}
	}
	return r, nil
}

// decodeAnswer reads the JSON of an answer to what was asked then, or the error
// that it is.
func decodeAnswer(resp *http.Response, body []byte, asked time.Time) (map[string]json.RawMessage, error) {
	host := resp.Request.URL.Host
	if after, ok := retryAfter(resp, asked); ok {
		return nil, &TemporaryError{Err: fmt.Errorf("%s answered %s", host, status(resp)), after: after}
	}
	if !isJSON(resp) {
		if resp.StatusCode >= 500 {
			return nil, temporary("%s answered %s", host, status(resp))
		}
		return nil, temporary("%s answered %s with %s where JSON was due", host, status(resp), contentType(resp))
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return nil, temporary("%s answered %s with broken JSON", host, status(resp))
	}
	if code := text(fields["error"]); code != "" && resp.StatusCode/100 != 3 { // a redirect refuses nothing
		return nil, refused(resp, code, fields)
	}
	return fields, nil
}

// basic reports whether the client's secret goes into a header. What people log
// in with has it in the form, as flytekit has, and a machine in the header;
// unless the server lists the other only.
func (c *Client) basic(m *Metadata, machine bool) bool {
	header := slices.Contains(m.TokenAuthMethods, "client_secret_basic")
	form := slices.Contains(m.TokenAuthMethods, "client_secret_post")
	return c.ClientSecret != "" && (header && !form || machine && !(form && !header))
}

// send posts a form with the client's credentials: RFC 6749 §2.3.1.
func (c *Client) send(ctx context.Context, m *Metadata, endpoint string, form url.Values, limit time.Duration) (*http.Response, []byte, error) {
	form = maps.Clone(form) // it may go on to another process
	machine := form.Get("grant_type") == machineGrant
	basic := c.basic(m, machine)
	if !basic {
		form.Set("client_id", c.id(m))
	}
	if c.ClientSecret != "" && !basic {
		form.Set("client_secret", c.ClientSecret.Reveal())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, nil, err
	}
	req.GetBody = nil // what cannot be read again cannot be sent again
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if machine {
		req.Header.Set("Cache-Control", "no-cache")
	}
	if basic {
		req.SetBasicAuth(url.QueryEscape(c.id(m)), url.QueryEscape(c.ClientSecret.Reveal()))
	}
	return c.fetch(req, limit, nil)
}

// refused is the error that a JSON answer names. A server in trouble (5xx, 429)
// has not refused anything.
func refused(resp *http.Response, code string, fields map[string]json.RawMessage) error {
	err := refusal(resp.Request.URL.Host, code, text(fields["error_description"]), text(fields["error_uri"]))
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return &TemporaryError{Err: err}
	}
	return err
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3) of an answer by which a server
// says that it did nothing.
func retryAfter(resp *http.Response, now time.Time) (time.Duration, bool) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	said := resp.Header.Get("Retry-After")
	if n, err := strconv.ParseUint(said, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}

// text reads a JSON string; anything else counts as absent.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// seconds reads expires_in, which servers send as a number, a fraction or a
// string: 0 if absent, unreadable or not positive, ten years at the most.
func seconds(raw json.RawMessage) time.Duration {
	const most = 10 * 365 * 24 * 3600
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || !(n > 0) { // NaN is not positive either
		return 0
	}
	return time.Duration(min(n, most) * float64(time.Second))
}

// token turns an answer into a Token of the server m, without its ID token.
func (r *reply) token(m *Metadata, scopes []string) *Token {
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
		Server:       *m,
	}
}
