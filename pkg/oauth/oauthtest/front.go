package oauthtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// front returns the handler in front of the provider. It counts requests, injects
// faults, and adds to answers what the provider does not support.
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
		odd := s.oddities.next(kinds, r, s.store.firstRefresh(kinds, r))
		refusal := s.prepare(odd)
		s.faults.next(kinds).serve(w, r, func() *httptest.ResponseRecorder {
			if refusal != nil {
				return refusal
			}
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, r)
			s.amend(answer, r)
			return answer
		}, func(answer *httptest.ResponseRecorder) {
			for _, o := range odd {
				o.change(s, answer, r)
			}
		})
	})
}

// route removes the issuer's path from a URL. The metadata has two URLs (RFC 8414
// §3.1 and §5). If the issuer has a path, it is after the well-known part of one
// and before that of the other.
func (s *Server) route(u *url.URL) *url.URL {
	routed := *u
	switch path, ok := strings.CutPrefix(u.Path, s.path); {
	case u.Path == "/.well-known/oauth-authorization-server"+s.path:
		routed.Path = oidc.DiscoveryEndpoint
	case ok:
		routed.Path = path
	default:
		routed.Path = "/" // not served
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
		amendJSON(answer, func(token map[string]any) { s.amendToken(c, token, r) })
	case s.leadsToClient(location):
		answer.Header().Set("Location", s.amendRedirect(location))
	}
}

// leadsToClient reports whether a Location is an authorization response.
func (s *Server) leadsToClient(location string) bool {
	return location != "" && !strings.HasPrefix(location, s.path+signInPath)
}

// amendMetadata removes endpoints that are not served from the metadata, and adds
// what is served.
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
	if c.NoOfflineAccess || c.Google {
		metadata["scopes_supported"] = slices.DeleteFunc(metadata["scopes_supported"].([]any), func(scope any) bool {
			return scope == oidc.ScopeOfflineAccess
		})
	}
	metadata["authorization_response_iss_parameter_supported"] = true
}

// amendToken removes what the provider always adds to a token answer: an ID
// token that was not requested, and a refresh token that was not rotated.
func (s *Server) amendToken(c Config, token map[string]any, r *http.Request) {
	scope, _ := token["scope"].(string)
	if !slices.Contains(strings.Fields(scope), oidc.ScopeOpenID) {
		delete(token, "id_token")
	}
	if r.Form.Get("grant_type") == string(oidc.GrantTypeRefreshToken) && c.NoRotation {
		delete(token, "refresh_token")
	}
	if c.Google {
		s.amendGoogle(token, r.Form.Get("audience"))
	}
}

// googleClaims are the claims of Google's ID tokens for the scopes openid and
// email (developers.google.com/identity/openid-connect/openid-connect).
var googleClaims = []string{"iss", "azp", "aud", "sub", "email", "email_verified", "at_hash", "nonce", "iat", "exp"}

// amendGoogle changes a token answer into one of Google's. Its aud is one string.
func (s *Server) amendGoogle(token map[string]any, audience string) {
	scope, _ := token["scope"].(string)
	token["scope"] = strings.Join(slices.DeleteFunc(strings.Fields(scope), func(scope string) bool {
		return scope == oidc.ScopeOfflineAccess
	}), " ")
	if idToken, ok := token["id_token"].(string); ok {
		header, claims := parseJWT(idToken)
		maps.DeleteFunc(claims, func(name string, _ any) bool { return !slices.Contains(googleClaims, name) })
		claims["aud"] = cmp.Or(audience, claims["azp"].(string))
		token["id_token"] = s.resign(header, claims)
	}
}

// amendRedirect adds iss to an authorization response (RFC 9207 §2), errors
// included.
func (s *Server) amendRedirect(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return location
	}
	query := u.Query()
	query.Set("iss", s.URL)
	u.RawQuery = query.Encode()
	return u.String()
}

func amendJSON(answer *httptest.ResponseRecorder, amend func(map[string]any)) {
	var object map[string]any
	if json.Unmarshal(answer.Body.Bytes(), &object) != nil {
		return
	}
	amend(object)
	writeJSON(answer, object)
}

// writeJSON replaces the body of an answer.
func writeJSON(answer *httptest.ResponseRecorder, object map[string]any) {
	answer.Body.Reset()
	answer.Body.WriteString(plain(object) + "\n")
}
