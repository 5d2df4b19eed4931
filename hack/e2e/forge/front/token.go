package front

import (
	"net/http"
	"strings"
)

// Scheme returns the scheme of a request's Authorization header, Bearer or Basic, or
// "anonymous".
func Scheme(r *http.Request) string {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for _, known := range []string{"Bearer", "Basic"} {
		if strings.EqualFold(scheme, known) {
			return known
		}
	}
	return "anonymous"
}

// Token returns the token of a request: a Bearer token, or a password.
func Token(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if Scheme(r) != "Bearer" {
		return ""
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return token
}

// spoil replaces the token in r by an invalid one.
func spoil(r *http.Request) {
	if user, _, ok := r.BasicAuth(); ok {
		r.SetBasicAuth(user, "revoked")
		return
	}
	r.Header.Set("Authorization", "Bearer revoked")
}
