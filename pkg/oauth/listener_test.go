package oauth_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// protection is what every answer of the listener carries.
var protection = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
	"X-Frame-Options":              "DENY",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cache-Control":                "no-store",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
}

func wantProtection(t testing.TB, resp *http.Response) {
	t.Helper()
	for name, want := range protection {
		if got := resp.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %q, want %q", resp.Status, name, got, want)
		}
	}
	if server := resp.Header.Get("Server"); server != "" {
		t.Errorf("the listener tells that it is %s", server)
	}
}

// good is what the server would send: a stray request that carries it and is
// taken for the answer spends a code that does not exist, and fails the login.
const good = "/cb?code=stolen&state={state}&iss={iss}"

// strays are requests that must neither end nor delay a login.
var strays = []struct {
	name   string
	method string // GET by default
	target string // the target in the request line; valid by default
	header string // lines; a Host replaces the right one
	status int
	early  bool // net/http answers before the listener is asked
}{
	// L-05
	{name: "host of another", header: "Host: evil.example:{port}", status: 421},
	{name: "host of another, no port", header: "Host: evil.example", status: 421},
	{name: "host begins right", header: "Host: 127.0.0.1.evil.example:{port}", status: 421},
	{name: "host begins with localhost", header: "Host: localhost.evil.example:{port}", status: 421},
	{name: "host ends right", header: "Host: evil.localhost:{port}", status: 421},
	{name: "host without port", header: "Host: 127.0.0.1", status: 421},
	{name: "host with another port", header: "Host: 127.0.0.1:1", status: 421},
	{name: "host is another loopback address", header: "Host: 127.0.0.2:{port}", status: 421},
	{name: "host is any address", header: "Host: 0.0.0.0:{port}", status: 421},
	{name: "host is a mapped address", header: "Host: [::ffff:127.0.0.1]:{port}", status: 421},
	{name: "host is empty", header: "Host:", status: 421},
	{name: "host of another at the last page", target: "/done", header: "Host: evil.example:{port}", status: 421},
	{name: "two hosts", header: "Host: 127.0.0.1:{port}\r\nHost: evil.example", status: 400, early: true},
	{name: "right host localhost, wrong state", target: "/cb?code=x&state=y", header: "Host: localhost:{port}", status: 400},
	{name: "right host ::1, wrong state", target: "/cb?code=x&state=y", header: "Host: [::1]:{port}", status: 400},
	// L-06
	{name: "state wrong", target: "/cb?code=stolen&state=wrong", status: 400},
	{name: "state empty", target: "/cb?code=stolen&state=", status: 400},
	{name: "state missing", target: "/cb?code=stolen", status: 400},
	{name: "no query", target: "/cb", status: 400},
	{name: "state doubled", target: "/cb?code=stolen&state={state}&state={state}", status: 400},
	{name: "state doubled, one wrong", target: "/cb?code=stolen&state={state}&state=x", status: 400},
	{name: "state and more", target: "/cb?code=stolen&state={state}x", status: 400},
	{name: "state less one", target: "/cb?code=stolen&state={short}", status: 400},
	{name: "state in lower case", target: "/cb?code=stolen&state={lower}", status: 400},
	{name: "state with NUL", target: "/cb?code=stolen&state={state}%00", status: 400},
	{name: "state under another name", target: "/cb?code=stolen&State={state}", status: 400},
	{name: "state in the fragment", target: "/cb?code=stolen#state={state}", status: 400},
	{name: "state of 8 KiB", target: "/cb?code=stolen&state={8k}", status: 400},
	{name: "state of 1 MiB", target: "/cb?code=stolen&state={1m}", status: 431, early: true},
	{name: "query with semicolons", target: "/cb?code=stolen;state={state}", status: 400},
	// L-07
	{name: "error without state", target: "/cb?error=access_denied", status: 400},
	{name: "error with wrong state", target: "/cb?error=access_denied&state=wrong", status: 400},
	{name: "error with script", target: "/cb?error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=%3Cscript%3E", status: 400},
	{name: "error with ESC", target: "/cb?error=x&error_description=%1b]0;owned%07", status: 400},
	{name: "error with 8 KiB of words", target: "/cb?error=x&error_description={8k}", status: 400},
	// L-09
	{name: "HEAD", method: "HEAD", status: 405},
	{name: "PUT", method: "PUT", status: 405},
	{name: "POST", method: "POST", status: 405},
	{name: "TRACE", method: "TRACE", header: "Cookie: canary", status: 405},
	{name: "DELETE", method: "DELETE", status: 405},
	{name: "made-up method", method: "BREW", status: 405},
	{name: "OPTIONS", method: "OPTIONS", header: "Origin: https://evil.example\r\nAccess-Control-Request-Method: GET", status: 204},
	{name: "HEAD of the last page", method: "HEAD", target: "/done", status: 404},
	// L-10
	{name: "Sec-Purpose: prefetch", header: "Sec-Purpose: prefetch", status: 204},
	{name: "Sec-Purpose: prerender", header: "Sec-Purpose: prefetch;prerender", status: 204},
	{name: "Purpose: prefetch", header: "Purpose: prefetch", status: 204},
	{name: "X-Moz: prefetch", header: "X-Moz: prefetch", status: 204},
	{name: "Sec-Fetch-Dest: image", header: "Sec-Fetch-Dest: image", status: 403},
	{name: "Sec-Fetch-Dest: iframe", header: "Sec-Fetch-Dest: iframe", status: 403},
	{name: "Sec-Fetch-Dest: empty", header: "Sec-Fetch-Dest: empty", status: 403},
	// L-13
	{name: "favicon", target: "/favicon.ico", status: 404},
	{name: "favicon with the answer", target: "/favicon.ico?code=stolen&state={state}", status: 404},
	// L-14
	{name: "absolute form of another host", target: "http://evil.example" + good, status: 421},
	{name: "absolute form, root", target: "http://evil.example/", status: 421},
	{name: "absolute form, our host, wrong state", target: "http://127.0.0.1:{port}/cb?state=x", status: 400},
	{name: "asterisk form", method: "OPTIONS", target: "*", status: 404},
	{name: "CONNECT", method: "CONNECT", target: "127.0.0.1:{port}", status: 404},
	// L-15, L-20
	{name: "root", target: "/", status: 404},
	{name: "root with the answer", target: "/?code=stolen&state={state}", status: 404},
	{name: "two slashes", target: "/" + good, status: 404},
	{name: "slash at the end", target: "/cb/?code=stolen&state={state}", status: 404},
	{name: "percent-encoded letter", target: "/c%62?code=stolen&state={state}", status: 404},
	{name: "percent-encoded dot", target: "/%2e" + good, status: 404},
	{name: "percent-encoded slash", target: "/%2fcb?code=stolen&state={state}", status: 404},
	{name: "percent-encoded NUL", target: "/cb%00?code=stolen&state={state}", status: 404},
	{name: "dot segments", target: "/x/.." + good, status: 404},
	{name: "path parameters", target: "/cb;x?code=stolen&state={state}", status: 404},
	{name: "upper case", target: "/CB?code=stolen&state={state}", status: 404},
	{name: "last page before its time", target: "/done", status: 404},
	{name: "state as a path", target: "/{state}", status: 404},
	{name: "debug path", target: "/debug/pprof/", status: 404},
	{name: "git", target: "/.git/config", status: 404},
	// What is no HTTP
	{name: "a version that does not exist", method: "raw", target: "GET /cb HTTP/9.9\r\n\r\n", status: 505, early: true},
	{name: "TLS", method: "raw", target: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", status: 400, early: true},
	{name: "garbage", method: "raw", target: "state={state}\r\n\r\n", status: 400, early: true},
}

var mebibyte = strings.Repeat("a", 1<<20)

// send sends the i-th stray request unchanged and returns the answer to it.
func (l *login) send(i int) (*http.Response, string, error) {
	s := strays[i]
	state := l.query.Get("state")
	fill := strings.NewReplacer(
		"{state}", state, "{short}", state[:len(state)-1], "{lower}", strings.ToLower(state), "{iss}", url.QueryEscape(strings.TrimSuffix(l.URL, "/authorize")),
		"{port}", l.redirect.Port(), "{8k}", mebibyte[:8<<10], "{1m}", mebibyte,
	)
	method, target := s.method, s.target
	if method == "" {
		method = http.MethodGet
	}
	if target == "" {
		target = good
	}
	request := target
	if method != "raw" {
		header := s.header
		if !strings.HasPrefix(header, "Host:") {
			header = "Host: 127.0.0.1:{port}\r\n" + header
		}
		request = method + " " + target + " HTTP/1.1\r\n" + strings.TrimSuffix(header, "\r\n") + "\r\nConnection: close\r\n\r\n"
	}
	return l.raw(method, fill.Replace(request))
}

// raw sends bytes to the listener and reads one answer.
func (l *login) raw(method, request string) (*http.Response, string, error) {
	conn, err := net.DialTimeout("tcp", l.redirect.Host, patience)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	go func() { _, _ = io.WriteString(conn, request) }() // the answer may come before the end of it
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// wantNothingTold fails if an answer holds what only this login's parties know.
func (l *login) wantNothingTold(t testing.TB, resp *http.Response, body string) {
	t.Helper()
	var all strings.Builder
	_ = resp.Header.Write(&all)
	all.WriteString(body)
	for _, name := range []string{"state", "nonce", "code_challenge", "client_id", "scope"} {
		if strings.Contains(all.String(), l.query.Get(name)) {
			t.Errorf("the answer tells the %s:\n%s", name, all.String())
		}
	}
	for _, bad := range []string{"<script", "\x1b", "stolen", "canary", "owned"} {
		if strings.Contains(all.String(), bad) {
			t.Errorf("the answer repeats %q:\n%s", bad, all.String())
		}
	}
}

// TestStray: a request that is not the answer gets the right status and headers and no
// information, and the user can still log in.
func TestStray(t *testing.T) {
	t.Parallel()
	s := newServer(t, oauthtest.Config{})
	for i, stray := range strays {
		t.Run(stray.name, func(t *testing.T) {
			s.ResetCounts()
			l := begin(t, clientOf(s))
			resp, body, err := l.send(i)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != stray.status {
				t.Errorf("status %s, want %d", resp.Status, stray.status)
			}
			if !stray.early {
				wantProtection(t, resp)
			}
			l.wantNothingTold(t, resp, body)
			if location := resp.Header.Get("Location"); location != "" {
				t.Errorf("sent on to %s", location)
			}
			if cors := resp.Header.Get("Access-Control-Allow-Origin"); cors != "" {
				t.Errorf("another origin may read it: %s", cors)
			}
			wantPosts(t, s, 0)
			l.signIn()
			l.succeed()
			wantPosts(t, s, 1)
		})
	}
}

// TestStraysInCrowds: a thousand such requests do not end the login. The user is warned
// once.
func TestStraysInCrowds(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	terminal := newTerminal()
	c.Prompt = terminal
	l := begin(t, c)
	var next atomic.Int64
	var crowd sync.WaitGroup
	for range 8 {
		crowd.Go(func() {
			for n := next.Add(1); n <= 1000; n = next.Add(1) {
				if strays[int(n)%len(strays)].name == "state of 1 MiB" {
					continue // as slow as all the others
				}
				_, _, _ = l.send(int(n) % len(strays))
			}
		})
	}
	crowd.Wait()
	wantPosts(t, s, 0)
	l.signIn()
	l.succeed()
	wantPosts(t, s, 1)
	if n := strings.Count(terminal.shown(), "keeps sending"); n != 1 {
		t.Errorf("the person was warned %d times, want once:\n%s", n, terminal.shown())
	}
}

// TestCallbackInParallel: fifty copies of the valid answer at once redeem the code once,
// and all get the result (L-11).
func TestCallbackInParallel(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	s.Fail("token", oauthtest.Fault{Delay: 300 * time.Millisecond})
	l := begin(t, clientOf(s))
	address := l.callback()
	pages := make([]string, 50)
	door := make(chan struct{}, 8) // of more than 32 that knock at once the oldest has to go
	var crowd sync.WaitGroup
	for i := range pages {
		crowd.Go(func() {
			door <- struct{}{}
			in := sync.OnceFunc(func() { <-door })
			defer in()
			last, err := redirected(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { in() }}), address)
			if err != nil {
				pages[i] = err.Error()
				return
			}
			door <- struct{}{}
			defer func() { <-door }()
			resp, err := browser().Get(last)
			if err != nil {
				pages[i] = err.Error()
				return
			}
			pages[i] = fmt.Sprint(resp.StatusCode, read(t, resp))
		})
	}
	crowd.Wait()
	l.succeed()
	wantPosts(t, s, 1)
	different := map[string]int{}
	for _, page := range pages {
		different[page]++
	}
	if len(different) != 1 || !strings.Contains(pages[0], "You are logged in") {
		t.Errorf("the tabs do not show the same page: %v", different)
	}
}

