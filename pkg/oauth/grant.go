package oauth

// Grant is how a client comes by a token that it cannot refresh.
type Grant string

// The grants. The zero Grant is GrantAuto.
const (
	// GrantAuto logs in through the browser where one opens here; elsewhere by
	// whichever the person does first, device code or pasted redirect.
	GrantAuto              Grant = "auto"
	GrantBrowser           Grant = "browser"            // RFC 6749 §4.1 with PKCE
	GrantDevice            Grant = "device"             // RFC 8628: a browser on any machine
	GrantClientCredentials Grant = "client-credentials" // RFC 6749 §4.4: a machine, by [Client.ClientCredentials]
)

// The grant_type of a token request, where it is asked for.
const (
	refreshGrant    = "refresh_token"
	machineGrant    = "client_credentials"
	deviceCodeGrant = "urn:ietf:params:oauth:grant-type:device_code"
)

func (g Grant) check() error {
	switch g {
	case "", GrantAuto, GrantBrowser, GrantDevice, GrantClientCredentials:
		return nil
	}
	return &ConfigError{Setting: "grant", Problem: "there is no grant " + Printable(string(g)) + ": it is auto, browser, device or client-credentials"}
}

// redirects reports whether g is asked for at the authorization endpoint.
func (g Grant) redirects() bool { return g != GrantDevice && g != GrantClientCredentials }
