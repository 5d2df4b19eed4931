package flyte

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

type answers = map[string]http.HandlerFunc

// Each way to ask leads to the same answer, and the ways before it are tried first.
func TestRungs(t *testing.T) {
	const camel = `{"issuer":"https://id.example","authorizationEndpoint":"https://id.example/authorize","tokenEndpoint":"https://id.example/oauth2/token","scopesSupported":["all","offline"],` +
		`"tokenEndpointAuthMethodsSupported":["client_secret_basic"],"jwksUri":"https://id.example/jwks","codeChallengeMethodsSupported":["S256"],"deviceAuthorizationEndpoint":"https://id.example/device","news":{"a":[1]}}`
	const snake = `{"issuer":"https://id.example","authorization_endpoint":"https://id.example/authorize","token_endpoint":"https://id.example/oauth2/token","scopes_supported":["all","offline"],` +
		`"token_endpoint_auth_methods_supported":["client_secret_basic"],"jwks_uri":"https://id.example/jwks","code_challenge_methods_supported":["S256"],"device_authorization_endpoint":"https://id.example/device"}`
	const camelOwn = `{"clientId":"flytectl","redirectUri":"http://localhost:53593/callback","scopes":["all","offline"],"authorizationMetadataKey":"flyte-authorization","serviceHttpEndpoint":"x","audience":"api","dataplaneDomain":"y"}`
	const snakeOwn = `{"client_id":"flytectl","redirect_uri":"http://localhost:53593/callback","scopes":["all","offline"],"authorization_metadata_key":"flyte-authorization","audience":"api"}`
	html := page(http.StatusOK, "text/html; charset=utf-8", "<html>")
	for name, test := range map[string]struct {
		how     speaks
		answers answers
		asked   []string
	}{
		"gRPC v1":                 {http2, answers{grpc1: says(server()), grpc1own: says(own())}, []string{grpc1, grpc1own}},
		"gRPC v1 without TLS":     {h2c, answers{grpc1: says(server()), grpc1own: says(own())}, []string{grpc1, grpc1own}},
		"one port for everything": {plaintext, answers{grpc1: says(server()), grpc1own: says(own())}, []string{grpc1, grpc1own}},
		"gRPC v2":                 {http2, answers{grpc1: only("12", "unknown service"), grpc2: says(server()), grpc2own: says(own())}, []string{grpc1, grpc2, grpc2own}},
		"gRPC v2, status behind":  {http2, answers{grpc1: call(nil, "12", "unknown service"), grpc2: says(server()), grpc2own: says(own())}, []string{grpc1, grpc2, grpc2own}},
		"Connect":                 {http2, answers{grpc1: only("12", ""), grpc2: only("12", ""), post + grpc2: inJSON(camel), post + grpc2own: inJSON(camelOwn)}, []string{grpc1, grpc2, post + grpc2, post + grpc2own}},
		"Connect by HTTP/1.1":     {http1, answers{post + grpc2: inJSON(camel), post + grpc2own: inJSON(camelOwn)}, []string{post + grpc2, post + grpc2own}},
		"the gateway, v1":         {http2, answers{grpc1: page(http.StatusNotFound, "text/plain", ""), get: inJSON(snake), getOwn: inJSON(snakeOwn)}, []string{grpc1, grpc2, post + grpc2, get, getOwn}},
		"the gateway, camelCase":  {http2, answers{grpc1: html, post + grpc2: html, get: inJSON(camel), getOwn: inJSON(camelOwn)}, []string{grpc1, post + grpc2, get, getOwn}},
		"by HTTP/1.1":             {http1, answers{get: inJSON(snake), getOwn: inJSON(snakeOwn)}, []string{post + grpc2, get, getOwn}},
		"POST is not allowed":     {http1, answers{post + grpc2: page(http.StatusMethodNotAllowed, "text/plain", ""), get: inJSON(snake), getOwn: inJSON(snakeOwn)}, []string{post + grpc2, get, getOwn}},
		"POST is 501":             {http1, answers{post + grpc2: page(http.StatusNotImplemented, "application/json", "{}"), get: inJSON(snake), getOwn: inJSON(snakeOwn)}, []string{post + grpc2, get, getOwn}},
		"no status":               {http2, answers{grpc1: call(frame(nil), "", ""), grpc2: says(server()), grpc2own: says(own())}, []string{grpc1, grpc2, grpc2own}},
		"a broken frame":          {http2, answers{grpc1: call([]byte{0}, "0", ""), grpc2: says(server()), grpc2own: says(own())}, []string{grpc1, grpc2, grpc2own}},
	} {
		t.Run(name, func(t *testing.T) {
			f, s, err := ask(t, test.how, test.answers)
			if err != nil {
				t.Fatal(err)
			}
			want := found()
			want.Flyte2 = strings.HasSuffix(test.asked[len(test.asked)-1], grpc2own)
			if diff := cmp.Diff(want, f); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.asked, s.paths()); diff != "" {
				t.Errorf("asked in another order: -want +got:\n%s", diff)
			}
		})
	}
}

