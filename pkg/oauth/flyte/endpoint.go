package flyte

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Endpoint is the address of a Flyte endpoint.
type Endpoint struct {
	Host      string // with its port, if one is named; lower case
	Path      string // escaped, without a trailing slash; usually empty
	Plaintext bool   // without TLS
}

// ParseEndpoint parses an endpoint in any form that Flyte's clients accept:
// flyte.example.com, dns:///flyte.example.com:443 or https://flyte.example.com. An endpoint
// that begins with http:// is without TLS.
func ParseEndpoint(s string) (Endpoint, error) {
	bad := oauth.ConfigError("endpoint", "%q is not a Flyte endpoint, such as flyte.example.com or http://localhost:30080", oauth.Printable(s))
	rest := strings.TrimPrefix(strings.TrimSpace(s), "dns:///")
	if !strings.Contains(rest, "://") {
		rest = "https://" + rest
	}
	u, err := url.Parse(rest)
	if err != nil || u.User != nil || u.Hostname() == "" || oauth.Printable(u.Host) != u.Host || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return Endpoint{}, bad
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }) { // other characters may look like another host
		return Endpoint{}, oauth.ConfigError("endpoint", "the host of a Flyte endpoint must be written in ASCII: %+q", oauth.Printable(s))
	}
	if strings.HasSuffix(u.Host, ":") || strings.ContainsAny(u.Host, " \t%") { // % begins an IPv6 zone, which no URL of this package could have
		return Endpoint{}, bad
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16); err != nil {
		return Endpoint{}, bad
	}
	return Endpoint{Host: strings.ToLower(u.Host), Path: strings.TrimRight(u.EscapedPath(), "/"), Plaintext: u.Scheme == "http"}, nil
}

// String returns the endpoint in its normal form, which [ParseEndpoint] accepts.
func (e Endpoint) String() string {
	if e.Plaintext {
		return e.url("")
	}
	return e.Host + e.Path
}

func (e Endpoint) url(path string) string {
	scheme := "https://"
	if e.Plaintext {
		scheme = "http://"
	}
	return scheme + e.Host + e.Path + path
}

// timeoutError is the error if e does not answer within a time limit.
func (e Endpoint) timeoutError() error {
	return oauth.Temporary("%s did not answer in time", e.Host)
}

// grpcProtocol returns the HTTP version of gRPC, HTTP/2. Without TLS no other may be
// allowed, because the version is not negotiated.
func (e Endpoint) grpcProtocol() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP2(!e.Plaintext)
	p.SetUnencryptedHTTP2(e.Plaintext)
	return p
}

// loopback reports whether requests to e do not leave the machine.
func (e Endpoint) loopback() bool {
	name := e.Host
	if host, _, err := net.SplitHostPort(e.Host); err == nil {
		name = host
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return strings.EqualFold(name, "localhost") || err == nil && ip.IsLoopback()
}
