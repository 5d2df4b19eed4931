package flyte

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The paths at which an endpoint is asked, in the order in which it is.
const (
	grpc1     = "/flyteidl.service.AuthMetadataService/GetOAuth2Metadata"
	grpc1own  = "/flyteidl.service.AuthMetadataService/GetPublicClientConfig"
	grpc2     = "/flyteidl2.auth.AuthMetadataService/GetOAuth2Metadata"
	grpc2own  = "/flyteidl2.auth.AuthMetadataService/GetPublicClientConfig"
	get       = "/.well-known/oauth-authorization-server"
	getOwn    = "/config/v1/flyte_client"
	getOpenID = "/.well-known/openid-configuration"
)

// rungs answers gRPC at its paths, Connect at those with post before them, and the
// rest with a bare 404. It notes what it was asked.
type rungs struct {
	answers map[string]http.HandlerFunc

	mu    sync.Mutex
	asked []*http.Request
}

const post = "POST "

func (s *rungs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PRI" { // net/http's server hands HTTP/2's preface on
		http.Error(w, "HTTP/1.1 only", http.StatusHTTPVersionNotSupported)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.asked = append(s.asked, r)
	s.mu.Unlock()
	name := r.URL.Path
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/json" {
		name = post + name
	}
	if answer := s.answers[name]; answer != nil {
		answer(w, r)
		return
	}
	if answer := s.answers["*"]; answer != nil {
		answer(w, r)
		return
	}
	http.Error(w, "404 page not found", http.StatusNotFound)
}

// paths are what was asked, in order.
func (s *rungs) paths() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		path := r.URL.Path
		if r.Header.Get("Content-Type") == "application/json" {
			path = post + path
		}
		all = append(all, path)
	}
	return all
}

// speaks is how a server is reached.
type speaks func(*httptest.Server)

func http2(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }
func http1(s *httptest.Server) { s.Start() }

func http1TLS(s *httptest.Server) { s.StartTLS() }

// h2c takes gRPC only, as a port for nothing else does.
func h2c(s *httptest.Server) {
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
}

// plaintext takes both, as one port for everything does.
func plaintext(s *httptest.Server) {
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.Protocols.SetHTTP1(true)
	s.Start()
}

func start(t *testing.T, how speaks, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	how(s)
	t.Cleanup(s.Close)
	return s
}

// networkOf trusts s.
func networkOf(s *httptest.Server) Network {
	roots := x509.NewCertPool()
	if s.Certificate() != nil {
		roots.AddCert(s.Certificate())
	}
	return Network{Transport: oauth.NewTransport(&tls.Config{RootCAs: roots})}
}

// ask discovers what answers say, at a server that speaks how.
func ask(t *testing.T, how speaks, answers map[string]http.HandlerFunc) (*LoginConfig, *rungs, error) {
	t.Helper()
	s := &rungs{answers: answers}
	server := start(t, how, s)
	f, err := Discover(within(t), endpointOf(t, server.URL), networkOf(server))
	return f, s, err
}

func endpointOf(t *testing.T, address string) Endpoint {
	t.Helper()
	e, err := ParseEndpoint(address)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// within bounds a hang.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// encode writes a message, its fields in order.
func encode(m message) (b []byte) {
	for _, number := range slices.Sorted(maps.Keys(m)) {
		for _, value := range m[number] {
			b = binary.AppendUvarint(b, uint64(number)<<3|wireBytes)
			b = binary.AppendUvarint(b, uint64(len(value)))
			b = append(b, value...)
		}
	}
	return b
}

func frame(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)
}

// says is a call that succeeds.
func says(m message) http.HandlerFunc { return call(frame(encode(m)), "0", "") }

// call is a body, and the status in trailers.
func call(body []byte, status, words string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc+proto")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body)
		w.(http.Flusher).Flush()
		if status != "" {
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", status)
			w.Header().Set(http.TrailerPrefix+"Grpc-Message", words)
		}
	}
}

// only is a status without a body, among the headers.
func only(status, words string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", status)
		w.Header().Set("Grpc-Message", words)
	}
}

// page is any answer.
func page(status int, kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func inJSON(text string) http.HandlerFunc { return page(http.StatusOK, "application/json", text) }

// server and own are the two messages, as a v1 has them.
func server() message {
	return message{
		1: {"https://id.example"}, 2: {"https://id.example/authorize"}, 3: {"https://id.example/oauth2/token"}, 4: {"code", "token"}, 5: {"all", "offline"},
		6: {"client_secret_basic"}, 7: {"https://id.example/jwks"}, 8: {"S256"}, 9: {"authorization_code"}, 10: {"https://id.example/device"},
	}
}

func own() message {
	return message{1: {"flytectl"}, 2: {"http://localhost:53593/callback"}, 3: {"all", "offline"}, 4: {"flyte-authorization"}, 5: {"never filled"}, 6: {"api"}, 7: {"domain"}}
}

// found is what they say.
func found() *LoginConfig {
	return &LoginConfig{
		Server: oauth.Metadata{
			Issuer: "https://id.example", AuthorizationEndpoint: "https://id.example/authorize", TokenEndpoint: "https://id.example/oauth2/token", DeviceEndpoint: "https://id.example/device",
			KeysURI: "https://id.example/jwks", Scopes: []string{"all", "offline"}, Challenges: []string{"S256"}, TokenAuthMethods: []string{"client_secret_basic"}, Plaintext: true,
		},
		ClientID: "flytectl", RedirectURI: "http://localhost:53593/callback", Scopes: []string{"all", "offline"}, Audience: "api", HeaderKey: "flyte-authorization",
	}
}

// wantLater is a failure that may pass, in these words.
func wantLater(t *testing.T, err error, words ...string) {
	t.Helper()
	if !oauth.IsTemporary(err) {
		t.Errorf("got %v (%T), want a temporary error", err, err)
		return
	}
	wantWords(t, err, words...)
}

// wantNone is an endpoint that is no Flyte, in these words.
func wantNone(t *testing.T, err error, words ...string) {
	t.Helper()
	if e := oauth.AsError(err); e == nil || e.Class != oauth.ClassConfig || e.Setting != "endpoint" {
		t.Errorf("got %v (%T), want an error of the endpoint", err, err)
		return
	}
	wantWords(t, err, words...)
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(fmt.Sprint(err), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

// redirect sends no page, unlike http.Redirect.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusPermanentRedirect)
}