// HTTP/1.1 with TLS does not agree on HTTP/2, and is asked otherwise.
func TestNoHTTP2(t *testing.T) {
	f, s, err := ask(t, http1TLS, answers{get: inJSON(`{"token_endpoint":"https://id.example/token"}`)})
	if err != nil || f.Server.TokenEndpoint != "https://id.example/token" {
		t.Fatal(f, err)
	}
	for _, r := range s.asked {
		if r.ProtoMajor != 1 || strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			t.Errorf("%s %s by %s: gRPC is HTTP/2", r.Method, r.URL, r.Proto)
		}
	}
}

// What is said of clients may be missing: nothing else of the way is asked then.
func TestNoClientConfig(t *testing.T) {
	for name, missing := range map[string]http.HandlerFunc{"unimplemented": only("12", ""), "a bare 404": nil} {
		t.Run(name, func(t *testing.T) {
			f, s, err := ask(t, http2, answers{grpc1: says(server()), grpc1own: missing})
			if err != nil {
				t.Fatal(err)
			}
			want := &LoginConfig{Server: found().Server}
			if diff := cmp.Diff(want, f); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff([]string{grpc1, grpc1own}, s.paths()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	_, _, err := ask(t, http2, answers{grpc1: says(server()), grpc1own: only("14", "overloaded")})
	wantLater(t, err, "overloaded")
}

func TestRequests(t *testing.T) {
	_, s, err := ask(t, http2, answers{grpc1: only("12", ""), grpc2: only("12", ""), get: inJSON("{}")})
	if err != nil {
		t.Fatal(err)
	}
	header := func(r *http.Request, name string) string { return strings.Join(r.Header.Values(name), "|") }
	for _, r := range s.asked {
		switch header(r, "Content-Type") {
		case "application/grpc":
			if r.Method != http.MethodPost || r.ProtoMajor != 2 || header(r, "Te") != "trailers" || r.ContentLength != frameHeader {
				t.Errorf("%s %s by %s, te %q, %d bytes", r.Method, r.URL, r.Proto, header(r, "Te"), r.ContentLength)
			}
			continue
		case "application/json":
			if r.Method != http.MethodPost || r.ContentLength != 2 || header(r, "Connect-Protocol-Version") != "1" {
				t.Errorf("%s %s, %d bytes, version %q", r.Method, r.URL, r.ContentLength, header(r, "Connect-Protocol-Version"))
			}
		case "":
			if r.Method != http.MethodGet || r.ContentLength != 0 {
				t.Errorf("%s %s, %d bytes", r.Method, r.URL, r.ContentLength)
			}
		default:
			t.Errorf("%s sends %s", r.URL, header(r, "Content-Type"))
		}
		if header(r, "Accept") != "application/json" {
			t.Errorf("%s takes %q", r.URL, header(r, "Accept"))
		}
	}
	if len(s.asked) != 5 {
		t.Errorf("%d requests: %v", len(s.asked), s.paths())
	}
}

// The request's body is a frame of nothing.
func TestGRPCBody(t *testing.T) {
	var body []byte
	server := start(t, http2, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		only("14", "")(w, r)
	}))
	_, err := Discover(within(t), endpointOf(t, server.URL), networkOf(server))
	wantLater(t, err)
	if string(body) != "\x00\x00\x00\x00\x00" {
		t.Errorf("%x was sent", body)
	}
}

func TestPathPrefix(t *testing.T) {
	s := &rungs{answers: answers{"/a b/c" + grpc1: only("12", ""), "/a b/c" + grpc2: only("12", ""), "/a b/c" + get: inJSON(`{"token_endpoint":"https://id.example/token"}`)}}
	server := start(t, http2, s)
	f, err := Discover(within(t), endpointOf(t, server.URL+"/a%20b/c/"), networkOf(server))
	if err != nil || f.Server.TokenEndpoint != "https://id.example/token" {
		t.Errorf("%+v, %v, asked %q", f, err, s.paths())
	}
}

// A server that can be asked and cannot answer says why. There is no other to ask.
func TestTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		words  []string
	}{
		"UNAVAILABLE":        {only("14", "no healthy upstream"), []string{"cannot say how to log in: no healthy upstream (gRPC status 14)"}},
		"INTERNAL, behind":   {call(nil, "13", "Failed to get oauth metadata"), []string{"Failed to get oauth metadata (gRPC status 13)"}},
		"UNKNOWN":            {call(frame(nil), "2", ""), []string{"(gRPC status 2)"}},
		"percent-encoded":    {only("14", "100%25 caf%C3%A9 %E2%98%83"), []string{"100% café ☃"}},
		"not well encoded":   {only("14", "100% of %zz"), []string{"100% of %zz"}},
		"escapes":            {only("14", "a%1B[31mb%07%0Ac%E2%80%AEd"), []string{"a[31mb cd"}},
		"a status of no one": {only("14%1B[2J", "x"), []string{"gRPC status 14%1B[2J"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, s, err := ask(t, http2, answers{grpc1: test.answer})
			wantLater(t, err, test.words...)
			if strings.ContainsAny(err.Error(), "\x1b\x07\n\u202e") {
				t.Errorf("the words drive the terminal: %q", err)
			}
			if diff := cmp.Diff([]string{grpc1}, s.paths()); diff != "" {
				t.Errorf("others were asked: -want +got:\n%s", diff)
			}
		})
	}
}

