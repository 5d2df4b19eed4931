package oauth

// Grant says how a client gets a token other than by a refresh.
type Grant string

// The grants. The zero Grant is GrantAuto.
const (
	// GrantAuto logs in through the browser if one opens here. Otherwise the user
	// chooses between a device code and pasting the address of the redirect.
	GrantAuto              Grant = "auto"
	GrantBrowser           Grant = "browser"            // RFC 6749 §4.1 with PKCE
	GrantDevice            Grant = "device"             // RFC 8628: a browser on any machine
	GrantClientCredentials Grant = "client-credentials" // RFC 6749 §4.4: a machine, by [Client.ClientCredentials]
)

// The values of grant_type in token requests.
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
	return ConfigError("grant", "%s", "there is no grant "+Printable(string(g))+": it is auto, browser, device or client-credentials")
}

// redirects reports whether g is asked for at the authorization endpoint.
func (g Grant) redirects() bool { return g != GrantDevice && g != GrantClientCredentials }
