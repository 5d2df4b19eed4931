package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	authentication "k8s.io/api/authentication/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const reviewsPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

// newCluster starts as much of a Kubernetes API server as it takes to tell
// people who they are: TLS with a certificate of its own, OpenID Connect
// tokens, and SelfSubjectReview.
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/
func newCluster(verify func(token string) (map[string]any, error)) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+reviewsPath, func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		claims, err := verify(token)
		user, _ := claims["email"].(string)
		if err != nil || user == "" {
			reply(w, http.StatusUnauthorized, unauthorized())
			return
		}
		reply(w, http.StatusCreated, review(user))
	})
	return httptest.NewTLSServer(mux)
}

func review(user string) authentication.SelfSubjectReview {
	return authentication.SelfSubjectReview{
		TypeMeta: meta.TypeMeta{Kind: "SelfSubjectReview", APIVersion: "authentication.k8s.io/v1"},
		Status:   authentication.SelfSubjectReviewStatus{UserInfo: authentication.UserInfo{Username: user, Groups: []string{"system:authenticated"}}},
	}
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
