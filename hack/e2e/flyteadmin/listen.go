package flyteadmin

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
)

// speaks says what is spoken at each port; the first is the endpoint, the last the
// one of the URL.
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

// listen takes the ports, and learns from them what the server's addresses are.
func (s *Server) listen() (listeners []net.Listener, err error) {
	for _, protocols := range s.config.Ports.speaks() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, closeAll(listeners))
		}
		listeners = append(listeners, l)
		s.https = append(s.https, &http.Server{Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}) // a client that distrusts CA is no news
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

// serve is what stands at every port: first what may be before the server, then the
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

// isLogin reports whether a request is one of a browser on its way to a login, which
// no proxy command can help.
func isLogin(r *http.Request) bool {
	for _, path := range authserver.Paths() {
		if r.URL.Path == path && path != authserver.TokenPath {
			return true
		}
	}
	return false
}
