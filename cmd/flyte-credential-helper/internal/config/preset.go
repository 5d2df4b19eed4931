package config

import "slices"

// preset has the settings that servers of one kind need if no other level has them. It
// names no client: an administrator registers that at the server.
type preset struct {
	name, title string
	issuerForm  string              // what an issuer of that kind looks like; empty: settings names the server
	settings    map[string][]string // by their names, as in a profile
	gitUsername string              // of HTTP Basic, with the token as the password; empty: not a git server
	notes       []string            // for the administrator: what to register, and what to mind
}

// providers are the presets' names. Every call makes the settings' table, and not
// the presets.
func providers() []string {
	return []string{"auth0", "b2c", "bitbucket", "dex", "entra", "gitea", "github", "gitlab", "google", "idcs", "kanidm", "keycloak", "okta"}
}

// presetLevel is the lowest level: the preset of that name.
func presetLevel(name string) level {
	p := presetOf(name)
	return level{"the preset " + name, Preset, func(s Setting) ([]string, string, bool) {
		words, found := p.settings[s.Name]
		return words, "--provider " + name, found
	}}
}

// presetOf returns the preset of that name, or an empty one.
func presetOf(name string) preset {
	if name == "" {
		return preset{}
	}
	all := presets()
	return all[slices.IndexFunc(all, func(p preset) bool { return p.name == name })]
}

// fixedPorts are for servers that compare a redirect URI with its port.
func fixedPorts() map[string][]string {
	return map[string][]string{"redirect-uri": {"http://localhost:8000"}, "redirect-port": {"18000"}}
}

