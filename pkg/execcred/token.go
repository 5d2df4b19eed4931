package execcred

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Form is the form in which a caller without a protocol of its own reads a token.
type Form string

// The forms. Each ends with one LF, never CR LF: flytectl does not trim a CR.
const (
	FormToken       Form = "token"        // the token
	FormHeader      Form = "header"       // Authorization: Bearer TOKEN
	FormHeaderValue Form = "header-value" // Bearer TOKEN
	FormJSON        Form = "json"         // [TokenSet] as JSON
	FormEnv         Form = "env"          // export FLYTE_TOKEN='TOKEN'
	FormCurl        Form = "curl"         // for curl --config -
)

// TokenVariable is the environment variable in which programs accept a token.
const TokenVariable = "FLYTE_TOKEN"

// EncodeToken returns a token in any form except [FormJSON]. header is the name of the
// header in which the server expects the token; empty: Authorization (RFC 6750 §2.1).
func EncodeToken(form Form, header string, c Credential) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	if header = cmp.Or(header, "Authorization"); !isHeader(header) {
		return nil, fmt.Errorf("the server expects the token in a header with an invalid name: %q", header)
	}
	switch form {
	case FormHeader:
		t = header + ": Bearer " + t
	case FormHeaderValue:
		t = "Bearer " + t
	case FormEnv:
		t = "export " + TokenVariable + "='" + strings.ReplaceAll(t, "'", `'\''`) + "'"
	case FormCurl:
		t = `header = "` + header + `: Bearer ` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(t) + `"`
	}
	return []byte(t + "\n"), nil
}

// TokenSet is the description of a login for scripts. Its JSON may get new fields, but no
// field is renamed. Unknown values are left out.
type TokenSet struct {
	AccessToken string     `json:"access_token"`
	TokenType   string     `json:"token_type"` // Bearer
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	ExpiresIn   *int64     `json:"expires_in,omitempty"` // seconds, not negative
	Scope       string     `json:"scope,omitempty"`      // as granted, separated by blanks
	Account     string     `json:"account,omitempty"`
	Issuer      string     `json:"issuer,omitempty"`
	IDToken     string     `json:"id_token,omitempty"`
	Header      string     `json:"header"` // in which the server expects the token
}

// EncodeTokenSet returns s as one line of JSON. expiry is that of the access token; zero: it
// is not known.
func EncodeTokenSet(s TokenSet, expiry, now time.Time) ([]byte, error) {
	var err error
	if s.AccessToken, err = (Credential{Token: s.AccessToken}).token(); err != nil {
		return nil, err
	}
	s.TokenType, s.Header = "Bearer", cmp.Or(s.Header, "Authorization")
	if !expiry.IsZero() {
		at, in := expiry.UTC().Truncate(time.Second), int64(max(expiry.Sub(now), 0)/time.Second)
		s.ExpiresAt, s.ExpiresIn = &at, &in
	}
	text, err := json.Marshal(s)
	return append(text, '\n'), err
}

// isHeader reports whether s is the name of an HTTP header (RFC 9110 §5.1).
func isHeader(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0 {
			return false
		}
	}
	return s != ""
}
