package execcred

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
)

// Form is how a caller that does not speak a protocol takes a token.
type Form string

// The forms. Each ends with one LF, never CR LF: flytectl does not trim a CR.
const (
	Bare        Form = "token"        // the token
	Header      Form = "header"       // Authorization: Bearer TOKEN
	HeaderValue Form = "header-value" // Bearer TOKEN
	JSON        Form = "json"         // what oauth2.Token marshals to, and the header
	Env         Form = "env"          // FLYTE_TOKEN=TOKEN
	Curl        Form = "curl"         // for curl --config -
)

// TokenVariable is the environment variable that carries a token to programs that
// take it so.
const TokenVariable = "FLYTE_TOKEN"

// EncodeToken is the answer for callers that take a token in form. header is the
// header that the server takes it in; empty: Authorization (RFC 6750 §2.1).
func EncodeToken(form Form, header string, c Credential) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	if header == "" {
		header = "Authorization"
	}
	if !isName(header) {
		return nil, fmt.Errorf("the server wants the token in a header that cannot be: %q", header)
	}
	switch form {
	case Header:
		t = header + ": Bearer " + t
	case HeaderValue:
		t = "Bearer " + t
	case Env:
		t = TokenVariable + "=" + shellquote.Join(t)
	case Curl:
		t = `header = "` + header + `: Bearer ` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(t) + `"`
	case JSON:
		return encodeJSON(t, header, c.Expiry)
	}
	return []byte(t + "\n"), nil
}

func encodeJSON(token, header string, expiry time.Time) ([]byte, error) {
	document := struct {
		AccessToken string     `json:"access_token"`
		TokenType   string     `json:"token_type"`
		Expiry      *time.Time `json:"expiry,omitempty"`
		Header      string     `json:"header"`
	}{token, "Bearer", nil, header}
	if !expiry.IsZero() {
		expiry = expiry.UTC().Truncate(time.Second)
		document.Expiry = &expiry
	}
	text, err := json.Marshal(document)
	return append(text, '\n'), err
}

// isName reports whether s is the name of an HTTP header (RFC 9110 §5.1).
func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0 {
			return false
		}
	}
	return s != ""
}
