package oauthtest

import (
	"cmp"
	"errors"
	"strings"
	"time"
)

// The clients of every server.
const (
	// PublicClient is a native program without a secret. It may use the
	// authorization code, refresh token and device grants.
	PublicClient = "flytectl"
	// SecretClient is a confidential web client. It may use the authorization
	// code, refresh token and client credentials grants, with [Secret] in an
	// Authorization header or in the form.
	SecretClient = "machine"
	// Secret is the secret of SecretClient.
	Secret = "s3cr3t"
)

// Config is the configuration of a server. The zero value is a strict server that
// works. Lifetimes are whole seconds, because expires_in is. TLS, Path and
// PollInterval are fixed when the server starts; [Server.Configure] may change
// the others while it runs.
type Config struct {
	TLS          bool          // listen on https, with a certificate of its own ([Server.CA])
	Path         string        // of the issuer, such as "/realms/demo"; empty, the issuer is the root
	PollInterval time.Duration // asked of clients of the device grant; 1 s by default

	RedirectURIs   []string // registered for both clients; empty, any path and port on loopback
	StrictRedirect bool     // compare redirect URIs exactly; otherwise a public client's port is free (RFC 8252 §7.3)

	AccessLifetime  time.Duration // 5 min by default
	IDLifetime      time.Duration // 5 min by default
	RefreshLifetime time.Duration // of each refresh token, from the time when it is issued; 5 h by default
	Grace           time.Duration // how long a used refresh token is still exchanged for a new pair
	NoRotation      bool          // a refresh answers without a refresh token, and the old one stays valid

	Groups []string // of the user that signs in, in both tokens; developers by default, in the ID token only

	OpaqueAccess    bool // access tokens are not JWTs
	NoOfflineAccess bool // offline_access is neither announced nor granted, so there are no refresh tokens

	// Google answers as accounts.google.com does to a desktop client, including
	// its requests for Identity-Aware Proxy. The aud of an ID token is one
	// string: the audience parameter of the token request, or the client; azp is
	// the client. A refresh token needs access_type=offline in the authorization
	// request. The scope offline_access is an error. Access tokens are opaque. A
	// refresh does not return a refresh token. Google's desktop clients have a
	// secret, as [SecretClient] has.
	Google bool

	SubmitSignIn bool // the sign-in page submits itself by script, for a real browser without a user
}

// withDefaults returns c with the defaults of fields that are not set.
func (c Config) withDefaults() Config {
	c.OpaqueAccess, c.NoRotation = c.OpaqueAccess || c.Google, c.NoRotation || c.Google
	c.Path = strings.TrimSuffix(c.Path, "/")
	c.PollInterval = cmp.Or(c.PollInterval, time.Second)
	c.AccessLifetime = cmp.Or(c.AccessLifetime, 5*time.Minute)
	c.IDLifetime = cmp.Or(c.IDLifetime, 5*time.Minute)
	c.RefreshLifetime = cmp.Or(c.RefreshLifetime, 5*time.Hour)
	return c
}

func (c Config) check() error {
	if c.StrictRedirect && len(c.RedirectURIs) == 0 {
		return errors.New("oauthtest: StrictRedirect without RedirectURIs accepts nothing")
	}
	return nil
}
