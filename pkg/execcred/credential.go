// Package execcred holds the protocols by which a program asks an executable
// for a credential. It knows nothing of how a token is come by.
package execcred

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Credential is what a caller is given.
type Credential struct {
	Token  string
	Expiry time.Time // when to ask again; zero: not known
}

// DefaultUsername stands before a token where a protocol wants a user name, and
// the server none in particular.
const DefaultUsername = "oauth2"

// maxToken is more than any header that servers accept.
const maxToken = 60 << 10

// token returns the token without surrounding white space, or an error where
// it is not printable ASCII: a line break in it would smuggle in a line.
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

// usernameOf returns the name, or the default for an empty one. A colon would end
// it (RFC 7617 §2).
func usernameOf(name string) (string, error) {
	switch {
	case name == "":
		return DefaultUsername, nil
	case !utf8.ValidString(name) || !isClean(name) || strings.Contains(name, ":"):
		return "", fmt.Errorf("%.80q is not a user name: it has a colon or control characters", name)
	}
	return name, nil
}

// expiryText is the expiry as JSON has it, empty where it is not known. Not every
// caller reads a fraction of a second.
func (c Credential) expiryText() string {
	if c.Expiry.IsZero() {
		return ""
	}
	return c.Expiry.UTC().Truncate(time.Second).Format(time.RFC3339)
}
