package config

// preset has the settings that servers of one kind need if no other level has them. It
// names no client: an administrator registers that at the server.
type preset struct {
	issuerForm  string // what an issuer of that kind looks like; empty: settings names the server
	gitUsername string // of HTTP Basic, with the token as the password; empty: not a git server
	settings    words
}

// words are the values of settings by their names, as in a profile.
type words = map[string][]string

// providers are the presets' names. Every call makes the settings' table, and not
// the presets.
func providers() []string {
	return []string{"auth0", "b2c", "bitbucket", "dex", "entra", "gitea", "github", "gitlab", "google", "idcs", "kanidm", "keycloak", "okta"}
}

// presetLevel is the lowest level: the preset of that name.
func presetLevel(name string) level {
	l := level{Preset, map[string]Value{}}
	for setting, words := range presets()[name].settings {
		l.values[setting] = Value{words, "--provider " + name}
	}
	return l
}

// presets are the presets by their names. docs/providers.md describes them.
func presets() map[string]preset {
	// for servers that compare a redirect URI with its port
	fixed, spare := []string{"http://localhost:8000"}, []string{"18000"}
	return map[string]preset{
		"auth0": {"https://TENANT.auth0.com/", "", words{"redirect-uri": fixed, "redirect-port": spare}},
		"b2c":   {"https://TENANT.b2clogin.com/tfp/TENANT-ID/POLICY/v2.0/", "", words{"redirect-uri": {"http://localhost"}, "token-kind": {"id"}}},
		"bitbucket": {"", "x-token-auth", words{
			"auth-endpoint":  {"https://bitbucket.org/site/oauth2/authorize"},
			"token-endpoint": {"https://bitbucket.org/site/oauth2/access_token"},
			"redirect-uri":   fixed,
			"token-kind":     {"access"},
		}},
		"dex":   {"https://dex.example.com", "", words{"scope": {"openid", "email", "groups", "offline_access"}}},
		"entra": {"https://login.microsoftonline.com/TENANT-ID/v2.0", "", words{"redirect-uri": {"http://localhost"}}},
		"gitea": {"https://gitea.example.com", "oauth2", words{"scope": {"openid", "email", "write:repository"}}},
		"github": {"", "x-access-token", words{
			"auth-endpoint":  {"https://github.com/login/oauth/authorize"},
			"token-endpoint": {"https://github.com/login/oauth/access_token"},
			"scope":          {"repo"},
			"token-kind":     {"access"},
		}},
		"gitlab": {"https://gitlab.example.com", "oauth2", words{
			"issuer": {"https://gitlab.com"},
			"scope":  {"openid", "read_repository", "write_repository"},
		}},
		"google": {"", "oauth2accesstoken", words{
			"issuer":     {"https://accounts.google.com"},
			"scope":      {"openid", "email"},
			"auth-param": {"access_type=offline", "prompt=consent"},
			"token-kind": {"id"},
		}},
		"idcs": {"https://idcs-ID.identity.oraclecloud.com", "", words{
			"scope":         {"openid", "offline_access"},
			"redirect-uri":  fixed,
			"redirect-port": spare,
		}},
		"kanidm":   {"https://kanidm.example.com/oauth2/openid/CLIENT-ID", "", nil},
		"keycloak": {"https://keycloak.example.com/realms/REALM", "", nil},
		"okta":     {"https://ORG.okta.com", "", words{"redirect-uri": fixed, "redirect-port": spare}},
	}
}
