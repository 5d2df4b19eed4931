package oauth_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The endpoints of a login belong together if they have one origin, if the metadata at the
// origin of the sign-in page has both, or if both are pinned.
func TestOneServer(t *testing.T) {
	d := newDocuments(t)
	foreign := strings.Replace(d.URL, "127.0.0.1", "127.0.0.2", 1)
	here, there := d.URL+"/auth", foreign+"/token"
	listing := map[string]any{"token_endpoint": there, "device_authorization_endpoint": d.URL + "/device"}
	for name, test := range map[string]struct {
		at     map[string]http.HandlerFunc
		m      oauth.Metadata
		grant  oauth.Grant
		pinned []string
		want   string // device and revocation endpoint of the result, or "split"
	}{
		"one origin":             {m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: d.URL + "/token"}},
		"one origin, its port":   {m: oauth.Metadata{AuthorizationEndpoint: "https://id.example.com:443/auth", TokenEndpoint: "https://ID.example.com/token"}},
		"another scheme":         {m: oauth.Metadata{AuthorizationEndpoint: "http://127.0.0.1:1/auth", TokenEndpoint: "https://127.0.0.1:1/token"}, pinned: []string{"x"}, want: "unreachable"},
		"another host":           {m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}, want: "split"},
		"listed, OpenID":         {at: map[string]http.HandlerFunc{openid: d.of(d.URL, listing)}, m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}},
		"listed, RFC 8414":       {at: map[string]http.HandlerFunc{openid: d.of(d.URL, nil), rfc: d.of(d.URL+"/", listing)}, m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}},
		"another token endpoint": {at: map[string]http.HandlerFunc{openid: d.of(d.URL, nil)}, m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}, want: "split"},
		"another issuer":         {at: map[string]http.HandlerFunc{openid: d.of(foreign, listing)}, m: oauth.Metadata{Issuer: foreign, AuthorizationEndpoint: here, TokenEndpoint: there}, want: "split"},
		"a file of a user": {
			at: map[string]http.HandlerFunc{"/~eve" + openid: d.of(d.URL+"/~eve", listing)},
			m:  oauth.Metadata{Issuer: d.URL + "/~eve", AuthorizationEndpoint: here, TokenEndpoint: there}, want: "split",
		},
		"sent elsewhere": {
			at: map[string]http.HandlerFunc{openid: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, foreign, http.StatusFound) }},
			m:  oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}, want: "split",
		},
		"in trouble": {
			at: map[string]http.HandlerFunc{openid: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }},
			m:  oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}, want: "unreachable",
		},
		"pinned":                   {m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}, pinned: []string{here, there}},
		"one pinned":               {m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}, pinned: []string{here}, want: "split"},
		"device grant":             {m: oauth.Metadata{DeviceEndpoint: d.URL + "/device", TokenEndpoint: d.URL + "/token"}, grant: oauth.GrantDevice, want: d.URL + "/device"},
		"device grant, split":      {m: oauth.Metadata{DeviceEndpoint: d.URL + "/device", TokenEndpoint: there}, grant: oauth.GrantDevice, want: "split"},
		"device grant, listed":     {at: map[string]http.HandlerFunc{openid: d.of(d.URL, listing)}, m: oauth.Metadata{DeviceEndpoint: d.URL + "/device", TokenEndpoint: there}, grant: oauth.GrantDevice, want: d.URL + "/device"},
		"device grant, no browser": {m: oauth.Metadata{AuthorizationEndpoint: foreign + "/auth", DeviceEndpoint: d.URL + "/device", TokenEndpoint: d.URL + "/token"}, grant: oauth.GrantDevice, want: d.URL + "/device"},
		"optional endpoints":       {m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: d.URL + "/token", DeviceEndpoint: d.URL + "/device", RevocationEndpoint: d.URL + "/revoke"}, want: d.URL + "/device" + d.URL + "/revoke"},
		"foreign ones left out":    {m: oauth.Metadata{AuthorizationEndpoint: d.URL + "/auth", TokenEndpoint: d.URL + "/token", DeviceEndpoint: foreign + "/device", RevocationEndpoint: foreign + "/revoke"}, pinned: []string{foreign + "/revoke", d.URL + "/token"}, want: foreign + "/revoke"},
		"no user":                  {m: oauth.Metadata{AuthorizationEndpoint: here, TokenEndpoint: there}, grant: oauth.GrantClientCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			d.at = test.at
			c := &oauth.Client{Grant: test.grant}
			if test.want == "" || strings.HasPrefix(test.want, "http") {
				c.HTTP = &http.Client{Transport: onlyHost(strings.TrimPrefix(d.URL, "http://"))}
			}
			got, err := c.OneServer(t.Context(), &test.m, test.pinned)
			switch {
			case errors.As(err, new(*oauth.SplitError)):
				if test.want != "split" {
					t.Error(err)
				}
			case err != nil:
				if test.want != "unreachable" || !oauth.IsTemporary(err) {
					t.Error(err)
				}
			case got.DeviceEndpoint+got.RevocationEndpoint != test.want || test.grant != oauth.GrantDevice && got.AuthorizationEndpoint != test.m.AuthorizationEndpoint:
				t.Errorf("accepted: %+v", got)
			}
		})
	}
}

// onlyHost refuses connections to any other host than its own.
type onlyHost string

func (h onlyHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != string(h) {
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Request: r, Header: http.Header{}}, nil
	}
	return unshared().RoundTrip(r)
}

// The domain of a host is what one owner registers. Other names are compared whole.
func TestSameSite(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"https://flyte.example.com", "https://sso.example.com/auth", true},
		{"https://flyte.example.com", "https://example.com:8443/auth", true},
		{"https://FLYTE.Example.com.", "https://sso.example.com", true},
		{"https://flyte.example.com", "https://example.okta.com", false},
		{"https://a.co.uk", "https://b.co.uk", false},
		{"https://a.github.io", "https://b.github.io", false},
		{"https://flyte.internal", "https://sso.internal", false},
		{"https://10.0.0.1", "https://11.0.0.1", false},
		{"http://127.0.0.1:1", "http://127.0.0.1:2", true},
		{"http://127.0.0.1", "http://localhost", false},
		{"http://localhost:1", "http://localhost:2", true},
		{"http://[::1]:1", "http://[::1]:2", true},
		{"https://flyte", "https://sso", false},
	} {
		if got := oauth.SameSite(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %t", test.a, test.b, got)
		}
	}
}
