package config

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// Settings are the settings that users can set, each with the same name as a flag, in the
// environment and in a profile.
type Settings struct {
	Profile, Endpoint, Issuer, Provider                             string
	AuthEndpoint, TokenEndpoint, DeviceEndpoint, RevocationEndpoint string

	ClientID, ClientSecretFile, ClientSecretEnv string
	Scope, Resource                             []string
	Audience, Account                           string
	RedirectURI                                 string
	RedirectPort                                []int
	AuthParam, TokenParam, RefreshParam         map[string]string
	AuthParamsInTokenRequest                    bool

	Grant, Interactive       string
	Browser                  []string
	NoBrowser                bool
	Listen                   string
	LoginTimeout             time.Duration
	SuccessPage, FailurePage string

	TokenKind, Store    string
	MinTTL, ReuseWindow time.Duration
	ForceRefresh        bool

	CAFile             string
	InsecureSkipVerify bool
	HTTPProxy          string
	Header             map[string]string
	HeaderHost         []string
	ProxyCommand       []string
	LogLevel           string
}

// Setting is a row of the table that flags, environment, profiles, --help and completion
// are made from.
type Setting struct {
	Name  string
	Group string
	Usage string
	Kind  Kind
	Class Class
	// value is the setting in s, as a flag takes it. It is made only for the rows that are
	// used: to make all is 2 % of a warm answer.
	value func(s *Settings) pflag.Value
}

// Kind says how a setting is read, and what it decides.
type Kind int

// The kinds of settings.
const (
	Plain    Kind = iota
	Server        // names the server: the highest level that sets any such wins whole
	Path          // in a profile, relative to the configuration file
	Selector      // selects what the other settings are read from: not in a profile
	PerCall       // does not say which login it is
)

const (
	groupServer  = "Which server"
	groupClient  = "What to request"
	groupLogin   = "Logging in"
	groupToken   = "The token"
	groupNetwork = "Network and log"
)

func defaults() Settings {
	return Settings{
		Grant: "auto", Interactive: "auto", LoginTimeout: 2 * time.Minute, TokenKind: "auto", Store: "auto",
		ReuseWindow: time.Minute, LogLevel: "warn",
	}
}

