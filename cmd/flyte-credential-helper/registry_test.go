package main

import (
	"net/http"
	"net/http/httptest"

	"github.com/rogpeppe/go-internal/testscript"
)

// registryCommand starts a container registry at $REGISTRY. It accepts tokens of the script's
// authorization server as the password of any user: "registry".
func registryCommand(ts *testscript.TestScript, _ bool, _ []string) {
	server := serverOf(ts)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		if _, err := server.Verify(password); err != nil || r.URL.Path != "/v2/" {
			http.Error(w, "a token is needed", http.StatusUnauthorized)
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv("REGISTRY", s.URL)
}