// A gateway's words, and a Connect server's, are as good.
func TestGatewayTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		answers answers
		words   string
	}{
		"Connect":        {answers{post + grpc2: page(http.StatusServiceUnavailable, "application/json", `{"code":"unavailable","message":"no \u001b[31mhealthy upstream"}`)}, "cannot say how to log in: no [31mhealthy upstream"},
		"the gateway":    {answers{get: page(http.StatusInternalServerError, "application/json", `{"code":13,"message":"Failed to get oauth metadata"}`)}, "cannot say how to log in: Failed to get oauth metadata"},
		"without words":  {answers{get: page(http.StatusInternalServerError, "application/json", `{"message":5}`)}, "cannot say how to log in: 500 Internal Server Error"},
		"plain text":     {answers{"*": page(http.StatusServiceUnavailable, "text/plain", "no healthy upstream\x1b[31m")}, "answered 503 Service Unavailable: no healthy upstream[31m"},
		"a long text":    {answers{"*": page(http.StatusBadGateway, "text/plain", strings.Repeat("x", 5000))}, ": " + strings.Repeat("x", 200)},
		"too many":       {answers{"*": page(http.StatusTooManyRequests, "application/octet-stream", "")}, "answered 429 Too Many Requests"},
		"client's words": {answers{get: inJSON(`{"token_endpoint":"https://id.example/token"}`), getOwn: page(http.StatusBadGateway, "application/json", `{"message":"later"}`)}, "later"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ask(t, http1, test.answers)
			wantLater(t, err, test.words)
			if strings.ContainsAny(err.Error(), "\x1b") || len(err.Error()) > 700 {
				t.Errorf("the words are not fit for a line: %q", err)
			}
		})
	}
}

