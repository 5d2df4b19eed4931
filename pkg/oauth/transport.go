package oauth

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// Limits of what a server may take of our time and memory. A body is counted after it
// was decompressed.
const (
	maxBody          = 1 << 20
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	deviceTimeout    = 20 * time.Second // of the request for a device code
	revokeTimeout    = 5 * time.Second
	metadataTimeout  = 10 * time.Second
	keysTimeout      = 4 * time.Second // with lateKeysTimeout less than a caller waits for a refresh
	lateKeysTimeout  = 3 * time.Second // of keys that are fetched after the tokens were saved

	machineTimeout = 20 * time.Second // of a token request that uses nothing up

	// defaultTokenTime is how long this process reads for an answer that cannot be had
	// twice: see withRunningTime.
	defaultTokenTime = 60 * time.Second
)

var (
	errTooBig  = errors.New("body larger than 1 MiB")
	errTooSlow = errors.New("no answer in time")
)

// NewTransport returns the transport of a [Client] whose HTTP is nil. It makes a
// connection for each request: on a kept one that the server has closed, net/http would
// send a POST again. It speaks HTTP/1.1 only: with one request for each connection HTTP/2 has
// no advantage, and net/http hides what became of a request if the server ends the stream or
// the connection (RST_STREAM, GOAWAY). It has no time limit for headers: each request has its
// own.
func NewTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    handshakeTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		OnProxyConnectResponse: proxyAnswer,
	}
}

// wire sends the requests of a client.
type wire struct {
	*Client
	sending func() error // called before a form is sent; nil: not called
}

func (c *Client) wire() wire { return wire{Client: c} }

func (c wire) transport() http.RoundTripper {
	if c.HTTP != nil && c.HTTP.Transport != nil {
		return c.HTTP.Transport
	}
	return NewTransport(c.TLS)
}

// fetch sends req and reads the whole answer, decompressed; the context of req has the time
// limit.
// redirects may be nil: then an answer that redirects is returned as it is.
func (c wire) fetch(req *http.Request, redirects func(*http.Request, []*http.Request) error) (*http.Response, []byte, error) {
	if redirects == nil {
		redirects = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	req.Header.Set("Accept-Encoding", "gzip") // so that net/http does not decompress: see gunzip
	client := &http.Client{Transport: c.transport(), CheckRedirect: redirects}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, Unreachable(req.Context(), req.URL.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusProxyAuthRequired {
		return nil, nil, errProxyUser("the proxy for "+req.URL.Host, "PROXY:PORT")
	}
	body, err := readLimited(resp.Body)
	if err == nil {
		body, err = gunzip(body)
	}
	if err != nil {
		return nil, nil, Unreachable(req.Context(), req.URL.Host, err)
	}
	return resp, body, nil
}

// readLimited reads all of r, which has maxBody bytes at most.
func readLimited(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = errTooBig
	}
	return body, err
}

// gunzip decompresses a body that is compressed by gzip, whatever its Content-Encoding: some
// proxies remove the header or keep it for a body that they have decompressed, and others
// compress twice. No JSON begins as gzip does (RFC 1952 §2.3.1).
func gunzip(body []byte) ([]byte, error) {
	for range 2 {
		if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
			break
		}
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body, err = readLimited(r); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// withTimeout is context.WithTimeout for one request.
func withTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, errTooSlow)
}

// runningTick is the unit in which withRunningTime counts.
const runningTick = 200 * time.Millisecond

// withRunningTime limits a request to d of this process's own running time. A deadline
// would pass while the process is stopped (SIGSTOP, docker pause) or the machine sleeps,
// and an answer that waits in the socket would be lost. A ticker delivers one tick for a
// pause of any length. After the last tick follows one more, in which an answer that has
// arrived by then is read.
func withRunningTime(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(runningTick)
		defer tick.Stop()
		for range d/runningTick + 1 {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		cancel(errTooSlow)
	}()
	return ctx, func() { cancel(context.Canceled) }
}
