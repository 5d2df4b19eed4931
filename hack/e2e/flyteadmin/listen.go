package flyteadmin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"

	gateway "github.com/flyteorg/flyte/flyteidl/gen/pb-go/gateway/flyteidl/service"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
)

// speaks returns the protocols of each port: the first port is the endpoint, the last
// one that of the URL.
func (p Ports) speaks() []*http.Protocols {
	web, rpc := new(http.Protocols), new(http.Protocols)
	web.SetHTTP1(true)
	rpc.SetUnencryptedHTTP2(true)
	both := new(http.Protocols)
	both.SetHTTP1(true)
	switch p {
	case TLS:
		both.SetHTTP2(true)
		return []*http.Protocols{both}
	case Plaintext:
		both.SetUnencryptedHTTP2(true)
		return []*http.Protocols{both}
	case Two:
		return []*http.Protocols{rpc, web}
	default:
		return []*http.Protocols{web}
	}
}

func (p Ports) secure() bool { return p == TLS || p == WebTLS }

// listen opens the ports and sets the server's addresses from them.
func (s *Server) listen() (listeners []net.Listener, err error) {
	for _, protocols := range s.config.Ports.speaks() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, closeAll(listeners))
		}
		listeners = append(listeners, l)
		s.https = append(s.https, &http.Server{Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}) // a client that does not trust CA is not an error
	}
	s.Endpoint = "http://" + listeners[0].Addr().String()
	s.URL = "http://" + listeners[len(listeners)-1].Addr().String()
	if s.config.Ports.secure() {
		s.Endpoint, s.URL = strings.TrimPrefix(s.Endpoint, "http://"), "https"+strings.TrimPrefix(s.URL, "http")
		err = s.certify()
	}
	return listeners, err
}

func (s *Server) certify() error {
	certificate, ca, err := newCertificate()
	if err != nil {
		return err
	}
	s.CA = ca
	s.https[0].TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	return nil
}

// start serves until Close.
func (s *Server) start(listeners []net.Listener) {
	for i, h := range s.https {
		h.Handler = http.HandlerFunc(s.serve)
		go func() {
			if h.TLSConfig != nil {
				_ = h.ServeTLS(listeners[i], "", "") // ends with Close
				return
			}
			_ = h.Serve(listeners[i])
		}()
	}
	go func() { _ = s.grpc.Serve(s.inside) }()
}

// serve returns the handler of each port: first a proxy if there is one, then the
// server itself.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	now := s.current()
	switch {
	case now.Trouble == HTML:
		writePage(w, http.StatusOK, "Welcome to our network")
	case now.Trouble == Unavailable:
		writeUnavailable(w, r)
	case now.Proxy && !s.knownToProxy(r):
		s.count("proxy-refused")
		writePage(w, http.StatusUnauthorized, "Invalid IAP credentials")
	case isRPC(r):
		s.grpc.ServeHTTP(w, r)
	default:
		s.web.ServeHTTP(w, r)
	}
}

func isRPC(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// isLogin reports whether a request is one of a browser on its way to a login, for which no proxy command adds a token.
func isLogin(r *http.Request) bool {
	for _, path := range authserver.Paths() {
		if r.URL.Path == path && path != authserver.TokenPath {
			return true
		}
	}
	return false
}

// newCertificate makes a certificate for loopback and the private authority that
// has signed it, the latter as PEM.
func newCertificate() (tls.Certificate, []byte, error) {
	authority := template("a company's authority")
	authority.IsCA, authority.KeyUsage = true, x509.KeyUsageCertSign
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf := template("flyteadmin")
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames, leaf.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, ca, nil
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		BasicConstraintsValid: true,
	}
}

// knownToProxy reports whether a request may pass the proxy: it carries a token of
// the OpenID provider, or is a browser's, which has a cookie for that.
func (s *Server) knownToProxy(r *http.Request) bool {
	if isLogin(r) {
		return true
	}
	token, ok := bearer(r.Header.Get("Proxy-Authorization"))
	if !ok {
		return false
	}
	_, err := s.idp.Verify(token)
	return err == nil
}

// bearer returns the token in the value of a header.
func bearer(value string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(value, " ")
	return token, strings.EqualFold(scheme, "bearer") && token != ""
}

// writePage answers like a proxy that supports browsers only.
func writePage(w http.ResponseWriter, status int, says string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!doctype html><html><title>%[1]s</title><h1>%[1]s</h1></html>\n", says)
}

// writeUnavailable answers like an ingress without a server: to gRPC with a status in
// the header and nothing else.
func writeUnavailable(w http.ResponseWriter, r *http.Request) {
	const says = "no healthy upstream"
	if isRPC(r) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "14")
		w.Header().Set("Grpc-Message", says)
		return
	}
	http.Error(w, says, http.StatusServiceUnavailable)
}

// newWeb returns the handler for HTTP: the authorization server, the gateway and, for
// Flyte 2, Connect.
func (s *Server) newWeb() (http.Handler, error) {
	var err error
	s.dialed, err = grpc.NewClient("passthrough:inside", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.inside.DialContext(ctx) }))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, path := range authserver.Paths() {
		mux.HandleFunc(path, s.serveAuth)
	}
	gw, err := s.newGateway()
	if err != nil {
		return nil, err
	}
	if s.config.Flyte2 {
		mux.HandleFunc("POST /"+metadataService2+"/{method}", s.serveConnect)
		mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.serveMetadata2)
		mux.Handle("/me", gw) // Flyte 2 does not have it: it is for the tests
		return mux, nil
	}
	mux.Handle("/", gw)
	return mux, nil
}

// newGateway answers in lowerCamelCase, and in snake_case if asked for exactly
// application/json: flyteadmin changed the marshaler of that type alone.
func (s *Server) newGateway() (*runtime.ServeMux, error) {
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption("application/json", &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true},
		}),
		runtime.WithIncomingHeaderMatcher(func(key string) (string, bool) {
			if http.CanonicalHeaderKey(s.current().HeaderKey) == key {
				return key, true
			}
			return runtime.DefaultHeaderMatcher(key)
		}),
	)
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		gateway.RegisterAuthMetadataServiceHandler, gateway.RegisterIdentityServiceHandler, gateway.RegisterAdminServiceHandler,
	} {
		if err := register(context.Background(), mux, s.dialed); err != nil {
			return nil, err
		}
	}
	return mux, nil
}

// serveAuth returns the authorization server. It is not served if the OpenID provider
// issues the tokens.
func (s *Server) serveAuth(w http.ResponseWriter, r *http.Request) {
	if now := s.current(); now.NoAuth || now.External {
		http.NotFound(w, r)
		return
	}
	s.Auth.ServeHTTP(w, r)
}