// presets are in the order of their names. docs/providers.md is made of them.
func presets() []preset {
	return []preset{
		{
			name: "auth0", title: "Auth0", issuerForm: "https://TENANT.auth0.com/",
			settings: fixedPorts(),
			notes: []string{
				"Create an application of the type Native. Allow the callback URLs http://localhost:8000 and http://localhost:18000, because Auth0 compares their ports.",
				"Allow the refresh token grant. Enable rotation with an overlap of ten seconds or more.",
				"The issuer ends with a slash. To get an access token for your own API, set `audience` to the identifier of the API.",
			},
		},
		{
			name: "b2c", title: "Microsoft Entra ID B2C (Azure AD B2C)", issuerForm: "https://TENANT.b2clogin.com/tfp/TENANT-ID/POLICY/v2.0/",
			settings: map[string][]string{"redirect-uri": {"http://localhost"}, "token-kind": {"id"}},
			notes: []string{
				"Register an application. Under the platform for mobile and desktop applications, add the redirect URI http://localhost. It allows any port.",
				"In the user flow, set the issuer claim to the form with `tfp`. Otherwise the issuer in the metadata differs from the address of the metadata. In a custom policy, set `IssuanceClaimPattern` to `AuthorityWithTfp`.",
				"Without a scope of your own API, B2C sends an ID token and no access token. If you request such a scope, use `--token-kind access` to get the access token.",
			},
		},
		{
			name: "bitbucket", title: "Bitbucket Cloud",
			settings: map[string][]string{
				"auth-endpoint":  {"https://bitbucket.org/site/oauth2/authorize"},
				"token-endpoint": {"https://bitbucket.org/site/oauth2/access_token"},
				"redirect-uri":   {"http://localhost:8000"},
				"token-kind":     {"access"},
			},
			gitUsername: "x-token-auth",
			notes: []string{
				"Add an OAuth consumer to the workspace. Give it the callback URL http://localhost:8000 and the repository permissions that git needs.",
				"The consumer has a secret. Write it into a file, and set `client-secret-file` to its path. Bitbucket issues no ID tokens.",
			},
		},
		{
			name: "dex", title: "Dex", issuerForm: "https://dex.example.com",
			settings: map[string][]string{"scope": {"openid", "email", "groups", "offline_access"}},
			notes: []string{
				"A static client with `public: true` and no `redirectURIs` may use any port on loopback.",
				"Set `expiry.refreshTokens.reuseInterval: 10s`. Then a login continues to work if the answer to a refresh is lost.",
				"If the refresh token has expired, Dex answers `invalid_request`. The next call then logs in.",
			},
		},
		{
			name: "entra", title: "Microsoft Entra ID", issuerForm: "https://login.microsoftonline.com/TENANT-ID/v2.0",
			settings: map[string][]string{"redirect-uri": {"http://localhost"}},
			notes: []string{
				"Register an application. Under the platform for mobile and desktop applications, add the redirect URI http://localhost. It allows any port.",
				"A cluster accepts the ID token. Its audience is the ID of the application. Without a scope of your own API, access tokens are for Microsoft Graph.",
				"The issuer contains the ID of your tenant. Do not use `common` or `organizations`: their metadata contains the text `{tenantid}` instead of an ID, and no token has that issuer.",
				"If a policy requires the user to sign in again (`interaction_required`), the next call logs in.",
			},
		},
		{
			name: "gitea", title: "Gitea and Forgejo", issuerForm: "https://gitea.example.com",
			settings:    map[string][]string{"scope": {"openid", "email", "write:repository"}},
			gitUsername: "oauth2",
			notes: []string{
				"Create an OAuth2 application that is not a confidential client. Give it the redirect URI http://127.0.0.1. It allows any port.",
			},
		},
		{
			name: "github", title: "GitHub",
			settings: map[string][]string{
				"auth-endpoint":  {"https://github.com/login/oauth/authorize"},
				"token-endpoint": {"https://github.com/login/oauth/access_token"},
				"scope":          {"repo"},
				"token-kind":     {"access"},
			},
			gitUsername: "x-access-token",
			notes: []string{
				"Create an OAuth app or a GitHub App with the callback URL http://127.0.0.1. It allows any port.",
				"The app has a secret. Write it into a file, and set `client-secret-file` to its path. GitHub issues no ID tokens, so you cannot use it for a cluster.",
				"Tokens expire, and there are refresh tokens, only if this is enabled in the app.",
				"If the refresh token has expired, GitHub answers `bad_refresh_token` with status 200. The next call then logs in.",
			},
		},
		{
			name: "gitlab", title: "GitLab", issuerForm: "https://gitlab.example.com",
			settings:    map[string][]string{"issuer": {"https://gitlab.com"}, "scope": {"openid", "read_repository", "write_repository"}},
			gitUsername: "oauth2",
			notes: []string{
				"Add an application that is not confidential. Give it the redirect URI http://127.0.0.1, which allows any port, and the scopes in the table below.",
				"For a cluster, the scope `openid` is enough. Set it as the only scope.",
			},
		},
		{
			name: "google", title: "Google",
			settings: map[string][]string{
				"issuer":     {"https://accounts.google.com"},
				"scope":      {"openid", "email"},
				"auth-param": {"access_type=offline", "prompt=consent"},
				"token-kind": {"id"},
			},
			gitUsername: "oauth2accesstoken",
			notes: []string{
				"Create an OAuth client of the type Desktop app. It allows any port on loopback.",
				"The client has a secret, although it cannot stay secret in a desktop app. Write it into a file, and set `client-secret-file` to its path.",
				"ID tokens of Google contain no groups. A cluster identifies users by their e-mail address.",
			},
		},
		{
			name: "idcs", title: "Oracle Identity Cloud Service", issuerForm: "https://idcs-ID.identity.oraclecloud.com",
			settings: map[string][]string{"scope": {"openid", "offline_access"}, "redirect-uri": {"http://localhost:8000"}, "redirect-port": {"18000"}},
			notes: []string{
				"Add a mobile application with the grants authorization code and refresh token. Add the redirect URLs http://localhost:8000 and http://localhost:18000, because the server compares their ports.",
				"In the settings of the domain, set the issuer to the URL of the domain. Otherwise the metadata has the issuer https://identity.oraclecloud.com/. In that case, give the endpoints instead of the issuer: `--auth-endpoint https://idcs-ID.identity.oraclecloud.com/oauth2/v1/authorize --token-endpoint https://idcs-ID.identity.oraclecloud.com/oauth2/v1/token`.",
				"The audience of ID tokens is a list that contains the client ID.",
			},
		},
		{
			name: "kanidm", title: "Kanidm", issuerForm: "https://kanidm.example.com/oauth2/openid/CLIENT-ID",
			notes: []string{
				"Create a public client with `kanidm system oauth2 create-public`. Allow any port on loopback with `kanidm system oauth2 enable-localhost-redirects`.",
				"Each client has its own issuer. The issuer ends with the client ID.",
				"Kanidm sends errors with the type `text/plain`. The program reads them as JSON.",
			},
		},
		{
			name: "keycloak", title: "Keycloak", issuerForm: "https://keycloak.example.com/realms/REALM",
			notes: []string{
				"Create a client with client authentication off and the standard flow on. Give it the valid redirect URI http://127.0.0.1. It allows any port.",
				"The program requests `offline_access` if Keycloak offers it. The login then continues after the session of the browser has ended. Users need the role `offline_access`. If the login should end with the session of the browser, set `openid` as the only scope.",
				"To get groups in the ID token, add a group membership mapper.",
			},
		},
		{
			name: "okta", title: "Okta", issuerForm: "https://ORG.okta.com",
			settings: fixedPorts(),
			notes: []string{
				"Create an OpenID Connect app integration of the type Native Application with the grant Refresh Token. Add the sign-in redirect URIs http://localhost:8000 and http://localhost:18000, because Okta compares their ports.",
				"Rotate refresh tokens with a grace period of ten seconds or more.",
				"A custom authorization server has the issuer https://ORG.okta.com/oauth2/NAME. To get groups in the ID token, add a claim there.",
			},
		},
	}
}
