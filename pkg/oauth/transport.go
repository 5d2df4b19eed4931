package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// What a server may take of our time and memory. A body is counted after it
// was decompressed.
const (
	maxBody          = 1 << 20
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	headerTimeout    = 10 * time.Second
	requestTimeout   = 20 * time.Second
	revokeTimeout    = 5 * time.Second
	metadataTimeout  = 15 * time.Second
)

var (
	errTooBig  = errors.New("body larger than 1 MiB")
	errTooSlow = errors.New("no answer in time")
)

// NewTransport returns the transport of a [Client] whose HTTP is nil. It makes a
// connection for each request: a kept one that the server has closed is what
// makes net/http send a POST again.
func NewTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
}

func (c *Client) transport() http.RoundTripper {
	if c.HTTP != nil && c.HTTP.Transport != nil {
		return c.HTTP.Transport
	}
	return NewTransport(c.TLS)
}

// fetch sends req and reads the whole answer within limit. redirects may be
// nil: then an answer that redirects is returned as it is.
func (c *Client) fetch(req *http.Request, limit time.Duration, redirects func(*http.Request, []*http.Request) error) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), limit, errTooSlow)
	defer cancel()
	if redirects == nil {
		redirects = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	client := &http.Client{Transport: c.transport(), CheckRedirect: redirects}
	resp, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, nil, Unreachable(ctx, req.URL.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusProxyAuthRequired {
		return nil, nil, errProxyUser(req.URL.Host)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = errTooBig
	}
	if err != nil {
		return nil, nil, Unreachable(ctx, req.URL.Host, err)
	}
	return resp, body, nil
}
