//go:build linux && faults

package faults

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// liar is an authorization server that says whatever a row wants: it checks
// nothing, and gives opaque tokens only.
type liar struct {
	*httptest.Server
	mux      *http.ServeMux
	metadata map[string]any
	answer   map[string]any // of the token endpoint
}

func newLiar() *liar {
	l := &liar{mux: http.NewServeMux()}
	l.Server = httptest.NewServer(l.mux)
	l.metadata = map[string]any{
		"issuer": l.URL, "authorization_endpoint": l.URL + "/authorize", "token_endpoint": l.URL + "/token", "jwks_uri": l.URL + "/keys",
		"code_challenge_methods_supported": []string{"S256"},
	}
	l.answer = map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600}
	l.mux.HandleFunc("/.well-known/", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, l.metadata) })
	l.mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, map[string]any{"keys": []any{}}) })
	l.mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, l.answer) })
	l.mux.HandleFunc("/authorize", authorize)
	return l
}

func writeJSON(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // the client may have left
}

// authorize says yes at once.
func authorize(w http.ResponseWriter, r *http.Request) {
	back, err := url.Parse(r.FormValue("redirect_uri"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	back.RawQuery = url.Values{"state": {r.FormValue("state")}, "code": {"code"}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// against returns a machine whose program uses the issuer at address.
func (t *trial) against(address string) *testenv.Machine {
	m := t.machine(oauthtest.Config{})
	m.Set("issuer", address)
	return m
}

// asks runs the program with the liar as its issuer, and closes the liar.
func (t *trial) asks(ctx context.Context, l *liar, args ...string) (*testenv.Machine, *process) {
	defer l.Close()
	m := t.against(l.URL)
	return m, t.run(ctx, m, append([]string{"token", "--scope", "any"}, args...)...)
}
