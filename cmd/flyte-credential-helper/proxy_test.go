package main

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// proxy is an HTTP proxy, through which https://example.com is the script's server.
type proxy struct {
	inside *httptest.Server // with TLS
	front  *httptest.Server

	mu      sync.Mutex
	who     []string // the Proxy-Authorization of each connection
	guarded bool     // no user is let in
}

// startProxy starts a proxy before the server at address.
func startProxy(address string) (*proxy, error) {
	to, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	p := &proxy{inside: httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})}
	p.front = httptest.NewServer(p)
	return p, nil
}

// ServeHTTP connects each client to the server inside, whatever host it names.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Host != "example.com:443" {
		http.Error(w, "this way leads to https://example.com only", http.StatusForbidden)
		return
	}
	p.mu.Lock()
	p.who = append(p.who, r.Header.Get("Proxy-Authorization"))
	guarded := p.guarded
	p.mu.Unlock()
	if guarded {
		http.Error(w, "this proxy requires a user", http.StatusProxyAuthRequired)
		return
	}
	there, err := net.Dial("tcp", p.inside.Listener.Addr().String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		there.Close()
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(there, here); there.Close() }()
	go func() { _, _ = io.Copy(here, there); here.Close() }()
}

func (p *proxy) close() {
	p.front.Close()
	p.inside.Close()
}

// proxyCommand gives the script a proxy, $PROXY, with its server's authority in
// proxy.pem; or makes it answer 407 ("proxy guard"); or asserts how many connections went
// through it ("proxy count 1").
func proxyCommand(ts *testscript.TestScript, _ bool, args []string) {
	f := theFixture(ts)
	switch args[0] {
	case "start":
		var err error
		f.proxy, err = startProxy(serverOf(ts).URL)
		ts.Check(err)
		ts.Defer(f.proxy.close)
		ts.Setenv("PROXY", f.proxy.front.Listener.Addr().String())
		authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.proxy.inside.Certificate().Raw})
		ts.Check(os.WriteFile(ts.MkAbs("proxy.pem"), authority, 0o600))
	case "guard":
		f.proxy.mu.Lock()
		defer f.proxy.mu.Unlock()
		f.proxy.guarded = true
	case "count":
		f.proxy.mu.Lock()
		defer f.proxy.mu.Unlock()
		testenv.Want(ts, "connections through the proxy", len(f.proxy.who), args[1])
		for _, who := range f.proxy.who {
			if len(args) > 2 && who != args[2] {
				ts.Fatalf("the proxy got %q, not %q", who, args[2])
			}
		}
	default:
		ts.Fatalf("proxy %s?", args[0])
	}
}
