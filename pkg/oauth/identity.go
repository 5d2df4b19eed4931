package oauth

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// SplitError means that no server confirms that two endpoints belong to one authorization
// server: a code or device code that the first issues could reach another server.
type SplitError struct{ Front, TokenEndpoint string }

func (e *SplitError) Error() string {
	front, token := Printable(e.Front), Printable(e.TokenEndpoint)
	return "users sign in at " + front + ", and codes are sent to " + token + ", but " + origin(front) + " publishes no metadata with both"
}

// OneServer checks that the endpoints of m that a login uses belong to one authorization
// server. It is for metadata from a source that could name another server's sign-in page and
// its own token endpoint, to get that server's codes (RFC 9700 §4.4). Two endpoints belong
// together if they have one origin, if both are in pinned, or if the origin of the first, at
// which the user signs in, lists both in the metadata for its own issuer. That issuer has no
// path, since the metadata of one with a path may be a file of any user of that host.
//
// OneServer returns m without the optional endpoints that do not belong to its token
// endpoint, or a [SplitError]. A grant without a user has no endpoint to compare.
func (c *Client) OneServer(ctx context.Context, m *Metadata, pinned []string) (*Metadata, error) {
	if c.Grant == GrantClientCredentials {
		return m, nil
	}
	checked := *m
	var err error
	front := func(endpoint string, needed bool) string {
		if endpoint == "" || err != nil {
			return endpoint
		}
		var belongs bool
		if belongs, err = c.belong(ctx, endpoint, m.TokenEndpoint, pinned); belongs {
			return endpoint
		}
		if needed && err == nil {
			err = &SplitError{Front: endpoint, TokenEndpoint: m.TokenEndpoint}
		}
		return ""
	}
	checked.AuthorizationEndpoint = front(m.AuthorizationEndpoint, c.Grant.redirects())
	checked.DeviceEndpoint = front(m.DeviceEndpoint, c.Grant == GrantDevice)
	checked.RevocationEndpoint = front(m.RevocationEndpoint, false)
	if err != nil {
		return nil, err
	}
	return &checked, nil
}

// belong reports whether two endpoints belong to one authorization server.
func (c *Client) belong(ctx context.Context, front, token string, pinned []string) (bool, error) {
	if oneOrigin(front, token) || slices.Contains(pinned, front) && slices.Contains(pinned, token) {
		return true, nil
	}
	issuer := origin(front)
	var trouble error
	for _, address := range wellKnown(issuer) {
		own, _, err := c.document(ctx, address)
		var none *noMetadata
		switch {
		case errors.As(err, &none) && none.trouble:
			trouble = Temporary("%s", none.words)
		case none != nil:
		case err != nil:
			return false, err
		case own.lists(issuer, front, token):
			return true, nil
		}
	}
	return false, trouble
}

// lists reports whether m is the metadata of an issuer at origin and contains both endpoints.
func (m *Metadata) lists(origin, front, token string) bool {
	return strings.TrimSuffix(m.Issuer, "/") == origin && m.TokenEndpoint == token &&
		slices.Contains([]string{m.AuthorizationEndpoint, m.DeviceEndpoint, m.RevocationEndpoint}, front)
}

// oneOrigin reports whether two URLs have the same scheme, host and port.
func oneOrigin(a, b string) bool { return origin(a) != "" && origin(a) == origin(b) }

// origin returns the origin of a URL, without the scheme's own port.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if port := u.Port(); port != "" && port != strconv.Itoa(defaultPort(u.Scheme)) {
		return u.Scheme + "://" + net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host
}

// SameSite reports whether the hosts of two URLs have the same registrable domain. An IP
// address, localhost and other names without one are compared as they are.
func SameSite(a, b string) bool { return site(a) == site(b) }

func site(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	domain, _ := publicsuffix.EffectiveTLDPlusOne(host) // empty for localhost
	return cmp.Or(domain, host)
}