// redirected requests an address and returns the target of the redirect.
func redirected(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := browser().Transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		return "", err
	}
	return to.String(), nil
}

// TestHalfOpenConnections: connections without a request, or with half of one, do not keep
// others from connecting (L-12).
func TestHalfOpenConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t, oauthtest.Config{})
	for name, request := range map[string]string{
		"nothing":    "",
		"half":       "GET /cb?code=stolen HTTP/1.1\r\nHost: 127.0.0.1\r\nX-",
		"half after": "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf",
	} {
		t.Run(name, func(t *testing.T) {
			s.ResetCounts()
			l := begin(t, clientOf(s))
			for range 100 {
				conn, err := net.Dial("tcp", l.redirect.Host)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_, _ = io.WriteString(conn, request) // it may be closed already
			}
			begun := time.Now()
			if page := l.signIn(); !strings.Contains(page, "You are logged in") {
				t.Errorf("the page is\n%s", page)
			}
			l.succeed()
			if took := time.Since(begun); took > patience/2 {
				t.Errorf("the login took %s", took)
			}
			wantPosts(t, s, 1)
		})
	}
}

// TestTooManyConnections: of very many that say nothing the oldest are closed at once, long
// before their time is over.
func TestTooManyConnections(t *testing.T) {
	l := begin(t, clientOf(newServer(t, oauthtest.Config{})))
	begun := time.Now()
	connections := make([]net.Conn, 556)
	for i := range connections {
		conn, err := net.Dial("tcp", l.redirect.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		connections[i] = conn
	}
	for _, conn := range connections[:44] { // 512 may stay
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, _ = conn.Read(make([]byte, 1))
	}
	if took := time.Since(begun); took > patience/2 {
		t.Errorf("it took %s until 44 of 556 were closed", took)
	}
}

// TestFlood: another user of this computer opens connections as fast as it can, and says
// nothing, or half of a request. No login fails, and none takes long.
func TestFlood(t *testing.T) {
	f := newFake(t)
	for name, request := range map[string]string{"nothing": "", "half": "GET /cb?code=stolen HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"} {
		t.Run(name, func(t *testing.T) {
			for i := range 5 {
				l := begin(t, f.client())
				stop := flood(t, l.redirect.Host, request)
				begun := time.Now()
				resp, err := browser().Get(l.at(url.Values{"code": {"x"}, "state": {l.query.Get("state")}}))
				if err == nil { // on a busy machine the page may come too late; the login does not fail
					if page := read(t, resp); resp.StatusCode != http.StatusOK || !strings.Contains(page, "You are logged in") {
						t.Errorf("login %d: the page is\n%s", i, page)
					}
				}
				l.succeed()
				if took := time.Since(begun); took > patience {
					t.Errorf("login %d took %s", i, took)
				}
				stop()
			}
		})
	}
}

// flood opens connections to a host until stop is called, and returns once more of them are
// open than a listener lets wait.
func flood(t *testing.T, host, request string) (stop func()) {
	t.Helper()
	const attackers, open = 12, 64 // connections at a time, by each of them
	ctx, cancel := context.WithCancel(t.Context())
	var opened atomic.Int64
	var crowd sync.WaitGroup
	for range attackers {
		crowd.Go(func() {
			connections := make([]net.Conn, open)
			for i := 0; ctx.Err() == nil; i = (i + 1) % open {
				if connections[i] != nil {
					connections[i].Close()
				}
				var dialer net.Dialer
				conn, err := dialer.DialContext(ctx, "tcp", host)
				if connections[i] = conn; err != nil {
					connections[i] = nil
					continue
				}
				_, _ = io.WriteString(conn, request) // it may be closed already
				opened.Add(1)
			}
			for _, conn := range connections {
				if conn != nil {
					conn.Close()
				}
			}
		})
	}
	for late := time.After(patience); opened.Load() < attackers*open; {
		select {
		case <-late:
			t.Fatal("the flood does not begin")
		case <-time.After(time.Millisecond):
		}
	}
	return func() { cancel(); crowd.Wait() }
}

// TestIdleConnectionIsCutOff: one that says nothing is closed after 5 s.
func TestIdleConnectionIsCutOff(t *testing.T) {
	t.Parallel()
	l := begin(t, clientOf(newServer(t, oauthtest.Config{})))
	conn, err := net.Dial("tcp", l.redirect.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begun := time.Now()
	_ = conn.SetReadDeadline(begun.Add(patience))
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("got %v, want the end of the connection", err)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("it was closed after %s, want 5 s", took)
	}
}

// TestCode: whatever the code looks like, it goes to the server once, whole,
// and the server's no ends the login (L-16).
func TestCode(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	for name, code := range map[string]string{
		"8 KiB":       strings.Repeat("c", 8<<10),
		"new line":    "a\r\nHost:evil",
		"NUL":         "a\x00b",
		"not UTF-8":   "a\xffb",
		"form syntax": "a&client_id=evil=%26+",
	} {
		t.Run(name, func(t *testing.T) {
			s.ResetCounts()
			l := begin(t, clientOf(s))
			resp, page := l.visit(l.at(url.Values{"code": {code}, "state": {l.query.Get("state")}, "iss": {s.URL}}))
			if resp.StatusCode != http.StatusForbidden || !strings.Contains(page, "Not logged in") {
				t.Errorf("%s: the page is\n%s", resp.Status, page)
			}
			if strings.Contains(page, code) {
				t.Error("the page shows the code")
			}
			_, err := l.end()
			wantDefinite(t, err, "invalid_grant")
			if strings.Contains(err.Error(), code) {
				t.Errorf("the error shows the code: %v", err)
			}
			wantPosts(t, s, 1)
			if got := s.Requests("token")[0].Form; got.Get("code") != code || got.Get("client_id") != oauthtest.PublicClient {
				t.Errorf("the server got %q", got)
			}
		})
	}
}

// TestSlowBrowser: a browser that takes its time over the page does not hold
// up the login (L-17), be the page small or large.
func TestSlowBrowser(t *testing.T) {
	for name, page := range map[string]string{"our page": "", "4 MiB": "<!DOCTYPE html>" + strings.Repeat("x", 4<<20)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, oauthtest.Config{})
			c := clientOf(s)
			c.Pages.Success = page
			l := begin(t, c)
			conn, err := net.Dial("tcp", l.redirect.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.(*net.TCPConn).SetReadBuffer(1024)
			u, _ := url.Parse(l.callback())
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", u.RequestURI(), u.Host)
			resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", resp.Header.Get("Location"), u.Host)
			begun := time.Now()
			go func() { // until the connection is closed
				for b := make([]byte, 1); ; time.Sleep(time.Second) {
					if _, err := conn.Read(b); err != nil {
						return
					}
				}
			}()
			l.succeed()
			if took := time.Since(begun); took > patience {
				t.Errorf("the login took %s", took)
			}
		})
	}
}

