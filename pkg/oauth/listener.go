package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// What the loopback listener grants to whoever connects.
const (
	maxHeader     = 16 << 10
	maxWaiting    = 32 // connections that have not sent a whole request
	headerLimit   = 5 * time.Second
	readLimit     = 10 * time.Second
	idleLimit     = 5 * time.Second
	shutdownLimit = time.Second
	warnAfter     = 20 // strays
)

// listener receives the browser's answer on loopback while one login is under
// way (RFC 8252 §7.3). Nothing that other programs send there ends or delays
// that login, and nothing it sends tells them anything.
type listener struct {
	login    *attempt
	endpoint string // what the pages call the service
	port     int
	path     string // of the callback
	last     string // the path of the page at the end, which only the browser is told
	server   *http.Server
	ctx      context.Context // the login's: a closed tab must not stop the exchange
	shown    chan struct{}   // closed when every tab that was sent there has the last page
	showOnce sync.Once

	mu      sync.Mutex
	tabs    int        // that brought the answer and have not got the last page
	waiting []net.Conn // oldest first
	strays  int
}

func (a *attempt) listener(ctx context.Context, endpoint, path string, port int) *listener {
	l := &listener{login: a, endpoint: endpoint, port: port, path: path, last: "/" + rand.Text(), ctx: ctx, shown: make(chan struct{})}
	l.server = &http.Server{
		Handler:           l,
		ReadHeaderTimeout: headerLimit,
		ReadTimeout:       readLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		ConnState:         l.crowd,
		ErrorLog:          log.New(io.Discard, "", 0),

		DisableGeneralOptionsHandler: true, // OPTIONS * is a stray like any other
	}
	return l
}

func (l *listener) serve(listeners []net.Listener) {
	for _, n := range listeners {
		go func() { _ = l.server.Serve(n) }()
	}
}

// close lets a browser that brought the outcome fetch the last page, for a
// second at most, and not at all where the login's context has ended.
func (l *listener) close(ctx context.Context) {
	defer l.server.Close()
	if !l.login.browser {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, shutdownLimit)
	defer cancel()
	select {
	case <-l.shown:
		l.hangUp()
		_ = l.server.Shutdown(ctx)
	case <-ctx.Done():
	}
}

// hangUp closes the connections that browsers open in advance: Shutdown would
// wait for a request on them.
func (l *listener) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.waiting {
		_ = c.Close()
	}
}

// crowd closes the connection that has waited longest without a request where
// too many do, so that half-open ones cannot keep the browser out.
func (l *listener) crowd(c net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == c {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			break
		}
	}
	if state != http.StateNew && state != http.StateIdle {
		return
	}
	l.waiting = append(l.waiting, c)
	if len(l.waiting) > maxWaiting {
		_ = l.waiting[0].Close()
		l.waiting = l.waiting[1:]
	}
}

// ServeHTTP answers one request of whoever it is.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	h := r.Header
	switch {
	case !l.addressed(r.Host):
		refuse(w, http.StatusMisdirectedRequest) // DNS rebinding
	case r.URL.EscapedPath() == l.last && r.Method == http.MethodGet:
		l.serveLast(w)
	case r.URL.EscapedPath() != l.path:
		refuse(w, http.StatusNotFound)
	case h.Get("Sec-Purpose") != "" || h.Get("Purpose") != "" || h.Get("X-Moz") != "":
		w.WriteHeader(http.StatusNoContent) // a prefetch is nobody's decision
	case h.Get("Sec-Fetch-Dest") != "" && h.Get("Sec-Fetch-Dest") != "document":
		refuse(w, http.StatusForbidden)
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", "GET")
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET")
		refuse(w, http.StatusMethodNotAllowed)
	default:
		l.serveCallback(w, r.URL)
	}
}

// serveCallback exchanges the code while the browser waits, then sends it to
// the page that tells the outcome: so the code leaves the address bar.
func (l *listener) serveCallback(w http.ResponseWriter, u *url.URL) {
	q, err := url.ParseQuery(u.RawQuery)
	l.count(1)
	if err != nil || errors.Is(l.login.answer(l.ctx, q, true), errStray) {
		l.count(-1)
		l.stray()
		write(w, http.StatusBadRequest, document("Not this login", "This does not belong to a login that is under way.", "If you came here by logging in, start again.", "#9a6700"))
		return
	}
	w.Header().Set("Location", l.last)
	write(w, http.StatusSeeOther, "")
}

func (l *listener) serveLast(w http.ResponseWriter) {
	select {
	case <-l.login.done:
	default:
		refuse(w, http.StatusNotFound)
		return
	}
	w.Header().Set("Connection", "close")
	code := http.StatusOK
	if l.login.err != nil {
		code = http.StatusForbidden
	}
	write(w, code, l.login.client.page(l.endpoint, l.login.err))
	if l.count(-1) <= 0 {
		l.showOnce.Do(func() { close(l.shown) })
	}
}

// count notes that so many more tabs wait for the last page.
func (l *listener) count(tabs int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tabs += tabs
	return l.tabs
}

// addressed reports whether a Host header names this listener.
func (l *listener) addressed(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, "80"
	}
	if port != strconv.Itoa(l.port) {
		return false
	}
	ip, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && (ip == netip.IPv6Loopback() || ip == netip.AddrFrom4([4]byte{127, 0, 0, 1}))
}

func (l *listener) stray() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.strays++; l.strays == warnAfter && l.login.client.Prompt != nil {
		l.login.client.Prompt.Show("Something on this machine keeps sending answers that do not belong to this login. They are ignored.\n")
	}
}

func refuse(w http.ResponseWriter, code int) {
	write(w, code, document(http.StatusText(code), http.StatusText(code), "There is nothing here.", "#9a6700"))
}