// Table returns the table of settings.
func Table() []Setting {
	return []Setting{
		{"profile", groupServer, "use this profile of config.yaml", Selector, Public, func(s *Settings) pflag.Value { return textValue{&s.Profile, "NAME"} }},
		{"endpoint", groupServer, "Flyte endpoint; it announces how to log in, unless the endpoints below are set. http://HOST is without TLS", Server, Public, func(s *Settings) pflag.Value { return textValue{&s.Endpoint, "HOST"} }},
		{"issuer", groupServer, "an OpenID Connect issuer, or an OAuth 2.0 server with metadata", Server, Public, func(s *Settings) pflag.Value { return textValue{&s.Issuer, "URL"} }},
		{"auth-endpoint", groupServer, "authorization endpoint, without --issuer", Server, Public, func(s *Settings) pflag.Value { return textValue{&s.AuthEndpoint, "URL"} }},
		{"token-endpoint", groupServer, "token endpoint, without --issuer", Server, Public, func(s *Settings) pflag.Value { return textValue{&s.TokenEndpoint, "URL"} }},
		{"device-endpoint", groupServer, "device authorization endpoint, without --issuer", Server, Public, func(s *Settings) pflag.Value { return textValue{&s.DeviceEndpoint, "URL"} }},
		{"revocation-endpoint", groupServer, "revocation endpoint, without --issuer", Server, Public, func(s *Settings) pflag.Value { return textValue{&s.RevocationEndpoint, "URL"} }},
		{"provider", groupServer, "kind of server: sets what such servers need, if nothing else sets it", Plain, Public, func(s *Settings) pflag.Value { return OneOf{&s.Provider, providers()} }},

		{"client-id", groupClient, "client ID", Plain, Public, func(s *Settings) pflag.Value { return textValue{&s.ClientID, "ID"} }},
		{"client-secret-file", groupClient, "file with the client secret", Path, ServerBound, func(s *Settings) pflag.Value { return textValue{&s.ClientSecretFile, "FILE"} }},
		{"client-secret-env", groupClient, "environment variable with the client secret", Plain, ServerBound, func(s *Settings) pflag.Value { return textValue{&s.ClientSecretEnv, "NAME"} }},
		{"scope", groupClient, "scope to request (default with --issuer: openid, and offline_access if the server offers it)", Plain, Public, func(s *Settings) pflag.Value { return listValue{&s.Scope, "SCOPE"} }},
		{"audience", groupClient, "audience to request", Plain, Public, func(s *Settings) pflag.Value { return textValue{&s.Audience, "AUDIENCE"} }},
		{"resource", groupClient, "resource to request (RFC 8707)", Plain, Public, func(s *Settings) pflag.Value { return listValue{&s.Resource, "URI"} }},
		{"account", groupClient, "name for this login, sent as login_hint; logins with different names are separate", Plain, Public, func(s *Settings) pflag.Value { return textValue{&s.Account, "NAME"} }},
		{"redirect-uri", groupClient, "redirect URI (default http://127.0.0.1 with a free port)", Plain, Public, func(s *Settings) pflag.Value { return textValue{&s.RedirectURI, "URI"} }},
		{"redirect-port", groupClient, "port to try if the port of the redirect URI is in use", Plain, Public, func(s *Settings) pflag.Value { return portsValue{&s.RedirectPort} }},
		{"auth-param", groupClient, "parameter to add to the authorization request", Plain, Public, func(s *Settings) pflag.Value { return mapValue{&s.AuthParam} }},
		{"token-param", groupClient, "parameter to add to the token request of a login", Plain, ServerBound, func(s *Settings) pflag.Value { return mapValue{&s.TokenParam} }},
		{"refresh-param", groupClient, "parameter to add to the token request of a refresh", Plain, ServerBound, func(s *Settings) pflag.Value { return mapValue{&s.RefreshParam} }},
		{"auth-params-in-token-request", groupClient, "repeat the parameters of the authorization request in the token request", Plain, Public, func(s *Settings) pflag.Value { return boolValue{&s.AuthParamsInTokenRequest} }},

		{"grant", groupLogin, "how to log in; auto: in a browser, or with a device code if no browser can be opened", Plain, Public, func(s *Settings) pflag.Value {
			return OneOf{&s.Grant, []string{"auto", "browser", "device", "client-credentials"}}
		}},
		{"interactive", groupLogin, "whether a login may start; auto: if there is a terminal, a display or a configured browser, and CI is not set", PerCall, Local, func(s *Settings) pflag.Value { return OneOf{&s.Interactive, []string{"auto", "always", "never"}} }},
		{"browser", groupLogin, "browser to open (default: $BROWSER, otherwise the browser of the system)", Plain, Local, func(s *Settings) pflag.Value { return commandValue{&s.Browser} }},
		{"no-browser", groupLogin, "do not open a browser; show the address at the terminal", Plain, Local, func(s *Settings) pflag.Value { return boolValue{&s.NoBrowser} }},
		{"listen", groupLogin, "address to listen at for the browser instead of loopback, for a container with a published port; the redirect URI stays the same", Plain, Local, func(s *Settings) pflag.Value { return textValue{&s.Listen, "HOST:PORT"} }},
		{"login-timeout", groupLogin, "time limit for the user to log in; the server sets the limit for a device code", PerCall, Local, func(s *Settings) pflag.Value { return durationValue{&s.LoginTimeout, 1} }},
		{"success-page", groupLogin, "HTML file that the browser shows after a login", Path, Local, func(s *Settings) pflag.Value { return textValue{&s.SuccessPage, "FILE"} }},
		{"failure-page", groupLogin, "HTML file that the browser shows if the login fails", Path, Local, func(s *Settings) pflag.Value { return textValue{&s.FailurePage, "FILE"} }},

		{"token-kind", groupToken, "which token to return; auto: for kubernetes the ID token if there is one, otherwise the access token", Plain, Public, func(s *Settings) pflag.Value { return OneOf{&s.TokenKind, []string{"auto", "access", "id"}} }},
		{"store", groupToken, "where to store it: encrypted, with the key in the OS keyring or in the kernel keyring (lost at reboot); in a readable file; or nowhere", Plain, Local, func(s *Settings) pflag.Value {
			return OneOf{&s.Store, []string{"auto", "keyring", "kernel", "file", "none"}}
		}},
		{"min-ttl", groupToken, "minimum remaining lifetime of the token (default 5m for token, otherwise 0s)", PerCall, Local, func(s *Settings) pflag.Value { return durationValue{&s.MinTTL, 0} }},
		{"reuse-window", groupToken, "how long after a refresh all calls that request a new token get the token of that refresh", PerCall, Local, func(s *Settings) pflag.Value { return durationValue{&s.ReuseWindow, 0} }},
		{"force-refresh", groupToken, "refresh the token even if it is valid", PerCall, Local, func(s *Settings) pflag.Value { return boolValue{&s.ForceRefresh} }},

		{"ca-file", groupNetwork, "certificates to trust in addition to those of the system", Path, Network, func(s *Settings) pflag.Value { return textValue{&s.CAFile, "FILE"} }},
		{"insecure-skip-verify", groupNetwork, "do not verify the certificate of the server: an attacker on the network can then log in as you", Plain, ServerBound, func(s *Settings) pflag.Value { return boolValue{&s.InsecureSkipVerify} }},
		{"http-proxy", groupNetwork, "proxy for requests (default $HTTPS_PROXY, $HTTP_PROXY, $NO_PROXY)", Plain, Network, func(s *Settings) pflag.Value { return textValue{&s.HTTPProxy, "URL"} }},
		{"header", groupNetwork, "header to add to requests to the hosts of --issuer, --endpoint and --token-endpoint, and to each --header-host", Plain, ServerBound, func(s *Settings) pflag.Value { return mapValue{&s.Header} }},
		{"header-host", groupNetwork, "another host that gets --header, on any port if it has none (default: only the hosts of --issuer, --endpoint and --token-endpoint)", Plain, ServerBound, func(s *Settings) pflag.Value { return listValue{&s.HeaderHost, "HOST[:PORT]"} }},
		{"proxy-command", groupNetwork, "command that prints a token for a proxy in front of the Flyte endpoint; it is sent in Proxy-Authorization", Plain, ServerBound, func(s *Settings) pflag.Value { return commandValue{&s.ProxyCommand} }},
		{"log-level", groupNetwork, "what to log on stderr", PerCall, Local, func(s *Settings) pflag.Value { return OneOf{&s.LogLevel, []string{"debug", "info", "warn", "error"}} }},
	}
}

