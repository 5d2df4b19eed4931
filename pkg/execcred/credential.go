package execcred

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Credential is a token that is passed to a caller.
type Credential struct {
	Token    string
	Expiry   time.Time // when to ask again; zero: not known
	Username string    // for protocols that need one; empty: [DefaultUsername]
}

// DefaultUsername is the user name in protocols that need one, if the server does not
// require another.
const DefaultUsername = "oauth2"

// maxToken is the limit in bytes for a token. Servers accept no header of that size.
const maxToken = 60 << 10

// token returns the token without surrounding white space. It returns an error if the token
// is not printable ASCII: a line break would add a line to the answer.
func (c Credential) token() (string, error) {
	t := strings.TrimSpace(c.Token)
	switch {
	case t == "":
		return "", errors.New("the token is empty")
	case len(t) > maxToken:
		return "", fmt.Errorf("the token has %d bytes, more than a header can carry", len(t))
	}
	for i := range len(t) {
		if t[i] <= ' ' || t[i] > '~' {
			return "", errors.New("the token has characters that no token may have (RFC 6750 §2.1)")
		}
	}
	return t, nil
}

// username returns the user name of c: see [usernameOf].
func (c Credential) username() (string, error) { return usernameOf(c.Username) }

// usernameOf returns name, or DefaultUsername if it is empty. A colon is an error, because
// it would end the user name (RFC 7617 §2).
func usernameOf(name string) (string, error) {
	switch {
	case name == "":
		return DefaultUsername, nil
	case !utf8.ValidString(name) || !isClean(name) || strings.Contains(name, ":"):
		return "", fmt.Errorf("%.80q is not a user name: it has a colon or control characters", name)
	}
	return name, nil
}

// expiryText returns the expiry for JSON, or "" if it is not known. It has no fraction of a
// second, which not every caller accepts.
func (c Credential) expiryText() string {
	if c.Expiry.IsZero() {
		return ""
	}
	return c.Expiry.UTC().Truncate(time.Second).Format(time.RFC3339)
}
