package oauth

// laterCode reports whether an error code means that the server refused nothing.
func laterCode(code string) bool {
	switch code {
	case "server_error", "temporarily_unavailable", // RFC 6749 §4.1.2.1
		"slow_down",                                            // RFC 8628 §3.5
		"internal_failure",                                     // Google
		"internal_error", "service_unavailable", "ratelimited", // Slack
		"too_many_requests", "rate_limit_exceeded": // Auth0, Google
		return true
	}
	return false
}

// refreshRefusal is what a server means by an error that answers a refresh.
type refreshRefusal struct {
	code   string
	saved  SavedLogin
	source string // the specification or server that uses the code so
}

// refreshRefusals is the table of what the error of a refused refresh means for the
// saved login. A code that is not listed is a refusal that need not last:
// [LoginRefused]. The codes of [laterCode] never get here.
func refreshRefusals() []refreshRefusal {
	return []refreshRefusal{
		{"invalid_grant", LoginDead, "RFC 6749 §5.2"},
		{"invalid_request", LoginDead, "Dex, for an expired or used refresh token"},
		{"bad_refresh_token", LoginDead, "GitHub"},
		{"interaction_required", LoginDead, "OpenID Connect Core §3.1.2.6; Entra"},
		{"login_required", LoginDead, "OpenID Connect Core §3.1.2.6"},
		{"consent_required", LoginDead, "OpenID Connect Core §3.1.2.6; Entra"},
		{"token_inactive", LoginDead, "Ory Hydra"},
		{"invalid_refresh_token", LoginDead, "servers that name the token"},
		{"expired_token", LoginDead, "RFC 8628 §3.5, used by servers for refresh tokens too"},
		{"invalid_token", LoginDead, "RFC 6750 §3.1, used by servers for refresh tokens too"},

		// A setting is wrong, and the refresh token may be as good as before.
		{"invalid_client", LoginUsable, "RFC 6749 §5.2"},
		{"invalid_scope", LoginUsable, "RFC 6749 §5.2"},
		{"unsupported_grant_type", LoginUsable, "RFC 6749 §5.2"},
		{"invalid_target", LoginUsable, "RFC 8707 §2"},
	}
}

// refreshFailure completes the error of a refresh with what it means for the saved
// login.
func refreshFailure(err error) error {
	e := AsError(err)
	if e == nil || e.Class != ClassRefused {
		return err
	}
	refused := *e
	refused.Saved = LoginRefused
	for _, row := range refreshRefusals() {
		if row.code == e.Code {
			refused.Saved = row.saved
		}
	}
	return &refused
}
