// Package front is a reverse proxy in front of a server: it listens on loopback with
// TLS, counts requests and statuses, and makes tokens invalid.
package front

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
)

// Front is a reverse proxy for one server.
type Front struct {
	CA []byte // the certificate to trust, as PEM; all fronts have the same

	http *httptest.Server

	mu      sync.Mutex // guards the fields below
	behind  http.Handler
	counts  map[string]int
	seen    map[string]bool // tokens
	revoked map[string]bool // tokens
}

// New starts a front. The caller closes it.
func New() *Front {
	f := &Front{counts: map[string]int{}, seen: map[string]bool{}, revoked: map[string]bool{}}
	f.http = httptest.NewTLSServer(f)
	f.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.http.Certificate().Raw})
	return f
}

// Place sets the server behind the front. Before that, each request is answered with
// 503.
func (f *Front) Place(server http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behind = server
}

// Beside sets another server for one path.
func (f *Front) Beside(path string, server http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	both := http.NewServeMux()
	both.Handle("/", f.behind)
	both.Handle(path, server)
	f.behind = both
}

// Close stops the front.
func (f *Front) Close() {
	f.http.CloseClientConnections()
	f.http.Close()
}

// Host returns the address and port of the front.
func (f *Front) Host() string { return f.http.Listener.Addr().String() }

// URL returns the URL of a path.
func (f *Front) URL(path string) string { return "https://" + f.Host() + path }

// Client returns an HTTP client that trusts the front.
func (f *Front) Client() *http.Client { return f.http.Client() }

// Count returns the number of requests: all, those with an Authorization header of a
// scheme (Bearer, Basic) or of none (anonymous), those of a grant (by its name), or
// those that were answered with a status.
func (f *Front) Count(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[kind]
}

// ResetCounts sets all counts to zero.
func (f *Front) ResetCounts() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts = map[string]int{}
}

// Revoke makes every token invalid that was sent until now. The server gets another
// token instead, and rejects it with its own message.
func (f *Front) Revoke() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for token := range f.seen {
		f.revoked[token] = true
	}
}

func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kinds := []string{"all", Scheme(r)}
	if grant := grantOf(r); grant != "" {
		kinds = append(kinds, grant)
	}
	f.count(kinds...)
	if token := Token(r); token != "" && f.notice(token) {
		spoil(r)
	}
	f.server().ServeHTTP(&recorder{w, f}, r)
}

// notice stores a token and reports whether it is revoked.
func (f *Front) notice(token string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[token] = true
	return f.revoked[token]
}

func (f *Front) count(kinds ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, kind := range kinds {
		f.counts[kind]++
	}
}

func (f *Front) server() http.Handler {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.behind == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		})
	}
	return f.behind
}

// recorder counts statuses. The status is counted before it is sent to the client.
type recorder struct {
	http.ResponseWriter
	front *Front
}

func (r *recorder) WriteHeader(status int) {
	r.front.count(strconv.Itoa(status))
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// maxForm is the limit in bytes for the form of a token request.
const maxForm = 1 << 16

// grantOf returns the grant type in a form, or "". The body can be read again.
func grantOf(r *http.Request) string {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return ""
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm))
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
	if err != nil {
		return ""
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("grant_type")
}
