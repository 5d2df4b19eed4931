package login

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Claims are the claims of a JWT that servers judge. They are not verified.
type Claims struct {
	Algorithm     string
	Issuer        string
	Audience      []string
	Subject       string
	Expiry        time.Time
	Names         []string // the claims that servers take for a user name, NAME VALUE each
	Groups        []string
	Scopes        []string
	Client        string
	EmailVerified bool // true also if the claim is absent
}

// DecodeClaims reads a JWT. It returns nil if the token is not one.
func DecodeClaims(token oauth.Secret) *Claims {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return nil
	}
	header, fields := decodePart(parts[0]), decodePart(parts[1])
	if header == nil || fields == nil {
		return nil
	}
	c := &Claims{
		Algorithm: text(header["alg"]), Issuer: text(fields["iss"]), Audience: list(fields["aud"]), Subject: text(fields["sub"]),
		Groups: list(fields["groups"]), Client: text(fields["client_id"]), EmailVerified: true,
	}
	if c.Client == "" {
		c.Client = text(fields["azp"])
	}
	for _, name := range []string{"email", "preferred_username", "upn", "name"} {
		if value := text(fields[name]); value != "" {
			c.Names = append(c.Names, name+" "+value)
		}
	}
	if verified, isBool := fields["email_verified"].(bool); isBool {
		c.EmailVerified = verified
	}
	c.Scopes = list(fields["scp"])
	if scope := text(fields["scope"]); scope != "" && c.Scopes == nil {
		c.Scopes = strings.Fields(scope)
	}
	if seconds, isNumber := fields["exp"].(float64); isNumber {
		c.Expiry = time.Unix(int64(seconds), 0)
	}
	return c
}

func decodePart(part string) (fields map[string]any) {
	document, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil || json.Unmarshal(document, &fields) != nil {
		return nil
	}
	return fields
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// list reads a claim that is a text or a list of texts.
func list(value any) (words []string) {
	if s := text(value); s != "" {
		return []string{s}
	}
	values, _ := value.([]any)
	for _, v := range values {
		if s := text(v); s != "" {
			words = append(words, s)
		}
	}
	return words
}
