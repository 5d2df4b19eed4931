package login

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// checkMistakes returns an error for the value of a setting that servers would reject without
// a reason that the user understands. Its hint has the correct value.
func checkMistakes(r *config.Resolved, p Policy, env system.Env) error {
	wrong := func(name, problem string, values ...string) error {
		fixed := r.With(name, values...)
		hint := config.Command(Command(fixed, p, env)...)
		switch r.Origin(name) {
		case config.FromProfile:
			hint = config.Text("the line should be: %s", fixed.ProfileLine(name))
		case config.Environment:
			value := shellquote.Join(values...)
			if len(values) > 1 { // one on each line
				value = `"$(printf '%s\n' ` + value + `)"`
			}
			hint = config.Shell("export %s=%s", config.Variable(name), value)
		default:
			if !r.IsGiven(name) {
				hint = config.Text("the setting is %s", config.Shown(fixed.Flag(name)))
			}
		}
		return config.Errorf(hint, "%s %s", cmp.Or(r.Where(name), "--"+name), problem)
	}
	if address, document := withoutMetadataPath(r.Issuer); document {
		return wrong("issuer", "is the address of the metadata, not the issuer", address)
	}
	if r.Issuer != "" && !strings.Contains(r.Issuer, "://") {
		return wrong("issuer", "has no https://: "+oauth.Printable(r.Issuer), "https://"+r.Issuer)
	}
	for _, scope := range r.Scope {
		if !isList(scope) {
			continue
		}
		separator := "comma"
		if strings.Contains(scope, " ") {
			separator = "blank"
		}
		rule := "each scope needs a --scope of its own"
		switch r.Origin("scope") {
		case config.FromProfile:
			rule = "each scope is an item of the list"
		case config.Environment:
			rule = "each scope needs a line of its own"
		}
		return wrong("scope", "has a "+separator+": "+rule, strings.FieldsFunc(strings.Join(r.Scope, ","), isSeparator)...)
	}
	return nil
}

// withoutMetadataPath removes the path of a metadata document from an issuer: the suffix of
// OpenID Connect Discovery 1.0 §4, or the infix of RFC 8414 §3.
func withoutMetadataPath(issuer string) (without string, found bool) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", false
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		if before, after, found := strings.Cut(u.Path, path); found {
			u.Path = before + after
			return u.String(), true
		}
	}
	return "", false
}

// isList reports whether scope is a list of scopes. A comma alone is no proof: some
// servers have scopes with one. A part that OpenID Connect Core 1.0 §5.4 or §11 defines is.
func isList(scope string) bool {
	parts := strings.FieldsFunc(scope, isSeparator)
	return len(parts) > 1 && slices.ContainsFunc(parts, func(part string) bool {
		return slices.Contains([]string{"openid", "profile", "email", "offline_access"}, part)
	})
}

func isSeparator(r rune) bool { return r == ',' || r == ' ' }