// What is in front of an endpoint, or instead of it, is said as it is.
func TestNotFlyte(t *testing.T) {
	t.Run("HTML everywhere", func(t *testing.T) {
		for _, how := range []speaks{http1, http2, plaintext} {
			_, _, err := ask(t, how, answers{"*": page(http.StatusOK, "text/html", "<html>")})
			wantLater(t, err, "does not say how to log in", "HTML", "captive portal")
		}
	})
	t.Run("another host", func(t *testing.T) {
		_, s, err := ask(t, http2, answers{"*": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://login.example/sign-in?next=secret", http.StatusFound)
		}})
		wantLater(t, err, "redirects to login.example", "identity-aware proxy")
		if strings.Contains(err.Error(), "secret") || len(s.asked) != 3 {
			t.Errorf("%v, asked %v", err, s.paths())
		}
	})
	t.Run("another path", func(t *testing.T) {
		_, s, err := ask(t, http1, answers{"*": func(w http.ResponseWriter, r *http.Request) {
			redirect(w, "/console")
		}})
		wantNone(t, err, "308 Permanent Redirect")
		for _, path := range s.paths() {
			if path == "/console" {
				t.Error("the redirect is followed")
			}
		}
	})
	t.Run("bare 404s", func(t *testing.T) {
		for _, how := range []speaks{http1, http2, plaintext, http1TLS} {
			_, _, err := ask(t, how, nil)
			wantNone(t, err, "does not say how to log in", "404 Not Found")
			if errors.Is(err, ErrNoAuth) {
				t.Error("and not that it needs no login")
			}
		}
	})
	t.Run("another API", func(t *testing.T) {
		_, _, err := ask(t, http1, answers{get: inJSON(`[]`)})
		wantNone(t, err, "answered 200 OK with application/json")
		_, _, err = ask(t, http1, answers{get: page(http.StatusOK, "image/png", "x")})
		wantNone(t, err, "with image/png")
	})
	t.Run("the first words too", func(t *testing.T) {
		_, _, err := ask(t, http2, answers{grpc1: page(http.StatusTeapot, "", "")})
		wantNone(t, err, "404 Not Found; by gRPC: ", "418 I'm a teapot")
	})
	t.Run("guarded", func(t *testing.T) {
		for status, words := range map[int]string{http.StatusUnauthorized: "401 Unauthorized", http.StatusForbidden: "403 Forbidden"} {
			_, _, err := ask(t, http2, answers{"*": page(status, "text/plain", "who are you?")})
			var guarded *ProxyAuthRequiredError
			if !errors.As(err, &guarded) || !strings.Contains(guarded.Message, words) || guarded.Endpoint.Host == "" {
				t.Errorf("%d is %v", status, err)
				continue
			}
			wantWords(t, err, "a proxy in front of "+guarded.Endpoint.Host)
		}
	})
}

