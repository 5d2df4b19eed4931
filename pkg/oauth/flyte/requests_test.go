package flyte

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// A Go program accepts the authorization server that an endpoint names by the same rules as
// the program.
func TestRequestsAcceptServers(t *testing.T) {
	const sso = "https://sso.example.com/"
	other := start(t, http1TLS, &rungs{}).URL // publishes no metadata
	claims := &rungs{answers: answers{}}
	page := start(t, http1TLS, claims).URL // says that the token endpoint is its own
	claims.answers[get] = inJSON(`{"issuer": "` + page + `", "authorization_endpoint": "` + page + `/authorize", "token_endpoint": "` + sso + `token"}`)
	for name, c := range map[string]struct {
		authorize, token, device string
		saved                    string // the token endpoint of the saved login
		accepted                 []string
		canAsk                   bool
		confirms, split          bool
		refused                  string
	}{
		"its own server":         {authorize: "https://127.0.0.1/authorize", token: "https://127.0.0.1/token"},
		"another domain":         {authorize: sso + "authorize", token: sso + "token", canAsk: true, confirms: true},
		"another token endpoint": {authorize: page + "/authorize", token: sso + "token", canAsk: true, confirms: true},
		"a device":               {authorize: page + "/authorize", token: sso + "token", device: sso + "device", canAsk: true, refused: "sends logins to " + sso + "device, which the user has not accepted"},
		"no browser":             {authorize: sso + "authorize", token: sso + "token", refused: "the user has not accepted"},
		"accepted":               {authorize: sso + "authorize", token: sso + "token", accepted: []string{sso + "authorize", sso + "token"}},
		"saved":                  {authorize: sso + "authorize", token: sso + "token", saved: sso + "token"},
		"another than saved":     {authorize: sso + "authorize", token: sso + "token", saved: "https://old.example.com/token", refused: "now sends logins to"},
		"two servers":            {authorize: other + "/authorize", token: "https://127.0.0.1:1/token", split: true},
		"two servers, pinned":    {authorize: sso + "authorize", token: "https://127.0.0.1:1/token", accepted: []string{sso + "authorize", "https://127.0.0.1:1/token"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := `{"authorization_endpoint": "` + c.authorize + `", "token_endpoint": "` + c.token + `", "device_authorization_endpoint": "` + c.device + `"}`
			server := start(t, http1TLS, &rungs{answers: answers{get: inJSON(m), getOwn: inJSON(`{"client_id": "flytectl", "redirect_uri": "http://localhost:53593/callback", "scopes": ["all"]}`)}})
			network := networkOf(server)
			client := &oauth.Client{Endpoint: strings.TrimPrefix(server.URL, "https://"), HTTP: network.client(nil)}
			if c.device != "" {
				client.Grant = oauth.GrantDevice
			}
			if c.canAsk {
				client.Open = func(context.Context, string) error { return nil }
			}
			var old *oauth.Token
			if c.saved != "" {
				old = &oauth.Token{Server: oauth.Metadata{AuthorizationEndpoint: c.authorize, TokenEndpoint: c.saved}}
			}
			got, err := Requests{Client: client, Network: network, Accepted: c.accepted}.discover(within(t), old)
			switch {
			case c.split && !errors.As(err, new(*oauth.SplitError)), c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)), !c.split && c.refused == "" && err != nil:
				t.Fatal(err)
			case err == nil && (got.Confirm != "") != c.confirms:
				t.Errorf("it asks %q", got.Confirm)
			case err == nil && (got.Server.ClientID != "flytectl" || got.RedirectURI == "" || len(got.Scopes) != 1):
				t.Errorf("%+v", got)
			}
		})
	}
}