// TestLastPageIsWhole: the login never ends before its page was read (L-19).
func TestLastPageIsWhole(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := f.client()
	c.Pages.Success = "<!DOCTYPE html>" + strings.Repeat("<p>well done</p>", 4096) + "<!-- end -->"
	for i := range 200 {
		l := begin(t, c)
		resp, page := l.visit(l.at(url.Values{"code": {"x"}, "state": {l.query.Get("state")}}))
		if resp.StatusCode != http.StatusOK || page != c.Pages.Success {
			t.Fatalf("%d: %s, %d of %d bytes", i, resp.Status, len(page), len(c.Pages.Success))
		}
		l.succeed()
	}
}

// TestPreconnectedBrowser: a browser keeps a spare connection open on which it
// never says anything. The login does not wait for it.
func TestPreconnectedBrowser(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	l := begin(t, clientOf(s))
	spare, err := net.Dial("tcp", l.redirect.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer spare.Close()
	l.signIn()
	begun := time.Now()
	l.succeed()
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("the login ended %s after the page, want about 1 s", took)
	}
}

// TestLastPageIsNotTaken: a program that asks for the last page all the time
// neither learns how the login ended nor keeps the browser from its page.
func TestLastPageIsNotTaken(t *testing.T) {
	f := newFake(t)
	for range 20 {
		l := begin(t, f.client())
		address := *l.redirect
		address.Path = "/done"
		ctx, stop := context.WithCancel(t.Context())
		var told atomic.Bool
		var crowd sync.WaitGroup
		for range 4 {
			crowd.Go(func() {
				for client := browser(); ctx.Err() == nil; {
					if resp, err := client.Get(address.String()); err == nil {
						resp.Body.Close()
						if resp.StatusCode != http.StatusNotFound {
							told.Store(true)
						}
					}
				}
			})
		}
		resp, err := browser().Get(l.at(url.Values{"code": {"x"}, "state": {l.query.Get("state")}}))
		stop()
		crowd.Wait()
		if err != nil {
			t.Fatalf("the browser: %v", err)
		}
		if page := read(t, resp); !strings.Contains(page, "You are logged in") || told.Load() {
			t.Fatalf("told others: %t; the browser shows\n%s", told.Load(), page)
		}
		l.succeed()
	}
}

