package oauth

import (
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"
)

// CheckHeader refuses a header that cannot be sent with each request to a server: one that
// is not a field of HTTP (RFC 9110 §5.1, §5.5), and one that net/http makes from the
// request and ignores otherwise. The error does not show the value, which may be a secret.
func CheckHeader(name, value string) error {
	made := []string{"Host", "Content-Length", "Transfer-Encoding", "Trailer"}
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return ConfigError("header", "%q is not the name of a header", Printable(name))
	case !httpguts.ValidHeaderFieldValue(value):
		return ConfigError("header", "the value of the header %s has a character that no header can have, such as a line feed", name)
	case slices.Contains(made, http.CanonicalHeaderKey(name)):
		return ConfigError("header", "the header %s cannot be set: it follows from the request", name)
	}
	return nil
}
