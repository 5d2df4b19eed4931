package execcred

// https://github.com/EngFlow/credential-helper-spec/blob/main/spec.md

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// BazelNone is the answer for a URI that needs no credential, or for whose host there is
// none.
const BazelNone = "{}\n"

// BazelRequest is a host request of Bazel to a credential helper.
type BazelRequest struct {
	Host Host // zero: no token may be sent to the URI
}

// DecodeBazel decodes the input of the operation get. Keys other than uri are ignored.
func DecodeBazel(text []byte) (*BazelRequest, error) {
	var asked struct {
		URI uniqueString `json:"uri"`
	}
	if json.Unmarshal(text, &asked) != nil || asked.URI == "" {
		return nil, errors.New("the request is not Bazel's: JSON with a uri")
	}
	return &BazelRequest{Host: parseURL(overHTTP(string(asked.URI)))}, nil
}

// overHTTP returns a gRPC URI as the HTTP URI that carries it, and any other URI unchanged.
func overHTTP(uri string) string {
	scheme, rest, found := strings.Cut(uri, "://")
	switch {
	case found && strings.EqualFold(scheme, "grpcs"):
		return https + "://" + rest
	case found && strings.EqualFold(scheme, "grpc"):
		return http + "://" + rest
	}
	return uri
}

// Encode answers the operation get.
func (r *BazelRequest) Encode(c Credential) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	expires := c.expiryText()
	if expires != "" {
		expires = fmt.Sprintf(`,"expires":%q`, expires)
	}
	return fmt.Appendf(nil, `{"headers":{"Authorization":[%q]}%s}`+"\n", "Bearer "+t, expires), nil
}