// TestHeadersToTheEnd: the redirect and the last page carry the headers too, a
// replaced one included, and the redirect takes the code out of the address.
func TestHeadersToTheEnd(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	pages := oauth.Pages{Success: "<!DOCTYPE html><title>ours</title>", Failure: "<!DOCTYPE html><title>oh no</title>"}
	for name, test := range map[string]struct {
		pages  oauth.Pages
		deny   bool
		status int
		words  string
	}{
		"success":           {status: 200, words: "You are logged in to " + "127.0.0.1:"},
		"failure":           {deny: true, status: 403, words: "access_denied"},
		"success, replaced": {pages: pages, status: 200, words: pages.Success},
		"failure, replaced": {pages: pages, deny: true, status: 403, words: pages.Failure},
	} {
		t.Run(name, func(t *testing.T) {
			s.Deny(test.deny)
			c := clientOf(s)
			c.Pages = test.pages
			l := begin(t, c)
			client := browser()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			resp, err := client.Get(l.callback())
			if err != nil {
				t.Fatal(err)
			}
			body := read(t, resp)
			wantProtection(t, resp)
			l.wantNothingTold(t, resp, body)
			location, err := resp.Location()
			if err != nil || resp.StatusCode != http.StatusSeeOther || location.RawQuery != "" || location.Host != l.redirect.Host {
				t.Fatalf("%s to %v, want 303 to a page without a query", resp.Status, location)
			}
			resp, page := l.visit(location.String())
			wantProtection(t, resp)
			if resp.StatusCode != test.status || !strings.Contains(page, test.words) || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%s, want %d with %q:\n%s", resp.Status, test.status, test.words, page)
			}
			if test.pages != (oauth.Pages{}) && page != test.words {
				t.Errorf("the page is not the one that was given:\n%s", page)
			}
			l.wantNothingTold(t, resp, page)
			_, err = l.end()
			if (err != nil) != test.deny {
				t.Errorf("the login's error is %v", err)
			}
		})
	}
	s.Deny(false)
}

