package flyte

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Endpoint is a Flyte endpoint, as its clients name it.
type Endpoint struct {
	Host      string // with its port, if one is named; lower case
	Path      string // escaped, without a slash at its end; mostly empty
	Plaintext bool   // without TLS
}

// ParseEndpoint reads an endpoint as people write it: flyte.example.com,
// dns:///flyte.example.com:443, https://flyte.example.com; http://localhost:30080 is
// plaintext.
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
	if strings.HasSuffix(u.Host, ":") || strings.ContainsAny(u.Host, " \t%") { // % stands before a zone, which no URL of ours could have
		return Endpoint{}, bad
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16); err != nil {
		return Endpoint{}, bad
	}
	return Endpoint{Host: strings.ToLower(u.Host), Path: strings.TrimRight(u.EscapedPath(), "/"), Plaintext: u.Scheme == "http"}, nil
}

// String is the endpoint in its one form, which [ParseEndpoint] reads again.
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

// silent is e where it says nothing in the time that it has.
func (e Endpoint) silent() error {
	return oauth.Temporary("%s did not answer in time", e.Host)
}

// protocol is gRPC's, HTTP/2. Without TLS no other may be allowed: nothing would
// tell which it is.
func (e Endpoint) protocol() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP2(!e.Plaintext)
	p.SetUnencryptedHTTP2(e.Plaintext)
	return p
}

// loopback reports whether what is said to e does not leave the machine.
func (e Endpoint) loopback() bool {
	name := e.Host
	if host, _, err := net.SplitHostPort(e.Host); err == nil {
		name = host
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return strings.EqualFold(name, "localhost") || err == nil && ip.IsLoopback()
}
