package oauthtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// front stands before the provider: it counts requests, injects faults, and
// adds to answers what the provider does not do.
func (s *Server) front() http.Handler {
	mux := http.NewServeMux()
	for path := range endpoints {
		mux.Handle(path, s.provider)
	}
	mux.HandleFunc(signInPath, s.serveSignIn)
	mux.HandleFunc(devicePath, s.serveDevicePage)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		sent := Request{Form: r.Form, Header: r.Header.Clone(), At: time.Now()}
		r = withRequest(r, sent)
		r.URL = s.route(r.URL)
		kinds := kinds(r)
		s.store.requests.add(sent, kinds...)
		s.faults.next(kinds).serve(w, r, func() *httptest.ResponseRecorder {
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, r)
			s.amend(answer, r)
			return answer
		})
	})
}

// route takes the issuer's path off a URL. The metadata are at two places
// (RFC 8414 §3.1 and §5), which differ by more than their last word if the
// issuer has a path.
func (s *Server) route(u *url.URL) *url.URL {
	routed := *u
	switch path, ok := strings.CutPrefix(u.Path, s.path); {
	case u.Path == "/.well-known/oauth-authorization-server"+s.path:
		routed.Path = oidc.DiscoveryEndpoint
	case ok:
		routed.Path = path
	default:
		routed.Path = "/" // where nothing is served
	}
	return &routed
}

// amend completes the provider's answer.
func (s *Server) amend(answer *httptest.ResponseRecorder, r *http.Request) {
	c := s.store.settings()
	switch location := answer.Header().Get("Location"); {
	case r.URL.Path == oidc.DiscoveryEndpoint:
		amendJSON(answer, c.amendMetadata)
	case r.URL.Path == "/oauth/token" && answer.Code == http.StatusOK:
		amendJSON(answer, func(token map[string]any) { c.amendToken(token, r.Form.Get("grant_type")) })
	case location != "" && !strings.HasPrefix(location, s.path+signInPath):
		answer.Header().Set("Location", c.amendRedirect(location, s.URL))
	}
}

// amendMetadata takes back what the provider announces though it is not
// served, and announces what is.
func (c Config) amendMetadata(metadata map[string]any) {
	for key := range metadata {
		if strings.HasPrefix(key, "introspection_") || key == "end_session_endpoint" {
			delete(metadata, key)
		}
	}
	metadata["response_types_supported"] = []string{"code"}
	metadata["grant_types_supported"] = []oidc.GrantType{
		oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials, oidc.GrantTypeDeviceCode,
	}
	if c.NoOfflineAccess {
		metadata["scopes_supported"] = slices.DeleteFunc(metadata["scopes_supported"].([]any), func(scope any) bool {
			return scope == oidc.ScopeOfflineAccess
		})
	}
	if !c.NoIssuerParameter {
		metadata["authorization_response_iss_parameter_supported"] = true
	}
}

// amendToken takes the ID token out of where it does not belong; the provider
// always puts one.
func (c Config) amendToken(token map[string]any, grant string) {
	scope, _ := token["scope"].(string)
	refreshed := grant == string(oidc.GrantTypeRefreshToken)
	if !slices.Contains(strings.Fields(scope), oidc.ScopeOpenID) || refreshed && c.NoIDTokenOnRefresh {
		delete(token, "id_token")
	}
	if refreshed && c.NoRotation {
		delete(token, "refresh_token")
	}
}

// amendRedirect adds iss to an authorization response (RFC 9207 §2), errors
// included.
func (c Config) amendRedirect(location, issuer string) string {
	u, err := url.Parse(location)
	if err != nil || c.NoIssuerParameter {
		return location
	}
	if c.WrongIssuerParameter != "" {
		issuer = c.WrongIssuerParameter
	}
	query := u.Query()
	query.Set("iss", issuer)
	u.RawQuery = query.Encode()
	return u.String()
}

func amendJSON(answer *httptest.ResponseRecorder, amend func(map[string]any)) {
	var object map[string]any
	if json.Unmarshal(answer.Body.Bytes(), &object) != nil {
		return
	}
	amend(object)
	answer.Body.Reset()
	_ = json.NewEncoder(answer.Body).Encode(object) // what was JSON is JSON
}