// TestNobodyListensAfterwards: the port is closed once the login has ended.
func TestNobodyListensAfterwards(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	for name, finish := range map[string]func(*login){
		"logged in": func(l *login) { l.signIn() },
		"denied": func(l *login) {
			l.visit(l.at(url.Values{"error": {"access_denied"}, "state": {l.query.Get("state")}, "iss": {s.URL}}))
		},
		"cancelled": func(l *login) { l.cancel(context.Canceled) },
	} {
		t.Run(name, func(t *testing.T) {
			l := begin(t, clientOf(s))
			finish(l)
			_, _ = l.end()
			for _, host := range []string{"127.0.0.1", "::1"} {
				if conn, err := net.Dial("tcp", net.JoinHostPort(host, l.redirect.Port())); err == nil {
					conn.Close()
					t.Errorf("a listener is still at %s", conn.RemoteAddr())
				}
			}
		})
	}
}

// TestBothFamilies: while a login is under way 127.0.0.1 and ::1 listen on one
// port, and no other address does (L-01).
func TestBothFamilies(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	for _, redirect := range []string{"", "http://127.0.0.1/cb", "http://localhost/cb", "http://[::1]/cb"} {
		t.Run(redirect, func(t *testing.T) {
			c := clientOf(s)
			c.RedirectURI = redirect
			l := begin(t, c)
			for _, host := range []string{"127.0.0.1", "::1"} {
				probe, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
				if err != nil {
					t.Logf("%s is not looked at: this machine has no such address", host)
					continue
				}
				probe.Close()
				conn, err := net.Dial("tcp", net.JoinHostPort(host, l.redirect.Port()))
				if err != nil {
					t.Errorf("no listener is at %s: %v", host, err)
					continue
				}
				conn.Close()
			}
			for _, host := range outward(t) {
				if conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, l.redirect.Port()), time.Second); err == nil {
					conn.Close()
					t.Errorf("%s listens too", host)
				}
			}
			if redirect != "http://[::1]/cb" { // which this server has not registered in that form
				l.signIn()
				l.succeed()
			}
		})
	}
}

