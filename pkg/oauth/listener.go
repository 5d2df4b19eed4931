package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Limits of what a connection to the listener may take.
const (
	maxHeader     = 16 << 10
	maxWaiting    = 32  // connections that have not sent a whole request
	mostWaiting   = 512 // the same, if they are young
	youth         = time.Second
	infancy       = 200 * time.Millisecond // before that no connection is closed
	headerLimit   = 5 * time.Second
	readLimit     = 10 * time.Second
	idleLimit     = 5 * time.Second
	shutdownLimit = time.Second
	crowdedLimit  = 5 * time.Second // the same, if too many connections wait
	warnAfter     = 20              // unmatched requests
)

// listener receives the browser's answer on loopback during one login (RFC 8252 §7.3).
// Requests of other programs neither end nor delay the login, and their answers contain
// nothing about it.
type listener struct {
	login    *loginFlow
	endpoint string // what the pages call the service
	redirect *redirect
	port     int           // of the redirect URI
	last     string        // the path of the page at the end, which only the browser is told
	confirm  *confirmation // nil: the browser opens the sign-in page at once
	server   *http.Server
	ctx      context.Context // the login's: a closed tab must not stop the exchange
	shown    chan struct{}   // closed when every tab that was sent there has the last page
	showOnce sync.Once

	mu        sync.Mutex
	tabs      int       // that brought the answer and have not got the last page
	waiting   []waiting // oldest first
	unmatched int
}

// waiting is a connection that has not sent a whole request.
type waiting struct {
	conn  net.Conn
	since time.Time
}

func (a *loginFlow) listener(ctx context.Context, endpoint string, r *redirect, port int) *listener {
	l := &listener{login: a, endpoint: endpoint, redirect: r, port: port, last: "/" + rand.Text(), ctx: ctx, shown: make(chan struct{})}
	l.server = &http.Server{
		Handler:           l,
		ReadHeaderTimeout: headerLimit,
		ReadTimeout:       readLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		ConnState:         l.crowd,
		ErrorLog:          log.New(io.Discard, "", 0),

		DisableGeneralOptionsHandler: true, // OPTIONS * gets our headers too
	}
	return l
}

func (l *listener) serve(listeners []net.Listener) {
	for _, n := range listeners {
		go func() { _ = l.server.Serve(n) }()
	}
}

// close lets a browser that brought the outcome fetch the last page, for a second at
// most, or 5 s if it has to wait for its turn. It does not if the login's context has
// ended.
func (l *listener) close(ctx context.Context) {
	defer l.server.Close()
	if !l.login.browser {
		return
	}
	limit := shutdownLimit
	if l.crowded() {
		limit = crowdedLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-l.shown:
		l.hangUp()
		_ = l.server.Shutdown(ctx)
	case <-ctx.Done():
	}
}

// hangUp closes the connections that browsers open in advance. Shutdown would wait for a
// request on them.
func (l *listener) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.waiting {
		_ = w.conn.Close()
	}
}

// crowd notes which connections wait, and closes some if too many do, so that half-open ones
// cannot keep the browser out. If very many have just come it delays the loop that accepts
// them: the browser's connection is then in the system's queue, where its request arrives.
func (l *listener) crowd(c net.Conn, state http.ConnState) {
	l.note(c, state)
	if state != http.StateNew {
		return
	}
	for pause := l.thin(); pause > 0; pause = l.thin() {
		time.Sleep(pause)
	}
}

// crowded reports whether more connections wait than may stay.
func (l *listener) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) > maxWaiting
}

func (l *listener) note(c net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(w waiting) bool { return w.conn == c })
	if state == http.StateNew || state == http.StateIdle {
		l.waiting = append(l.waiting, waiting{c, time.Now()})
	}
}

// thin closes connections until no more than maxWaiting wait: always the oldest one without
// bytes to read, since a browser sends its request at once. It keeps young ones as long as
// there are no more than mostWaiting. It returns how long to wait until the next one may be
// closed, or 0.
func (l *listener) thin() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) > maxWaiting {
		i := max(0, slices.IndexFunc(l.waiting, func(w waiting) bool { return !hasUnread(w.conn) }))
		age := time.Since(l.waiting[i].since)
		switch {
		case len(l.waiting) <= mostWaiting && age < youth:
			return 0
		case age < infancy:
			return infancy - age
		}
		_ = l.waiting[i].conn.Close()
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	return 0
}

// ServeHTTP answers one request.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	h := r.Header
	switch {
	case !l.redirect.named(r.Host, l.port):
		refuse(w, http.StatusMisdirectedRequest) // DNS rebinding
	case r.URL.EscapedPath() == l.last && r.Method == http.MethodGet:
		l.serveLast(w)
	case l.confirm.asks(r):
		l.serveConfirm(w, r)
	case r.URL.EscapedPath() != l.redirect.path:
		refuse(w, http.StatusNotFound)
	case h.Get("Sec-Purpose") != "" || h.Get("Purpose") != "" || h.Get("X-Moz") != "":
		w.WriteHeader(http.StatusNoContent) // a prefetch is not a decision of the user
	case h.Get("Sec-Fetch-Dest") != "" && h.Get("Sec-Fetch-Dest") != "document":
		refuse(w, http.StatusForbidden)
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", "GET")
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET")
		refuse(w, http.StatusMethodNotAllowed)
		l.login.noteMode(r)
	default:
		l.serveCallback(w, r)
	}
}

// serveCallback exchanges the code while the browser waits, then redirects it to the page
// that tells the outcome, so that the code leaves the address bar.
func (l *listener) serveCallback(w http.ResponseWriter, r *http.Request) {
	l.count(1)
	if errors.Is(l.login.answer(l.ctx, parseAnswer(r.URL.RawQuery), true), errUnmatched) {
		l.count(-1)
		l.login.noteMode(r)
		l.warn()
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

// warn counts a request that does not belong to the login, and warns once of many.
func (l *listener) warn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unmatched++; l.unmatched == warnAfter && l.login.client.Prompt != nil {
		l.login.client.Prompt.Show("Something on this machine keeps sending answers that do not belong to this login. They are ignored.\n")
	}
}

func refuse(w http.ResponseWriter, code int) {
	write(w, code, document(http.StatusText(code), http.StatusText(code), "There is nothing here.", "#9a6700"))
}
