package doctor

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// claims are the claims of a JWT that servers judge. They are not verified.
type claims struct {
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

// decodeClaims reads a JWT. It returns nil if the token is not one.
func decodeClaims(token oauth.Secret) *claims {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return nil
	}
	header, fields := decodePart(parts[0]), decodePart(parts[1])
	if header == nil || fields == nil {
		return nil
	}
	c := &claims{
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

// shownGroups is the number of groups that are named.
const shownGroups = 10

// String describes the claims.
func (c *claims) String() string {
	words := []string{"issuer " + orNone(c.Issuer), "audience " + orNone(strings.Join(c.Audience, " ")), "subject " + orNone(c.Subject)}
	words = append(words, c.Names...)
	if c.Client != "" {
		words = append(words, "client "+c.Client)
	}
	if len(c.Scopes) > 0 {
		words = append(words, "scopes "+strings.Join(c.Scopes, " "))
	}
	groups := "no groups"
	if n := len(c.Groups); n > 0 {
		groups = plural(n, "group") + " (" + strings.Join(c.Groups[:min(n, shownGroups)], " ")
		if n > shownGroups {
			groups += " …"
		}
		groups += ")"
	}
	words = append(words, groups)
	if !c.Expiry.IsZero() {
		words = append(words, "expires "+clock(c.Expiry))
	}
	if c.Algorithm != "" {
		words = append(words, fmt.Sprintf("signed with %s", c.Algorithm))
	}
	return strings.Join(words, ", ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
