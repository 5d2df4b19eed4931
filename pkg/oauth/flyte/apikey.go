package flyte

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// apiKey is a login with client credentials in one variable: base64 of
// endpoint:client_id:client_secret:org.
type apiKey struct {
	variable           string // its name
	endpoint, clientID string
	secret             oauth.Secret
	org                string // empty for none
}

// apiKeyVariables returns the names of the variables for an API key. The last two are set in
// the pod of a task.
func apiKeyVariables() []string {
	return []string{"FLYTE_API_KEY", "_UNION_EAGER_API_KEY", "EAGER_API_KEY"}
}

// SecretVariables returns the names of the environment variables that contain a client
// secret or an API key: their own, and those that a variable in environ names.
func SecretVariables(environ []string) []string {
	names := append(apiKeyVariables(), v1Variable(optionSecret))
	vars := newEnvironment(environ)
	for _, name := range append(v2Variables(optionSecretEnv), v1Variable(optionSecretEnv)) {
		if vars[name] != "" {
			names = append(names, vars[name])
		}
	}
	return names
}

// apiKey returns the key in the environment, or nil if there is none.
func (e environment) apiKey() (*apiKey, error) {
	for _, name := range apiKeyVariables() {
		text := strings.TrimSpace(e[name])
		if text == "" {
			continue
		}
		k, ok := parseAPIKey(text)
		if !ok {
			return nil, fmt.Errorf("%s is not a Flyte API key: it must be base64 of endpoint:client_id:client_secret:org", name)
		}
		k.variable = name
		return k, nil
	}
	return nil, nil
}

// parseAPIKey decodes a key in either alphabet of base64, with or without padding. The
// endpoint may have a port, and the secret may have colons: the organization follows the
// last colon.
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

// cutHost cuts text at the first colon after the host. An IPv6 address in brackets has
// colons itself.
func cutHost(text string) (host, rest string) {
	from := 0
	if strings.HasPrefix(text, "[") {
		from = max(strings.IndexByte(text, ']'), 0)
	}
	host, rest, _ = strings.Cut(text[from:], ":")
	return text[:from] + host, rest
}

// withoutScheme returns an endpoint without its scheme, which only some clients write.
func withoutScheme(endpoint string) string {
	for _, scheme := range []string{"dns:///", "https://", "http://"} {
		if len(endpoint) >= len(scheme) && strings.EqualFold(endpoint[:len(scheme)], scheme) {
			return endpoint[len(scheme):]
		}
	}
	return endpoint
}

// SameEndpoint reports whether a and b are the same endpoint, written in two ways.
func SameEndpoint(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(withoutScheme(a), "/"), strings.TrimRight(withoutScheme(b), "/"))
}
