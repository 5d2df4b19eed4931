package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Key identifies a login. It has the values by which an authorization server distinguishes
// logins. Programs with the same Key share a login.
type Key struct {
	Server        []string // the issuer, or the explicit endpoints, or the Flyte endpoint
	Client        string   // the client's id
	Grant         string   // the class of grant: GrantUser or GrantClient
	Scopes        []string // as configured
	Audience      string
	Resource      []string          // RFC 8707
	AuthParams    map[string]string // extra parameters of each request
	TokenParams   map[string]string
	RefreshParams map[string]string
	Account       string // the user's label for it

	// ClientSecret is not part of the identity. A saved token that was obtained with
	// another secret is not returned. Empty: not compared.
	ClientSecret oauth.Secret `json:"-"`
}

// The classes of grant.
const (
	GrantUser   = "person"  // a user logs in
	GrantClient = "machine" // a client gets the token by its own secret
)

// KeyOf returns the Key of the login of c. It is the same for all programs with the same
// client: its server, ID, grant, scopes, audience, resources, parameters and account.
// Redirect URI, time-outs and network are not part of it.
func KeyOf(c *oauth.Client) Key {
	key := Key{
		Server: serversOf(c), Client: c.ClientID, Grant: GrantUser, Scopes: c.Scopes, Audience: c.Audience, Resource: c.Resource,
		AuthParams: c.AuthParams, TokenParams: c.TokenParams, RefreshParams: c.RefreshParams, Account: c.Account,
	}
	if c.Grant == oauth.GrantClientCredentials {
		key.Grant, key.ClientSecret = GrantClient, c.ClientSecret
	}
	return key
}

// serversOf returns the Server of a [Key]. An Endpoint beside an issuer is only a name for
// messages; one without explicit endpoints says itself how to log in.
func serversOf(c *oauth.Client) []string {
	switch {
	case c.Issuer != "":
		return []string{c.Issuer}
	case c.Endpoint != "" && c.AuthEndpoint == "" && c.TokenEndpoint == "" && c.DeviceEndpoint == "" && c.RevocationEndpoint == "":
		return []string{c.Endpoint}
	case c.Endpoint != "":
		return []string{c.Endpoint, c.AuthEndpoint, c.TokenEndpoint}
	case c.AuthEndpoint == "" && c.TokenEndpoint == "" && c.Server != nil:
		m := c.Server
		return serversOf(&oauth.Client{Issuer: m.Issuer, AuthEndpoint: m.AuthorizationEndpoint, TokenEndpoint: m.TokenEndpoint})
	}
	return []string{c.AuthEndpoint, c.TokenEndpoint}
}

// ID returns the name of the login in the file system: the SHA-256, in hexadecimal, of k as
// JSON in which the lists without a significant order are sorted.
func (k Key) ID() string {
	k.Scopes = sorted(k.Scopes)
	k.Resource = sorted(k.Resource)
	for _, params := range []*map[string]string{&k.AuthParams, &k.TokenParams, &k.RefreshParams} {
		if len(*params) == 0 {
			*params = nil // as nil as one that was never set
		}
	}
	sum := sha256.Sum256(k.document())
	return hex.EncodeToString(sum[:])
}

// secretSum is the SecretSum of a [Header].
func (k Key) secretSum() string {
	if k.ClientSecret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(k.ClientSecret.Reveal()))
	return hex.EncodeToString(sum[:2])
}

// document returns k as JSON. encoding/json would examine the type first, in each
// process.
func (k Key) document() []byte {
	b := append(make([]byte, 0, 512), '{')
	for _, field := range []struct {
		name  string
		value any // a string, a []string or a map[string]string
	}{
		{"Server", k.Server}, {"Client", k.Client}, {"Grant", k.Grant}, {"Scopes", k.Scopes}, {"Audience", k.Audience}, {"Resource", k.Resource},
		{"AuthParams", k.AuthParams}, {"TokenParams", k.TokenParams}, {"RefreshParams", k.RefreshParams}, {"Account", k.Account},
	} {
		b = appendString(comma(b), field.name)
		b = appendJSON(append(b, ':'), field.value)
	}
	return append(b, '}')
}

func appendJSON(b []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendString(b, v)
	case []string:
		if v == nil {
			break
		}
		b = append(b, '[')
		for _, s := range v {
			b = appendString(comma(b), s)
		}
		return append(b, ']')
	case map[string]string:
		if v == nil {
			break
		}
		b = append(b, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b = append(appendString(comma(b), name), ':')
			b = appendString(b, v[name])
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// comma appends a comma unless b ends with the start of an object or list.
func comma(b []byte) []byte {
	if last := b[len(b)-1]; last == '{' || last == '[' {
		return b
	}
	return append(b, ',')
}

// appendString appends s as a JSON string. It uses encoding/json only if s needs escapes.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			text, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string
			}
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func sorted(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// item returns the user name of the login's key in the OS keyring: the server, the account
// and the start of the ID. It contains only characters that no keyring interprets: a
// newline, for instance, began a second command in one of them.
func (k Key) item(id string) string {
	name := k.Server[0]
	if k.Account != "" {
		name += "/" + k.Account
	}
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._:/@-", r) {
			return r
		}
		return '-'
	}, name)
	if len(name) > 200 {
		name = name[:200]
	}
	return name + "/" + id[:8]
}