// outward are this machine's addresses that others reach.
func outward(t *testing.T) []string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Log(err)
	}
	found := []string{"127.0.0.2"}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			found = append(found, n.IP.String())
		}
	}
	return found
}

// take occupies a port of loopback.
func take(t *testing.T, address string) (string, int) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this machine cannot listen on %s: %v", address, err)
	}
	t.Cleanup(func() { l.Close() })
	port := l.Addr().(*net.TCPAddr).Port
	return fmt.Sprint(port), port
}

// free finds a port without a listener.
func free(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestPorts: a port that is taken, in one family is enough, falls to the next;
// no port at all is said before a browser opens.
func TestPorts(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	busy, busyPort := take(t, "127.0.0.1:0")
	other, otherPort := take(t, "127.0.0.1:0")

	t.Run("fixed", func(t *testing.T) {
		port := free(t)
		c := clientOf(s)
		c.RedirectURI = fmt.Sprintf("http://localhost:%d/cb", port)
		c.RedirectPorts = []int{busyPort}
		l := begin(t, c)
		if got := l.query.Get("redirect_uri"); got != c.RedirectURI {
			t.Errorf("the redirect URI is %s, want it as it was written", got)
		}
		l.signIn()
		l.succeed()
	})
	t.Run("next", func(t *testing.T) {
		port := free(t)
		c := clientOf(s)
		c.RedirectURI = "http://localhost:" + busy + "/cb"
		c.RedirectPorts = []int{otherPort, port}
		l := begin(t, c)
		if want := fmt.Sprintf("http://localhost:%d/cb", port); l.query.Get("redirect_uri") != want {
			t.Errorf("the redirect URI is %s, want %s", l.query.Get("redirect_uri"), want)
		}
		l.signIn()
		l.succeed()
		if got := s.Requests("authorization_code"); got[len(got)-1].Form.Get("redirect_uri") != l.query.Get("redirect_uri") {
			t.Error("the exchange names another redirect URI than the login")
		}
	})
	t.Run("only the other family is taken", func(t *testing.T) {
		_, six := take(t, "[::1]:0")
		port := free(t)
		c := clientOf(s)
		c.RedirectURI = fmt.Sprintf("http://localhost:%d/cb", six)
		c.RedirectPorts = []int{port}
		if l := begin(t, c); l.redirect.Port() != fmt.Sprint(port) {
			t.Errorf("the port is %s, want %d: another program is at ::1", l.redirect.Port(), port)
		}
	})
	t.Run("ports without one of its own", func(t *testing.T) {
		port := free(t)
		c := clientOf(s)
		c.RedirectPorts = []int{busyPort, port}
		if l := begin(t, c); l.redirect.Port() != fmt.Sprint(port) {
			t.Errorf("the port is %s, want %d", l.redirect.Port(), port)
		}
	})
	t.Run("all taken", func(t *testing.T) {
		c := clientOf(s)
		c.RedirectURI = "http://localhost:" + busy + "/cb"
		c.RedirectPorts = []int{otherPort}
		s.ResetCounts()
		l := start(t, c)
		if l.URL != "" {
			t.Fatal("a browser was opened")
		}
		wantTemporary(t, l.err)
		if e := oauth.AsError(l.err); e == nil || e.Setting != "redirect-port" || !strings.Contains(e.Problem, busy+" and "+other) {
			t.Errorf("got %v", l.err)
		}
		if n := s.Count("discovery"); n != 0 {
			t.Errorf("the server was asked for its metadata %d times, although no user can log in", n)
		}
	})
}

// TestRefusedInTheBrowser: an error with our state ends the login at once, with
// the server's words, made harmless and short.
func TestRefusedInTheBrowser(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	long := strings.Repeat("<b>no\x1b[31m\u202e ", 1<<8) // a request line has room for 16 KiB
	for name, test := range map[string]struct {
		q         url.Values
		code      string // empty: no oauth.Error
		temporary bool
		words     string
	}{
		"denied":      {q: url.Values{"error": {"access_denied"}, "error_description": {"the person said no"}}, code: "access_denied", words: "the person said no"},
		"script":      {q: url.Values{"error": {"<script>alert(1)</script>"}, "error_description": {"<img src=x onerror=alert(1)>"}}, code: "<script>alert(1)</script>", words: "&lt;img src=x onerror=alert(1)&gt;"},
		"long":        {q: url.Values{"error": {"invalid_scope"}, "error_description": {long}}, code: "invalid_scope", words: "&lt;b&gt;no[31m &lt;b&gt;"},
		"both":        {q: url.Values{"error": {"access_denied"}, "code": {"x"}}, code: "access_denied", words: "access_denied"},
		"in trouble":  {q: url.Values{"error": {"server_error"}}, code: "server_error", temporary: true, words: "server_error"},
		"overloaded":  {q: url.Values{"error": {"temporarily_unavailable"}}, code: "temporarily_unavailable", temporary: true, words: "temporarily_unavailable"},
		"no code":     {q: url.Values{}, words: "without a code"},
		"empty code":  {q: url.Values{"code": {""}}, words: "without a code"},
		"two codes":   {q: url.Values{"code": {"x", "y"}}, words: "without a code"},
		"wrong issue": {q: url.Values{"code": {"x"}, "iss": {"https://evil.example"}}, words: "RFC 9207"},
	} {
		t.Run(name, func(t *testing.T) {
			s.ResetCounts()
			l := begin(t, clientOf(s))
			test.q.Set("state", l.query.Get("state"))
			if !test.q.Has("iss") {
				test.q.Set("iss", s.URL)
			}
			resp, page := l.visit(l.at(test.q))
			_, err := l.end()
			if resp.StatusCode != http.StatusForbidden || !strings.Contains(page, test.words) {
				t.Errorf("%s, want 403 with %q:\n%s", resp.Status, test.words, page)
			}
			wantProtection(t, resp)
			for _, bad := range []string{"<script", "<img", "<b>", "\x1b", "\u202e"} {
				if strings.Contains(page, bad) || bad[0] != '<' && strings.Contains(err.Error(), bad) {
					t.Errorf("%q came through: %v\n%s", bad, err, page)
				}
			}
			if len(page) > 8<<10 || len(err.Error()) > 2<<10 {
				t.Errorf("%d bytes of page, %d of error", len(page), len(err.Error()))
			}
			e := oauth.AsError(err)
			if e == nil || e.Code != test.code {
				t.Errorf("got %v (%T), want %q", err, err, test.code)
			}
			if oauth.IsTemporary(err) != test.temporary {
				t.Errorf("got %v (%T), temporary should be %t", err, err, test.temporary)
			}
			wantPosts(t, s, 0)
		})
	}
}

// TestIssuerParameter: RFC 9207 §2.4, in its four combinations, for codes and
// for errors.
func TestIssuerParameter(t *testing.T) {
	const code, refused = "code", "error"
	for name, test := range map[string]struct {
		announced bool
		iss       []string // URL is replaced by the server's own
		good      bool
	}{
		"announced and right":           {announced: true, iss: []string{"URL"}, good: true},
		"announced and wrong":           {announced: true, iss: []string{"https://evil.example"}},
		"announced and missing":         {announced: true},
		"announced and doubled":         {announced: true, iss: []string{"URL", "URL"}},
		"announced and one slash more":  {announced: true, iss: []string{"URL/"}},
		"not announced and right":       {iss: []string{"URL"}, good: true},
		"not announced and wrong":       {iss: []string{"https://evil.example"}},
		"not announced and missing":     {good: true},
		"not announced, there, but nil": {iss: []string{""}},
	} {
		for _, kind := range []string{code, refused} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				f := newFake(t)
				f.metadata["authorization_response_iss_parameter_supported"] = test.announced
				c := f.client()
				c.Issuer = f.URL
				l := begin(t, c)
				q := url.Values{"state": {l.query.Get("state")}, kind: {"access_denied"}}
				for _, iss := range test.iss {
					q.Add("iss", strings.Replace(iss, "URL", f.URL, 1))
				}
				_, page := l.visit(l.at(q))
				_, err := l.end()
				want, words := 0, "another issuer"
				if len(test.iss) == 0 {
					words = "announces the parameter iss (RFC 9207), and its answer to the login has none"
				}
				switch {
				case test.good && kind == refused:
					wantDefinite(t, err, "access_denied")
				case test.good && err != nil:
					t.Errorf("got %v", err)
				case test.good:
					want = 1
				case err == nil || !strings.Contains(err.Error(), words):
					t.Errorf("got %v, want to read of %q", err, words)
				case !strings.Contains(page, words):
					t.Errorf("the page does not tell of %q:\n%s", words, page)
				}
				if n := len(f.requests()); n != want {
					t.Errorf("%d token requests, want %d", n, want)
				}
			})
		}
	}
}

