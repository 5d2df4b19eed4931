package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// gateway is a plaintext Flyte endpoint in front of an authorization server. It has only
// the two GET requests, like an endpoint behind a proxy without gRPC.
type gateway struct {
	*httptest.Server
	identity *oauthtest.Server

	mu     sync.Mutex
	set    map[string]string // members of its metadata
	guard  string            // the token that requests must have; empty: none
	wants  string            // the audience that tokens must have; empty: any
	asked  int               // for the metadata
	denied int
}

func newGateway(s *oauthtest.Server) *gateway {
	g := &gateway{identity: s, set: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", g.metadata)
	mux.HandleFunc("GET /config/v1/flyte_client", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{
			"client_id": oauthtest.PublicClient, "redirect_uri": "http://localhost/callback", "scopes": []string{"openid", "offline_access"}, "authorization_metadata_key": "flyte-authorization",
		})
	})
	mux.HandleFunc("GET /me", g.userInfo)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "PRI" && !g.lets(r) { // which is how HTTP/2 begins
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	return g
}

func (g *gateway) lets(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.guard == "" || r.Header.Get("Proxy-Authorization") == "Bearer "+g.guard {
		return true
	}
	g.denied++
	return false
}

// metadata is the metadata of the server, with the changes of the script.
func (g *gateway) metadata(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	resp, err := g.identity.Client().Get(g.identity.URL + "/.well-known/openid-configuration")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	var document map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&document)
	for name, value := range g.set {
		document[name] = value
	}
	writeJSON(w, document)
}

// userInfo tells whose token it is, as flyteadmin does.
func (g *gateway) userInfo(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	wants := g.wants
	g.mu.Unlock()
	token, _ := strings.CutPrefix(r.Header.Get("Flyte-Authorization"), "Bearer ")
	claims, err := g.identity.Verify(token)
	if err != nil || wants != "" && !strings.Contains(fmt.Sprint(claims["aud"]), wants) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"code":16,"message":"invalid audience"}`))
		return
	}
	writeJSON(w, map[string]any{"subject": claims["sub"]})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (g *gateway) address() string { return strings.TrimPrefix(g.URL, "http://") }

// flyteCommand changes the script's Flyte endpoint, which is at $FLYTE, or asserts
// what came to it:
//
//	flyte set NAME=VALUE   change members of its metadata
//	flyte guard TOKEN      require this token in Proxy-Authorization; "" for none
//	flyte wants AUDIENCE   reject tokens for other audiences
//	flyte count N          fail unless it received N requests for its metadata
//	flyte denied N         fail unless it rejected N requests
//	flyte write FILE       replace ADDRESS in a file by $FLYTE
//	flyte key              put an API key of the confidential client into the environment
func flyteCommand(ts *testscript.TestScript, neg bool, args []string) {
	g := theFixture(ts).flyte
	g.mu.Lock()
	defer g.mu.Unlock()
	switch args[0] {
	case "set":
		for _, arg := range args[1:] {
			name, value, _ := strings.Cut(arg, "=")
			g.set[name] = value
		}
	case "guard":
		g.guard = args[1]
	case "wants":
		g.wants = args[1]
	case "count":
		testenv.Want(ts, "requests for the metadata", g.asked, args[1])
	case "denied":
		testenv.Want(ts, "denied requests", g.denied, args[1])
	case "write":
		text := ts.ReadFile(args[1])
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.ReplaceAll(text, "ADDRESS", g.address())), 0o600))
	case "key":
		ts.Setenv("FLYTE_API_KEY", base64.StdEncoding.EncodeToString([]byte(g.address()+":"+oauthtest.SecretClient+":"+oauthtest.Secret+":None")))
	default:
		ts.Fatalf("flyte %s?", args[0])
	}
}

// proxyTokenCommand asserts that no request to the authorization server had the token for
// the proxy.
func proxyTokenCommand(ts *testscript.TestScript, neg bool, args []string) {
	n := 0
	for _, kind := range []string{"discovery", "keys", "authorize", "token", "device", "revoke"} {
		for _, r := range serverOf(ts).Requests(kind) {
			n++
			if r.Header.Get("Proxy-Authorization") != "" {
				ts.Fatalf("a request for %s carries the proxy's token", kind)
			}
		}
	}
	if n == 0 {
		ts.Fatalf("nothing was asked, so that nothing is shown")
	}
}
