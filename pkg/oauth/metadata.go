package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Metadata describes an authorization server: RFC 8414 §2 and OpenID Connect Discovery
// 1.0 §3. Members that have no effect here are left out.
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

	// These come from Flyte's servers only, and never from a metadata document.
	ClientID  string `json:"flyte_client_id,omitempty"`  // the client that users' programs are
	HeaderKey string `json:"flyte_header_key,omitempty"` // the header that takes the token; empty: Authorization
	Plaintext bool   `json:"flyte_plaintext,omitempty"`  // the endpoints need not be https: the Flyte endpoint that named them is not
}

// Discover returns the server's metadata. If the client has an Issuer, it asks the server.
// The authorization and token endpoints in it are https, or on loopback.
func (c *Client) Discover(ctx context.Context) (*Metadata, error) {
	if c.Server != nil {
		return c.Server, c.Server.check(c.Grant)
	}
	if c.Issuer == "" {
		m := configured(c)
		return m, m.checkConfigured(c.Grant)
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
	switch {
	case first.trouble || first.portal:
		return nil, Temporary("%s", first.words)
	case first.page:
		return nil, Temporary("%s publishes no metadata (is it the issuer?): %s", c.Issuer, first.words)
	}
	return nil, ConfigError("issuer", "%s", c.Issuer+" publishes no metadata: "+first.words)
}

// noMetadata means that the metadata may be at another address.
type noMetadata struct {
	words   string
	page    bool // something answered, and perhaps not the server
	portal  bool // another host would have to be asked
	trouble bool // the server failed
}

func (e *noMetadata) Error() string { return e.words }

// metadata reads one well-known document of the client's issuer. A [noMetadata] means that
// there is none.
func (c *Client) metadata(ctx context.Context, address string) (*Metadata, error) {
	m, clean, err := c.document(ctx, address)
	switch {
	case err != nil:
		return nil, err
	case m.Issuer == c.Issuer:
		return m, cleaned(m.check(c.Grant), clean)
	case strings.Contains(m.Issuer, "{tenantid}"): // Entra, for the issuers common, organizations and consumers
		return nil, ConfigError("issuer", "%s is the issuer of many tenants: put your tenant's ID in place of {tenantid} in %s", c.Issuer, clean(m.Issuer))
	}
	problem := c.Issuer + " calls itself " + clean(m.Issuer)
	if strings.HasPrefix(m.Issuer, "http://") && checkURL("issuer", m.Issuer) != nil { // behind a proxy that ends TLS
		return nil, ConfigError("issuer", "%s", problem+": its administrator must configure its public https address")
	}
	return nil, ConfigError("issuer", "%s", problem+": the issuer must be written as the server writes it")
}

// document reads one well-known document, whatever its issuer. clean makes its texts fit
// for people. A [noMetadata] means that there is none.
func (c *Client) document(ctx context.Context, address string) (m *Metadata, clean func(string) string, err error) {
	ctx, cancel := withTimeout(ctx, metadataTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, body, err := c.wire().fetch(req, sameHost)
	if err != nil {
		return nil, nil, err
	}
	a, err := newAnswer(resp, body, nil, c.now())
	explained := ""
	if err == nil {
		explained = a.explanation()
	}
	trouble := req.URL.Host + " answered " + status(resp) + " when asked for its metadata" + explained
	switch to := elsewhere(resp); {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		return nil, nil, Temporary("%s", trouble)
	case resp.StatusCode >= 500: // perhaps it fails for each address that it does not know
		return nil, nil, &noMetadata{words: trouble, trouble: true}
	case to != "":
		return nil, nil, &noMetadata{words: req.URL.Host + " sends us to " + to + " (a captive portal?)", portal: true}
	case resp.StatusCode != http.StatusOK:
		return nil, nil, &noMetadata{words: req.URL.Host + " answered " + status(resp) + explained}
	case err != nil:
		return nil, nil, &noMetadata{words: err.Error(), page: true}
	}
	m = decodeMetadata(a.fields, a.clean)
	if m.Issuer == "" {
		return nil, nil, &noMetadata{words: "the metadata of " + req.URL.Host + " name no issuer" + explained}
	}
	return m, a.clean, nil
}

// cleaned is err, an error of the check of a server's metadata, with its text made fit
// for people by clean.
func cleaned(err error, clean func(string) string) error {
	e := AsError(err)
	if e == nil {
		return err
	}
	copied := *e
	copied.Problem = clean(e.Problem)
	return &copied
}

// unusableKeys stands for a jwks_uri that is there and that cannot be used. To count it as
// absent would accept ID tokens without a look at their signature.
const unusableKeys = "unusable:"

// decodeMetadata reads the members of a metadata document. Those of another type than
// expected count as absent, and so do addresses that repeat what was sent: clean changes
// them.
func decodeMetadata(fields map[string]json.RawMessage, clean func(string) string) *Metadata {
	address := func(name string) string {
		if s := text(fields[name]); clean(s) == Printable(s) {
			return s
		}
		return ""
	}
	keys := address("jwks_uri")
	if raw := string(fields["jwks_uri"]); keys == "" && raw != "" && raw != "null" && raw != `""` {
		keys = unusableKeys
	}
	return &Metadata{
		Issuer:                text(fields["issuer"]),
		AuthorizationEndpoint: address("authorization_endpoint"),
		TokenEndpoint:         address("token_endpoint"),
		RevocationEndpoint:    address("revocation_endpoint"),
		DeviceEndpoint:        address("device_authorization_endpoint"),
		KeysURI:               keys,
		Scopes:                words(fields["scopes_supported"]),
		Challenges:            words(fields["code_challenge_methods_supported"]),
		TokenAuthMethods:      words(fields["token_endpoint_auth_methods_supported"]),
		IDTokenAlgorithms:     words(fields["id_token_signing_alg_values_supported"]),
		IssuerInResponse:      truth(fields["authorization_response_iss_parameter_supported"]),
		RequiresPushed:        truth(fields["require_pushed_authorization_requests"]),
	}
}

// name is what messages call the server.
func (m *Metadata) name() string { return cmp.Or(m.Issuer, m.TokenEndpoint) }

// wellKnown lists the addresses of an issuer's metadata: OpenID Connect
// Discovery 1.0 §4 appends, RFC 8414 §3.1 inserts.
func wellKnown(issuer string) []string {
	const openid, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	u, _ := url.Parse(issuer) // checked before
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	root := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	if path == "" {
		return []string{root + openid, root + oauth}
	}
	return []string{root + path + openid, root + oauth + path, root + openid + path, root + path + oauth}
}

// sameHost allows metadata to be redirected three times, within its own host
// and not out of https.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > 3 || !oneOrigin(req.URL.String(), first.String()) {
		return http.ErrUseLastResponse
	}
	return nil
}