// TestCancel: a login ends with its context, at once, with the cause.
func TestCancel(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	cause := errors.New("the caller has had enough")
	for name, before := range map[string]func(*login){
		"while waiting": func(*login) {},
		"while a tab is at the exchange": func(l *login) {
			s.Fail("token", oauthtest.Fault{Hang: true, Times: 1})
			address := l.callback()
			go func() {
				if resp, err := browser().Get(address); err == nil {
					resp.Body.Close()
				}
			}()
			for s.Count("token") == 0 {
				time.Sleep(time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.ResetCounts()
			l := begin(t, clientOf(s))
			before(l)
			begun := time.Now()
			l.cancel(cause)
			if _, err := l.end(); !errors.Is(err, cause) {
				t.Errorf("got %v, want the cause", err)
			}
			if took := time.Since(begun); took > patience/2 {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestLoginTimeout: after the login time-out a late browser gets an answer or no
// connection, and never waits.
func TestLoginTimeout(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	c.LoginTimeout = 300 * time.Millisecond
	l := begin(t, c)
	address := l.callback()
	_, err := l.end()
	wantTemporary(t, err)
	if err == nil || !strings.Contains(err.Error(), "was not completed") || !strings.Contains(err.Error(), "within 300ms") {
		t.Errorf("got %v", err)
	}
	if resp, err := browser().Get(address); err == nil {
		if page := read(t, resp); strings.Contains(page, "You are logged in") {
			t.Errorf("the late browser is told\n%s", page)
		}
	}
	wantPosts(t, s, 0)
}

// TestTimeoutByTheWallClock: a lid that was shut counts.
func TestTimeoutByTheWallClock(t *testing.T) {
	s := newServer(t, oauthtest.Config{})
	c := clientOf(s)
	var slept atomic.Int64
	c.Now = func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
	l := begin(t, c)
	go func() { // again and again: the login may not have looked at the clock yet
		for {
			select {
			case <-l.done:
				return
			case <-time.After(10 * time.Millisecond):
				slept.Add(int64(time.Hour))
			}
		}
	}()
	_, err := l.end()
	wantTemporary(t, err)
}

// TestTimeoutDuringTheExchange: a code that is being spent is waited for.
func TestTimeoutDuringTheExchange(t *testing.T) {
	t.Parallel()
	s := newServer(t, oauthtest.Config{})
	s.Fail("token", oauthtest.Fault{Delay: time.Second})
	c := clientOf(s)
	c.LoginTimeout = 500 * time.Millisecond
	l := begin(t, c)
	if page := l.signIn(); !strings.Contains(page, "You are logged in") {
		t.Errorf("the page is\n%s", page)
	}
	l.succeed()
	wantPosts(t, s, 1)
}

// TestTabIsClosed: the exchange goes on without the tab that started it.
func TestTabIsClosed(t *testing.T) {
	t.Parallel()
	s := newServer(t, oauthtest.Config{})
	s.Fail("token", oauthtest.Fault{Delay: 500 * time.Millisecond})
	l := begin(t, clientOf(s))
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.callback(), nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for s.Count("token") == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if resp, err := browser().Do(request); err == nil {
		resp.Body.Close()
		t.Fatal("the tab was answered before it could be closed")
	}
	if token := l.succeed(); token.AccessToken == "" {
		t.Error("there is no access token")
	}
	wantPosts(t, s, 1)
}
