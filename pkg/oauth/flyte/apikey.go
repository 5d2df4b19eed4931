package flyte

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// apiKey is a machine's login in one word: base64 of
// endpoint:client_id:client_secret:org.
type apiKey struct {
	variable           string // which holds it
	endpoint, clientID string
	secret             oauth.Secret
	org                string // empty for none
}

// apiKey returns the key that the environment holds, or nil. The last two names
// are those in a task's pod.
func (e environment) apiKey() (*apiKey, error) {
	for _, name := range []string{"FLYTE_API_KEY", "_UNION_EAGER_API_KEY", "EAGER_API_KEY"} {
		text := strings.TrimSpace(e[name])
		if text == "" {
			continue
		}
		k, ok := parseAPIKey(text)
		if !ok {
			return nil, fmt.Errorf("%s is no API key of Flyte's: base64 of endpoint:client_id:client_secret:org", name)
		}
		k.variable = name
		return k, nil
	}
	return nil, nil
}

// parseAPIKey reads a key in either alphabet, with or without padding. An endpoint
// may have a port and a secret may have colons, so the organization is what comes
// after the last one.
func parseAPIKey(text string) (*apiKey, bool) {
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "="))
	rest := withoutScheme(strings.TrimRight(string(decoded), "\r\n"))
	if err != nil || !utf8.ValidString(rest) || strings.ContainsFunc(rest, unicode.IsControl) {
		return nil, false
	}
	k := &apiKey{}
	k.endpoint, rest = cutHost(rest)
	field, after, _ := strings.Cut(rest, ":")
	if field != "" && strings.Trim(field, "0123456789") == "" {
		k.endpoint += ":" + field
		field, after, _ = strings.Cut(after, ":")
	}
	k.clientID = field
	last := strings.LastIndexByte(after, ':')
	if k.endpoint == "" || strings.ContainsFunc(k.endpoint, unicode.IsSpace) || k.clientID == "" || last < 1 {
		return nil, false
	}
	k.secret, k.org = oauth.Secret(after[:last]), after[last+1:]
	if k.org == "None" {
		k.org = ""
	}
	return k, true
}

// cutHost cuts text after its host, which has colons if it is an IPv6 address in
// brackets.
func cutHost(text string) (host, rest string) {
	from := 0
	if strings.HasPrefix(text, "[") {
		from = max(strings.IndexByte(text, ']'), 0)
	}
	host, rest, _ = strings.Cut(text[from:], ":")
	return text[:from] + host, rest
}

// withoutScheme is an endpoint without what some clients write before it.
func withoutScheme(endpoint string) string {
	for _, scheme := range []string{"dns:///", "https://", "http://"} {
		if len(endpoint) >= len(scheme) && strings.EqualFold(endpoint[:len(scheme)], scheme) {
			return endpoint[len(scheme):]
		}
	}
	return endpoint
}

// SameEndpoint reports whether two ways to write an endpoint mean one.
func SameEndpoint(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(withoutScheme(a), "/"), strings.TrimRight(withoutScheme(b), "/"))
}
