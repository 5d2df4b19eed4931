package login

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Describe continues a sentence such as "Logged in to SERVER": it says who is logged in, until
// when, and in which store the login is.
func (s *Session) Describe(t *oauth.Token) string {
	var b strings.Builder
	store := s.Place()
	if t.Account != "" {
		fmt.Fprintf(&b, " as %s", t.Account)
	}
	b.WriteString(".\n")
	credential := t.Credential(s.Kind())
	switch {
	case credential.Expiry.IsZero():
		b.WriteString("The server did not say how long the token is valid.\n")
	case store == cache.StoreNone:
		fmt.Fprintf(&b, "The token is valid until %s. The next call logs in again.\n", localTime(credential.Expiry))
	case t.RefreshToken != "" || s.settings.IsMachine():
		fmt.Fprintf(&b, "The token is valid until %s and is refreshed automatically.\n", localTime(credential.Expiry))
	default:
		fmt.Fprintf(&b, "The token is valid until %s. After that, log in again: the server gave no refresh token%s.\n", localTime(credential.Expiry), missingScope(t, s.settings))
	}
	fmt.Fprintf(&b, "The token is %s.\n", storedIn(store, string(StateDir(s.env))))
	return b.String()
}

// missingScope says which scope requests a refresh token.
func missingScope(t *oauth.Token, r *config.Resolved) string {
	for _, name := range []string{"offline_access", "offline"} {
		if slices.Contains(t.Server.Scopes, name) && !slices.Contains(r.Scope, name) {
			return " (to request one, use --scope " + name + ")"
		}
	}
	if len(t.Server.Scopes) == 0 && !slices.Contains(r.Scope, "offline_access") {
		return " (most servers give one for --scope offline_access)"
	}
	return ""
}

// storedIn says how the store keeps the token, for a sentence that begins with "The token is".
func storedIn(store cache.StoreKind, dir string) string {
	return map[cache.StoreKind]string{
		cache.StoreKeyring: "stored in " + dir + ", encrypted with a key in the OS keyring",
		cache.StoreKernel:  "stored in " + dir + ", encrypted with a key in the kernel keyring, which a reboot clears",
		cache.StoreFile:    "stored in " + dir + ", not encrypted and readable only by you",
		cache.StoreNone:    "not stored",
	}[store]
}

// localTime formats a time in the local time zone.
func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
