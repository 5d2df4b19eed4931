// Package execcred holds the protocols by which a program asks an executable
// for a credential. It knows nothing of how a token is come by.
package execcred

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Credential is what a caller is given.
type Credential struct {
	Token  string
	Expiry time.Time // when to ask again; zero: not known
}

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
