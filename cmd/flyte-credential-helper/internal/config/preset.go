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
				"Create an application of the type Native, and allow both callback URLs: Auth0 compares them with their ports.",
				"Allow the refresh token grant, and rotation with an overlap of ten seconds or more.",
				"The issuer ends with a slash. An access token for an API of yours needs its identifier as `audience`.",
			},
		},
		{
			name: "b2c", title: "Microsoft Entra ID B2C (Azure AD B2C)", issuerForm: "https://TENANT.b2clogin.com/tfp/TENANT-ID/POLICY/v2.0/",
			settings: map[string][]string{"redirect-uri": {"http://localhost"}, "token-kind": {"id"}},
			notes: []string{
				"Register an application, and under the platform for mobile and desktop applications the redirect URI http://localhost: any port works.",
				"In the user flow, set the issuer claim to the form with `tfp`: otherwise its metadata names another issuer than the address they are read from. A custom policy sets `IssuanceClaimPattern` to `AuthorityWithTfp`.",
				"Without a scope of an API of yours B2C sends an ID token and no access token. With such a scope, give `--token-kind access` for its access token.",
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
				"Add an OAuth consumer to the workspace, with the callback URL http://localhost:8000 and the repository permissions that git needs.",
				"The consumer has a secret, which goes into `client-secret-file`. There are no ID tokens.",
			},
		},
		{
			name: "dex", title: "Dex", issuerForm: "https://dex.example.com",
			settings: map[string][]string{"scope": {"openid", "email", "groups", "offline_access"}},
			notes: []string{
				"A static client with `public: true` and no `redirectURIs` may use any port on loopback.",
				"With `expiry.refreshTokens.reuseInterval: 10s` a refresh whose answer is lost costs nobody the login.",
				"When the refresh token has ended Dex answers `invalid_request`, and the next call logs in.",
			},
		},
		{
			name: "entra", title: "Microsoft Entra ID", issuerForm: "https://login.microsoftonline.com/TENANT-ID/v2.0",
			settings: map[string][]string{"redirect-uri": {"http://localhost"}},
			notes: []string{
				"Register an application, and under the platform for mobile and desktop applications the redirect URI http://localhost: any port will do.",
				"A cluster takes the ID token, whose audience is the application's ID. Access tokens without a scope of an API of yours are meant for Microsoft Graph.",
				"The issuer names your tenant's ID: with `common` or `organizations` the metadata have `{tenantid}` in its place, which no token has.",
				"If a policy wants the user again (`interaction_required`), the next call logs in.",
			},
		},
		{
			name: "gitea", title: "Gitea and Forgejo", issuerForm: "https://gitea.example.com",
			settings:    map[string][]string{"scope": {"openid", "email", "write:repository"}},
			gitUsername: "oauth2",
			notes: []string{
				"Create an OAuth2 application that is not a confidential client, with the redirect URI http://127.0.0.1: any port will do.",
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
				"Create an OAuth app or a GitHub App with the callback URL http://127.0.0.1: any port will do.",
				"It has a secret, which goes into `client-secret-file`. There are no ID tokens, so no cluster takes it.",
				"A token that ends, and a refresh token with it, come where the app has them switched on.",
				"When the refresh token has ended GitHub answers `bad_refresh_token` with status 200, and the next call logs in.",
			},
		},
		{
			name: "gitlab", title: "GitLab", issuerForm: "https://gitlab.example.com",
			settings:    map[string][]string{"issuer": {"https://gitlab.com"}, "scope": {"openid", "read_repository", "write_repository"}},
			gitUsername: "oauth2",
			notes: []string{
				"Add an application that is not confidential, with the redirect URI http://127.0.0.1, any port will do, and the scopes that are asked for.",
				"For a cluster `openid` is enough: give that as the only scope.",
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
				"Create an OAuth client of the type Desktop app: any port on loopback will do.",
				"It has a secret, though nobody can keep it one, which goes into `client-secret-file`.",
				"Google knows no groups in ID tokens: a cluster tells people apart by their e-mail address.",
			},
		},
		{
			name: "idcs", title: "Oracle Identity Cloud Service", issuerForm: "https://idcs-ID.identity.oraclecloud.com",
			settings: map[string][]string{"scope": {"openid", "offline_access"}, "redirect-uri": {"http://localhost:8000"}, "redirect-port": {"18000"}},
			notes: []string{
				"Add a mobile application with the grants authorization code and refresh token, and both redirect URLs: they are compared with their ports.",
				"In the domain's settings, make the issuer the domain's own URL. Otherwise its metadata name https://identity.oraclecloud.com/: then give the endpoints, `--auth-endpoint https://idcs-ID.identity.oraclecloud.com/oauth2/v1/authorize --token-endpoint https://idcs-ID.identity.oraclecloud.com/oauth2/v1/token`, in place of the issuer.",
				"The audience of ID tokens is a list that has the client's ID in it.",
			},
		},
		{
			name: "kanidm", title: "Kanidm", issuerForm: "https://kanidm.example.com/oauth2/openid/CLIENT-ID",
			notes: []string{
				"Create a public client with `kanidm system oauth2 create-public`, and allow any port on loopback with `kanidm system oauth2 enable-localhost-redirects`.",
				"Each client has an issuer of its own, which ends with its ID.",
				"Kanidm sends errors as `text/plain`. They are read by their content.",
			},
		},
		{
			name: "keycloak", title: "Keycloak", issuerForm: "https://keycloak.example.com/realms/REALM",
			notes: []string{
				"Create a client with client authentication off and the standard flow on, and the valid redirect URI http://127.0.0.1: any port will do.",
				"`offline_access`, which is asked for where Keycloak offers it, makes the login outlive the browser's session: people need the role of that name. To be logged out with the browser, give `openid` as the only scope.",
				"Groups in the ID token need a group membership mapper.",
			},
		},
		{
			name: "okta", title: "Okta", issuerForm: "https://ORG.okta.com",
			settings: fixedPorts(),
			notes: []string{
				"Create an OpenID Connect app integration of the type Native Application, with the grant Refresh Token, and both sign-in redirect URIs: Okta compares them with their ports.",
				"Rotate refresh tokens with a grace period of ten seconds or more.",
				"An authorization server of its own has the issuer https://ORG.okta.com/oauth2/NAME. Groups in the ID token need a claim there.",
			},
		},
	}
}
