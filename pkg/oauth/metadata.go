package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Metadata is what an authorization server says of itself: RFC 8414 §2 and
// OpenID Connect Discovery 1.0 §3. Fields that nobody here acts on are left
// out.
type Metadata struct {
	Issuer                string   `json:"issuer,omitempty"`
	AuthorizationEndpoint string   `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string   `json:"token_endpoint,omitempty"`
	RevocationEndpoint    string   `json:"revocation_endpoint,omitempty"`
	DeviceEndpoint        string   `json:"device_authorization_endpoint,omitempty"`
	KeysURI               string   `json:"jwks_uri,omitempty"`
	Scopes                []string `json:"scopes_supported,omitempty"`
	Challenges            []string `json:"code_challenge_methods_supported,omitempty"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	IDTokenAlgorithms     []string `json:"id_token_signing_alg_values_supported,omitempty"`
	IssuerInResponse      bool     `json:"authorization_response_iss_parameter_supported,omitempty"` // RFC 9207
	RequiresPushed        bool     `json:"require_pushed_authorization_requests,omitempty"`          // RFC 9126

	// What Flyte's servers say beside that, and other documents do not hold.
	ClientID  string `json:"flyte_client_id,omitempty"`  // the client that people's programs are
	HeaderKey string `json:"flyte_header_key,omitempty"` // the header that takes the token; empty: Authorization
	Plaintext bool   `json:"flyte_plaintext,omitempty"`  // what named the endpoints is not https either, so they need not be
}

// Discover returns the server's metadata, from the server itself where the
// client names an Issuer. Every endpoint in it is https, or on loopback.
func (c *Client) Discover(ctx context.Context) (*Metadata, error) {
	if c.Server != nil {
		return c.Server, c.Server.check(c.Grant)
	}
	if c.Issuer == "" {
		m := c.configured()
		return m, m.check(c.Grant)
	}
	if err := checkURL("issuer", c.Issuer); err != nil {
		return nil, err
	}
	var first *noMetadata
	for _, u := range wellKnown(c.Issuer) {
		m, err := c.metadata(ctx, u)
		if err == nil {
			return m, nil
		}
		var none *noMetadata
		if !errors.As(err, &none) {
			return nil, err
		}
		first = cmp.Or(first, none)
	}
	if first.page {
		return nil, temporary("%s publishes no metadata (is it the issuer?): %s", c.Issuer, first.words)
	}
	return nil, &ConfigError{Setting: "issuer", Problem: c.Issuer + " publishes no metadata: " + first.words}
}

// noMetadata means that the metadata may stand elsewhere.
type noMetadata struct {
	words string
	page  bool // something answered, and perhaps not the server
}

func (e *noMetadata) Error() string { return e.words }

// metadata reads one well-known document. A [noMetadata] means that there is none.
func (c *Client) metadata(ctx context.Context, address string) (*Metadata, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, body, err := c.fetch(req, metadataTimeout, sameHost)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return nil, temporary("%s answered %s when asked for its metadata", req.URL.Host, status(resp))
	case elsewhere(resp) != "":
		return nil, temporary("%s sends us to %s (a captive portal?)", req.URL.Host, elsewhere(resp))
	case resp.StatusCode != http.StatusOK:
		return nil, &noMetadata{words: req.URL.Host + " answered " + status(resp)}
	case !isJSON(resp):
		return nil, &noMetadata{req.URL.Host + " answered with " + contentType(resp) + " where JSON was due", true}
	}
	m := &Metadata{}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, temporary("the metadata of %s cannot be read", req.URL.Host)
	}
	m.ClientID, m.HeaderKey, m.Plaintext = "", "", false // only Flyte says that
	if m.Issuer == "" {
		return nil, &ConfigError{Setting: "issuer", Problem: c.Issuer + " publishes metadata that name no issuer"}
	}
	if m.Issuer != c.Issuer {
		return nil, &ConfigError{Setting: "issuer", Problem: fmt.Sprintf("%s calls itself %s: the issuer must be written as the server writes it", c.Issuer, Printable(m.Issuer))}
	}
	return m, m.check(c.Grant)
}

// wellKnown lists where an issuer's metadata may stand: OpenID Connect
// Discovery 1.0 §4 appends, RFC 8414 §3.1 inserts.
func wellKnown(issuer string) []string {
	const openid, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	u, _ := url.Parse(issuer) // checked before
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	root := u.Scheme + "://" + u.Host
	if path == "" {
		return []string{root + openid, root + oauth}
	}
	return []string{root + path + openid, root + oauth + path, root + openid + path, root + path + oauth}
}

// sameHost allows metadata to be redirected three times, within its own host
// and not out of https.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > 3 || req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// elsewhere is the other host that an answer redirects to, or empty.
func elsewhere(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil || resp.StatusCode/100 != 3 || to.Host == resp.Request.URL.Host {
		return ""
	}
	return Printable(to.Host)
}

// check refuses what must not be opened or sent a code (RFC 8414 §2, RFC 9700
// §4.4), and a server that lacks what the grant needs. One that lists its
// challenge methods must list S256.
func (m *Metadata) check(g Grant) error {
	for _, e := range []struct {
		setting, address, missing string
		needed                    bool
	}{
		{"auth-endpoint", m.AuthorizationEndpoint, "there is no authorization endpoint", g.redirects()},
		{"token-endpoint", m.TokenEndpoint, "there is no token endpoint", true},
		{"revocation-endpoint", m.RevocationEndpoint, "", false},
		{"device-endpoint", m.DeviceEndpoint, "", false},
		{"grant", m.DeviceEndpoint, "the server has no device endpoint (RFC 8628): log in with another grant", g == GrantDevice},
		{"issuer", m.KeysURI, "", false},
	} {
		if e.address == "" && e.needed {
			return &ConfigError{Setting: e.setting, Problem: e.missing}
		}
		address := e.address
		if rest, plain := strings.CutPrefix(address, "http://"); plain && m.Plaintext {
			address = "https://" + rest
		}
		if err := checkURL(e.setting, address); address != "" && err != nil {
			return err
		}
	}
	if !g.redirects() {
		return nil
	}
	if len(m.Challenges) > 0 && !slices.Contains(m.Challenges, "S256") {
		return &ConfigError{Setting: "issuer", Problem: "the server does not offer PKCE with S256, without which a login is not safe"}
	}
	if m.RequiresPushed {
		return &ConfigError{Setting: "issuer", Problem: "the server requires pushed authorization requests (RFC 9126), which are not supported"}
	}
	return nil
}

// checkURL demands an absolute https URL without user and fragment, or an http
// one on loopback.
func checkURL(setting, address string) error {
	u, err := url.Parse(address)
	if err == nil && u.User != nil {
		return &ConfigError{Setting: setting, Problem: "a URL to ask for tokens must not carry a user or a password"}
	}
	if err != nil || u.Host == "" || u.Fragment != "" || u.Opaque != "" {
		return &ConfigError{Setting: setting, Problem: fmt.Sprintf("%q is not a URL to ask for tokens", Printable(address))}
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return nil
	}
	return &ConfigError{Setting: setting, Problem: fmt.Sprintf("%s must be https", Printable(address))}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func isJSON(resp *http.Response) bool {
	t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}

func contentType(resp *http.Response) string {
	t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil || t == "":
		return "something"
	case t == "text/html":
		return "HTML (a captive portal, or a proxy?)"
	}
	return Printable(t)
}

func status(resp *http.Response) string {
	return fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
}
