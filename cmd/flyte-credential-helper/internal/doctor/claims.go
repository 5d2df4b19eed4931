package doctor

import (
	"fmt"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
)

// shownGroups is the number of groups that are named.
const shownGroups = 10

// describeClaims describes the claims of a token.
func describeClaims(c *login.Claims) string {
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
