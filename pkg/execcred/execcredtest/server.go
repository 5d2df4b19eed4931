package execcredtest

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	authentication "k8s.io/api/authentication/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
)

const reviewsPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

// Server is a Kubernetes API server that answers SelfSubjectReview only. It listens on
// loopback with TLS and a certificate of its own, and accepts bearer tokens.
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
type Server struct {
	URL string
	CA  []byte // the certificate that clients must trust, as PEM

	http         *httptest.Server
	authenticate func(token string) (user string, err error)

	mu     sync.Mutex
	tokens []string
	reject int
}

// NewServer starts a server. authenticate returns the user of a token, or an error if the
// token is not valid. Nil: any token is valid.
func NewServer(authenticate func(token string) (user string, err error)) *Server {
	if authenticate == nil {
		authenticate = func(string) (string, error) { return "test-user", nil }
	}
	s := &Server{authenticate: authenticate}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+reviewsPath, s.review)
	s.http = httptest.NewUnstartedServer(mux)
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that disconnects is not an error
	s.http.StartTLS()
	s.URL = s.http.URL
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
	return s
}

// Close stops the server.
func (s *Server) Close() { s.http.Close() }

// Reject makes the server reject the next n requests with status 401.
func (s *Server) Reject(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reject = n
}

// Tokens returns the bearer tokens of all requests so far, in order. A request without one
// is an empty string.
func (s *Server) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.tokens...)
}

func (s *Server) review(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	s.tokens = append(s.tokens, token)
	refused := s.reject > 0 || token == ""
	s.reject = max(0, s.reject-1)
	s.mu.Unlock()
	user, err := "", error(nil)
	if !refused {
		user, err = s.authenticate(token)
	}
	if err != nil || user == "" {
		reply(w, http.StatusUnauthorized, unauthorized())
		return
	}
	reply(w, http.StatusCreated, authentication.SelfSubjectReview{
		TypeMeta: meta.TypeMeta{Kind: "SelfSubjectReview", APIVersion: "authentication.k8s.io/v1"},
		Status:   authentication.SelfSubjectReviewStatus{UserInfo: authentication.UserInfo{Username: user, Groups: []string{"system:authenticated"}}},
	})
}

func unauthorized() meta.Status {
	return meta.Status{
		TypeMeta: meta.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   meta.StatusFailure, Message: "Unauthorized", Reason: meta.StatusReasonUnauthorized, Code: http.StatusUnauthorized,
	}
}

func reply(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // an error means that the client has disconnected
}

// Config returns a client's configuration for the server that gets credentials by exec.
// Nil: the client has no credentials.
func (s *Server) Config(exec *api.ExecConfig) *rest.Config {
	return &rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{CAData: s.CA}, ExecProvider: exec}
}

// WhoAmI asks an API server for the client's user name, as "kubectl auth whoami" does.
func WhoAmI(ctx context.Context, config *rest.Config) (user string, err error) {
	client, err := newClient(config)
	if err != nil {
		return "", err
	}
	return whoAmI(ctx, client)
}

func newClient(config *rest.Config) (*rest.RESTClient, error) {
	scheme := runtime.NewScheme()
	if err := authentication.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := rest.CopyConfig(config)
	c.APIPath, c.GroupVersion = "/apis", &authentication.SchemeGroupVersion
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	return rest.RESTClientFor(c)
}

func whoAmI(ctx context.Context, client *rest.RESTClient) (user string, err error) {
	var r authentication.SelfSubjectReview
	err = client.Post().Resource("selfsubjectreviews").Body(&authentication.SelfSubjectReview{}).Do(ctx).Into(&r)
	return r.Status.UserInfo.Username, err
}