// elsewhere is the other host that an answer redirects to, or the same one with another
// scheme; otherwise it is empty.
func elsewhere(resp *http.Response) string {
	from := resp.Request.URL
	to, err := resp.Location()
	switch {
	case err != nil || resp.StatusCode/100 != 3 || oneOrigin(to.String(), from.String()):
		return ""
	case to.Host == from.Host:
		return Cleaner(resp)(to.Scheme + "://" + to.Host)
	}
	return Cleaner(resp)(to.Host)
}

// check refuses what must not be opened or sent a code (RFC 8414 §2, RFC 9700 §4.4), and
// a server that lacks what the grant needs. One that lists its challenge methods must list
// S256. An optional endpoint is judged only when it is used: see checkEndpoint.
func (m *Metadata) check(g Grant) error {
	needed := []struct{ setting, address, missing string }{{"token-endpoint", m.TokenEndpoint, "there is no token endpoint"}}
	if g.redirects() {
		needed = append(needed, struct{ setting, address, missing string }{"auth-endpoint", m.AuthorizationEndpoint, "there is no authorization endpoint"})
	}
	if g == GrantDevice {
		needed = append(needed, struct{ setting, address, missing string }{"grant", m.DeviceEndpoint, "the server has no device endpoint (RFC 8628): log in with another grant"})
	}
	for _, e := range needed {
		if e.address == "" {
			return ConfigError(e.setting, "%s", e.missing)
		}
		if err := m.checkEndpoint(e.setting, e.address); err != nil {
			return err
		}
	}
	if !g.redirects() {
		return nil
	}
	if len(m.Challenges) > 0 && !slices.Contains(m.Challenges, "S256") {
		return ConfigError("issuer", "the server does not offer PKCE with S256, without which a login is not safe")
	}
	if m.RequiresPushed {
		return ConfigError("issuer", "the server requires pushed authorization requests (RFC 9126), which are not supported")
	}
	return nil
}

// checkConfigured refuses each endpoint that the user set and that must not be used.
func (m *Metadata) checkConfigured(g Grant) error {
	for setting, address := range map[string]string{"revocation-endpoint": m.RevocationEndpoint, "device-endpoint": m.DeviceEndpoint} {
		if address == "" {
			continue
		}
		if err := m.checkEndpoint(setting, address); err != nil {
			return err
		}
	}
	return m.check(g)
}

// checkEndpoint is checkURL for an endpoint of m. The setting is what the error names.
func (m *Metadata) checkEndpoint(setting, address string) error {
	if rest, plain := strings.CutPrefix(address, "http://"); plain && m.Plaintext {
		address = "https://" + rest
	}
	return checkURL(setting, address)
}

// checkURL demands an absolute https URL without user and fragment, or an http one on
// loopback. Its host must be fit for a terminal, since messages name it, and in ASCII
// (RFC 3986 §3.2.2): other characters may look like the name, a dot or a slash of another host.
func checkURL(setting, address string) error {
	u, err := url.Parse(address)
	if err == nil && u.User != nil {
		return ConfigError(setting, "the URL of an OAuth endpoint must not contain a user name or a password")
	}
	if err == nil && strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }) {
		return ConfigError(setting, "the host of a URL must be written in ASCII: %+q", Printable(address))
	}
	if err != nil || u.Host == "" || Printable(u.Host) != u.Host || u.Fragment != "" || u.Opaque != "" {
		return ConfigError(setting, "not a URL of an OAuth endpoint: %q", Printable(address))
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return nil
	}
	return ConfigError(setting, "%s must be https", Printable(address))
}

// isLoopback reports whether a host is localhost or an address of 127.0.0.0/8 or ::1.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
