package execcred

// https://pkg.go.dev/cmd/go#hdr-GOAUTH_environment_variable

import (
	"errors"
	"fmt"
	"strings"
)

// GoauthRequest is a host request of the go command to a command of GOAUTH.
type GoauthRequest struct {
	First    bool // the call before anything is fetched, without a URL
	Host     Host // of the URL; zero: no token may be sent to it
	Rejected bool // the server answered 401: with the first answer's token, if there was one for the host

	url string // as far as its host, as it was written: go looks it up so
}

// DecodeGoauth decodes the argument, which is "" in the first call, and the server's answer
// from stdin. In the first call stdin must not be read, and the answer is nil. It may also
// be empty, for instance if a user runs the command.
func DecodeGoauth(url string, answer []byte) (*GoauthRequest, error) {
	if url == "" {
		return &GoauthRequest{First: true}, nil
	}
	r := &GoauthRequest{Host: parseURL(url)}
	if r.Host.protocol != https { // GOAUTH is for https only
		r.Host = Host{}
	}
	_, rest, _ := strings.Cut(url, "://")
	address, _ := cutAddress(rest)
	r.url = https + "://" + address
	if len(answer) == 0 {
		return r, nil
	}
	line, _, found := strings.Cut(string(answer), "\n")
	version, status, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(status, " ")
	if !found || !strings.HasPrefix(version, "HTTP/") || len(code) != 3 || strings.Trim(code, "0123456789") != "" {
		return nil, errors.New("the server's answer on stdin does not begin with an HTTP status line")
	}
	r.Rejected = code == "401"
	return r, nil
}

// Encode answers with c for the URL of the request, and for all URLs of the hosts. The
// answers for several credentials may be concatenated.
func (r *GoauthRequest) Encode(c Credential, hosts ...Host) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	var urls []string
	if r.Host != (Host{}) {
		urls = append(urls, r.url)
	}
	for _, h := range hosts {
		if h.protocol != https {
			return nil, fmt.Errorf("the go command sends tokens by https only, not to %s", h)
		}
		urls = append(urls, h.String())
	}
	if len(urls) == 0 {
		return nil, nil
	}
	return fmt.Appendf(nil, "%s\n\nAuthorization: Bearer %s\n\n", strings.Join(urls, "\n"), t), nil
}