// An endpoint needs no token only if both protocols of Flyte 1 say so, and no other answer
// contradicts.
func TestNoAuth(t *testing.T) {
	none := page(http.StatusNotImplemented, "application/json", `{"code":12,"message":"unknown service"}`)
	for name, all := range map[string]answers{
		"v1":      {grpc1: only("12", ""), grpc2: call(nil, "12", ""), get: none},
		"Connect": {grpc1: only("12", ""), grpc2: only("12", ""), post + grpc2: none, get: none},
		"an ingress that knows Flyte 1's paths only": {grpc1: only("12", ""), get: none},
	} {
		if _, _, err := ask(t, http2, all); !errors.Is(err, ErrNoAuth) {
			t.Errorf("%s: %v", name, err)
		}
	}
	connect := page(http.StatusNotFound, "application/json", `{"code":"unimplemented"}`)
	for name, all := range map[string]answers{ // gRPC is not let through
		"HTTP":          {get: none},
		"HTTP, Connect": {post + grpc2: connect, get: none},
		"HTTP, code 12": {get: page(http.StatusBadRequest, "application/json", `{"code":12}`)},
	} {
		for _, how := range []speaks{http1, http1TLS} {
			if _, _, err := ask(t, how, all); !errors.Is(err, ErrNoAuth) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name, all := range map[string]answers{
		"gRPC v1":     {grpc2: only("12", ""), get: none},
		"gRPC v2":     {grpc1: only("12", ""), grpc2: page(http.StatusForbidden, "text/plain", ""), get: none},
		"Connect":     {grpc1: only("12", ""), grpc2: only("12", ""), post + grpc2: page(http.StatusBadRequest, "text/plain", ""), get: none},
		"the gateway": {grpc1: only("12", ""), grpc2: only("12", "")},
	} {
		if _, _, err := ask(t, http2, all); err == nil || errors.Is(err, ErrNoAuth) {
			t.Errorf("%s says otherwise, and it is %v", name, err)
		}
	}
}

// Fields of the wrong type and unknown fields count as absent.
func TestWrongTypes(t *testing.T) {
	f, _, err := ask(t, http1, answers{
		get: inJSON(`{"issuer":5,"authorization_endpoint":{"a":1},"token_endpoint":["https://a.example","https://id.example/token"],"scopes_supported":"all","jwks_uri":null,` +
			`"code_challenge_methods_supported":[1],"token_endpoint_auth_methods_supported":{},"device_authorization_endpoint":true,"flyte_plaintext":true,"revocation_endpoint":"https://evil.example"}`),
		getOwn: inJSON(`{"client_id":["a"],"redirect_uri":"","scopes":null,"authorization_metadata_key":{},"audience":7}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &LoginConfig{ClientID: "a", Server: oauth.Metadata{TokenEndpoint: "https://id.example/token", Scopes: []string{"all"}, Plaintext: true}}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLargeAnswer(t *testing.T) {
	_, _, err := ask(t, http1, answers{get: inJSON(`{"issuer":"` + strings.Repeat("x", maxResponse) + `"}`)})
	wantLater(t, err, "larger than 1 MiB")
	f, _, err := ask(t, http1, answers{get: inJSON(`{"token_endpoint":"https://id.example/token","x":"` + strings.Repeat("x", maxResponse-100) + `"}`)})
	if err != nil || f.Server.TokenEndpoint == "" {
		t.Errorf("%v", err)
	}
	_, s, err := ask(t, http2, answers{grpc1: says(message{1: {strings.Repeat("x", maxResponse)}})})
	wantNone(t, err, "larger than 1 MiB")
	if diff := cmp.Diff([]string{grpc1, post + grpc2, get, getOpenID}, s.paths()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Which of the two schemes it is, an endpoint must say itself; the other is named.
func TestTLS(t *testing.T) {
	for _, how := range []speaks{http1, plaintext} {
		server := start(t, how, &rungs{answers: answers{grpc1: says(server())}})
		host := strings.TrimPrefix(server.URL, "http://")
		_, err := Discover(within(t), endpointOf(t, host), networkOf(server))
		wantNone(t, err, host+" does not use TLS", "http://"+host)
	}
	for _, how := range []speaks{http2, http1TLS} {
		server := start(t, how, &rungs{answers: answers{grpc1: says(server())}})
		host := strings.TrimPrefix(server.URL, "https://")
		_, err := Discover(within(t), endpointOf(t, "http://"+host), networkOf(server))
		wantNone(t, err, host+" speaks TLS: leave out http://")
		if strings.Contains(err.Error(), "by gRPC") {
			t.Errorf("what gRPC made of it does not help: %v", err)
		}
	}
}

// A server that speaks TLS and closes a plaintext connection is found out too.
func TestTLSThatCloses(t *testing.T) {
	server := start(t, http1TLS, &rungs{})
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			go passTLS(conn, server.Listener.Addr().String())
		}
	}()
	_, err = Discover(within(t), endpointOf(t, "http://"+silent.Addr().String()), networkOf(server))
	wantNone(t, err, silent.Addr().String()+" speaks TLS: leave out http://")
}

// passTLS passes a connection on to a server if it begins with a handshake of TLS (RFC 8446
// §5.1), and closes it otherwise.
func passTLS(conn net.Conn, server string) {
	defer conn.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil || first[0] != 22 {
		return
	}
	behind, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer behind.Close()
	if _, err := behind.Write(first); err != nil {
		return
	}
	go func() { _, _ = io.Copy(behind, conn) }()
	_, _ = io.Copy(conn, behind)
}

// An endpoint that is an authorization server is named as such, with the flag to use.
func TestIdentityProvider(t *testing.T) {
	document := inJSON(`{"issuer":"https://id.example","authorization_endpoint":"https://id.example/a","token_endpoint":"https://id.example/t"}`)
	for name, all := range map[string]answers{
		"RFC 8414":       {get: document},
		"OpenID Connect": {getOpenID: document},
		"both":           {get: document, getOpenID: document},
	} {
		for _, how := range []speaks{http1, http2, http1TLS} {
			_, _, err := ask(t, how, all)
			wantNone(t, err, "is an authorization server and not a Flyte endpoint: use --issuer https://id.example")
			if err == nil {
				t.Error(name)
			}
		}
	}
}

// No error shows the value of a header that was sent, however the server repeats it.
func TestEcho(t *testing.T) {
	const canary = `canary/"5ecret"=<&>+value`
	echo := func(status int, kind, form string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			value := r.Header.Get("X-Api-Key")
			if value != canary {
				t.Errorf("the header is %q", value)
			}
			quoted, _ := json.Marshal("no " + value)
			text := strings.NewReplacer("RAW", value, "FORM", url.QueryEscape(value), "JSON", string(quoted), "PART", value[:18], "BASE64", base64.StdEncoding.EncodeToString([]byte("key "+value))).Replace(form)
			page(status, kind, text)(w, r)
		}
	}
	for name, all := range map[string]answers{
		"gRPC": {grpc1: func(w http.ResponseWriter, r *http.Request) {
			only("14", url.PathEscape("no "+r.Header.Get("X-Api-Key")))(w, r)
		}},
		"JSON":    {"*": echo(http.StatusInternalServerError, "application/json", `{"message":JSON}`)},
		"text":    {"*": echo(http.StatusServiceUnavailable, "text/plain", "no RAW")},
		"form":    {"*": echo(http.StatusServiceUnavailable, "text/plain", "no FORM")},
		"Base64":  {"*": echo(http.StatusServiceUnavailable, "text/plain", "no BASE64")},
		"in part": {"*": echo(http.StatusServiceUnavailable, "text/plain", "no PART...")},
	} {
		t.Run(name, func(t *testing.T) {
			server := start(t, http2, &rungs{answers: all})
			n := networkOf(server)
			n.Wrap = func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					r = r.Clone(r.Context())
					r.Header.Set("X-Api-Key", canary)
					return next.RoundTrip(r)
				})
			}
			_, err := Discover(within(t), endpointOf(t, server.URL), n)
			if err == nil {
				t.Fatal("it says how to log in")
			}
			for _, secret := range []string{canary, "5ecret", url.QueryEscape(canary), base64.StdEncoding.EncodeToString([]byte(canary))[4:16]} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v shows %q", err, secret)
				}
			}
		})
	}
}

func TestUntrusted(t *testing.T) {
	for _, how := range []speaks{http2, http1TLS} {
		server := start(t, how, &rungs{answers: answers{grpc1: says(server())}})
		_, err := Discover(within(t), endpointOf(t, server.URL), Network{Transport: oauth.NewTransport(nil)})
		wantLater(t, err)
		if e := oauth.AsError(err); e == nil || e.Class != oauth.ClassUntrusted || "https://"+e.Host != server.URL {
			t.Errorf("%v (%T)", err, err)
		}
	}
}

func TestNobody(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	_, err := Discover(within(t), endpointOf(t, server.URL), networkOf(server))
	wantLater(t, err, "cannot be reached")
}

// Endpoints without TLS are oauth's to refuse, unless what names them has none or is
// on this machine.
func TestPlaintextEndpoints(t *testing.T) {
	text := inJSON(`{"authorization_endpoint":"http://id.example/authorize","token_endpoint":"http://id.example/token"}`)
	f, _, err := ask(t, http1, answers{get: text})
	if err != nil || !f.Server.Plaintext {
		t.Fatal(f, err)
	}
	check := func(m oauth.Metadata) error { return (&oauth.Client{ClientID: "a", Server: &m}).Check() }
	if err := check(f.Server); err != nil {
		t.Errorf("of an endpoint without TLS: %v", err)
	}
	for host, allowed := range map[string]bool{"flyte.example": false, "http://flyte.example": true, "127.0.0.1": true, "localhost:1": true, "127.0.0.1.example": false} {
		f, err := Discover(within(t), endpointOf(t, host), answering(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			if r.Method == http.MethodGet {
				text(w, r)
			} else {
				http.NotFound(w, r)
			}
			resp := w.Result()
			resp.Request = r
			return resp, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := check(f.Server); (err == nil) != allowed || f.Server.Plaintext != allowed {
			t.Errorf("of %s: %v", host, err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a network in memory.
func answering(f roundTripper) Network {
	return Network{Transport: oauth.NewTransport(nil), Wrap: func(http.RoundTripper) http.RoundTripper { return f }}
}

// Wrap is asked for both kinds of HTTP.
func TestWrap(t *testing.T) {
	s := &rungs{answers: answers{get: inJSON("{}")}}
	server := start(t, http2, s)
	n := networkOf(server)
	n.Wrap = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Set("X-Wrapped", "yes")
			return next.RoundTrip(r)
		})
	}
	if _, err := Discover(within(t), endpointOf(t, server.URL), n); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.asked {
		if r.Header.Get("X-Wrapped") != "yes" {
			t.Errorf("%s is not wrapped", r.URL)
		}
	}
	if n.Transport.Protocols != nil {
		t.Error("the caller's transport was changed")
	}
}

// A caller's own deadline ends it.
func TestDeadline(t *testing.T) {
	server := start(t, http2, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Discover(ctx, endpointOf(t, server.URL), networkOf(server)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	gone := errors.New("Ctrl-C")
	interrupted, interrupt := context.WithCancelCause(t.Context())
	interrupt(gone)
	if _, err := Discover(interrupted, endpointOf(t, server.URL), networkOf(server)); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}

// A proxy that swallows gRPC is given up in time to ask otherwise.
func TestSwallowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f, err := Discover(t.Context(), Endpoint{Host: "flyte.example"}, answering(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			switch {
			case strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
				<-r.Context().Done()
				return nil, r.Context().Err()
			case r.Method == http.MethodPost:
				http.NotFound(w, r)
			default:
				inJSON(`{"token_endpoint":"https://id.example/token"}`)(w, r)
			}
			resp := w.Result()
			resp.Request = r
			return resp, nil
		}))
		if err != nil || f.Server.TokenEndpoint != "https://id.example/token" {
			t.Errorf("%+v, %v", f, err)
		}
		if took := time.Since(began); took != grpcTimeout {
			t.Errorf("after %s", took)
		}
	})
}

// Who never says anything is named when the time is over.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := Discover(t.Context(), Endpoint{Host: "flyte.example"}, answering(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		wantLater(t, err, "flyte.example did not answer in time")
		if took := time.Since(began); took != discoveryTimeout {
			t.Errorf("after %s", took)
		}
	})
}

func TestOwnServer(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"https://flyte.example/oauth2/token": true, "https://flyte.example/prefix/oauth2/token": true, "https://id.example/token": false,
		"https://id.example/oauth2/token/": false, "https://id.example/?a=/oauth2/token": false, "": false, "%zz/oauth2/token": false,
	} {
		authorize := strings.Replace(endpoint, "token", "authorize", 1)
		if IsFlyteadmin(oauth.Metadata{TokenEndpoint: endpoint, AuthorizationEndpoint: strings.TrimSuffix(authorize, "orize")}) { // as Hydra's
			t.Errorf("%q is flyteadmin's own whatever stands beside it", endpoint)
		}
		if got := IsFlyteadmin(oauth.Metadata{TokenEndpoint: endpoint, AuthorizationEndpoint: authorize}); got != want {
			t.Errorf("%q is flyteadmin's own: %t", endpoint, got)
		}
	}
}
