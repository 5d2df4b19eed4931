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

// Server is as much of a Kubernetes API server as it takes to tell people who
// they are: TLS on loopback with a certificate of its own, bearer tokens, and
// SelfSubjectReview.
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
type Server struct {
	URL string
	CA  []byte // PEM, for those who shall trust it

	http         *httptest.Server
	authenticate func(token string) (user string, err error)

	mu     sync.Mutex
	tokens []string
	reject int
}

// NewServer starts a server. who tells whose token it is, or why it is nobody's;
// nil takes any token.
func NewServer(who func(token string) (user string, err error)) *Server {
	if who == nil {
		who = func(string) (string, error) { return "somebody", nil }
	}
	s := &Server{authenticate: who}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+reviewsPath, s.review)
	s.http = httptest.NewUnstartedServer(mux)
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that goes is no news
	s.http.StartTLS()
	s.URL = s.http.URL
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
	return s
}

// Close stops the server.
func (s *Server) Close() { s.http.Close() }

// Reject makes the server refuse the next n requests, whoever asks.
func (s *Server) Reject(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reject = n
}

// Tokens are the bearer tokens of all requests so far, in order. One that had
// none is the empty string.
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
	_ = json.NewEncoder(w).Encode(object) // or the client has gone
}

// Config is a client's configuration for the server, with exec for credentials;
// nil has none.
func (s *Server) Config(exec *api.ExecConfig) *rest.Config {
	return &rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{CAData: s.CA}, ExecProvider: exec}
}

// WhoAmI asks an API server who one is, as "kubectl auth whoami" does.
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