// row returns the row of that name.
func row(name string) Setting {
	table := Table()
	return table[slices.IndexFunc(table, func(s Setting) bool { return s.Name == name })]
}

// byDefault is the setting's default value.
func (s Setting) byDefault() pflag.Value {
	d := defaults()
	return s.value(&d)
}

// Variable is the name of a setting in the environment.
func Variable(name string) string {
	return variables + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// WithoutInteraction returns the environment for another program, in which neither git, nor its
// helpers, nor this program asks the user anything, and the go command fetches no toolchain.
func WithoutInteraction(env system.Env) []string {
	return append(env.Environ(), "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never", "GIT_ASKPASS=", "SSH_ASKPASS=", "GOTOOLCHAIN=local", Variable("interactive")+"=never")
}

// variables is how the names of our variables begin.
const variables = "FLYTE_CREDENTIAL_HELPER_"

// Flag is the setting's flag, and the name of its value; a boolean has none.
func (s Setting) Flag() (name, value string) {
	v := s.byDefault()
	if _, ok := v.(boolValue); ok {
		return "--" + s.Name, ""
	}
	return "--" + s.Name, v.Type()
}

// Description is the setting's usage, with its default if that is not in the text.
func (s Setting) Description() string {
	switch v := s.byDefault().(type) {
	case repeated:
		return s.Usage + " (repeatable)"
	case OneOf, durationValue:
		if d := v.String(); d != "" && d != "0s" {
			return s.Usage + " (default " + d + ")"
		}
	}
	return s.Usage
}

// words is the setting in settings, as a flag takes it: one word for each time that it would
// be given.
func (s Setting) words(settings *Settings) []string {
	v := s.value(settings)
	if r, ok := v.(repeated); ok {
		return r.words()
	}
	return []string{v.String()}
}

// set sets the setting in settings to the words that a level has for it.
func (s Setting) set(settings *Settings, words []string) error {
	v := s.value(settings)
	if r, ok := v.(repeated); ok {
		r.Clear()
	}
	for _, word := range words {
		if err := v.Set(word); err != nil {
			return err
		}
	}
	return nil
}
