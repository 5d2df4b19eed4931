package flyteadmin

import (
	"fmt"
	"net/http"
	"strings"
)

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

// bearer takes a token out of a header's value.
func bearer(value string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(value, " ")
	return token, strings.EqualFold(scheme, "bearer") && token != ""
}

// writePage answers as a proxy does that knows browsers only.
func writePage(w http.ResponseWriter, status int, says string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!doctype html><html><title>%[1]s</title><h1>%[1]s</h1></html>\n", says)
}

// writeUnavailable answers as an ingress does whose server is gone: to gRPC with a
// status in the header and nothing else.
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
