package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// settings are the program's settings, each with the same name as a flag, in
// the environment and in a profile.
type settings struct {
	profile, endpoint, issuer, provider                             string
	authEndpoint, tokenEndpoint, deviceEndpoint, revocationEndpoint string

	clientID, clientSecretFile, clientSecretEnv string
	scope, resource                             []string
	audience, account                           string
	redirectURI                                 string
	redirectPort                                []int
	authParam, tokenParam, refreshParam         map[string]string
	authParamsInTokenRequest                    bool

	grant, interactive       string
	browser                  []string
	noBrowser                bool
	listen                   string
	loginTimeout             time.Duration
	successPage, failurePage string

	tokenKind, store    string
	minTTL, reuseWindow time.Duration
	forceRefresh        bool

	caFile             string
	insecureSkipVerify bool
	httpProxy          string
	header             map[string]string
	proxyCommand       []string
	logLevel           string

	said   []string // the settings that some level has set, the command line's first
	output string   // the form that token answers in
	// renewOnRepeat makes token refresh if its parent process asks for the same token again.
	renewOnRepeat bool
	flagged       []string // the settings that the command line has set
	given         []string // the flags of the command line that say which login it is
	inherited     []string // the same of the environment
	newProfile    string   // the name that this setup's profile is to have
	nameless      bool     // no server is named
	undecided     error    // why none is, where there is more to say
	warnings      []string // what was passed over, and why
	notes         []string // the same, for who looks closely
	broken        error    // what is wrong with Flyte's configuration, which counts

	bound       bool                         // a host is served, and its profile alone says by whose token
	makes       bool                         // this command makes a profile of what it is told
	lenient     bool                         // this command goes on without what config.yaml has
	ofFlyte     bool                         // Flyte's configuration counts for this command
	forProgram  bool                         // this command answers a program
	theirs      string                       // where that is, if it does
	theirClient string                       // whose secret theirSecret is
	theirSecret func() (oauth.Secret, error) // nil: it has none
	plaintext   string                       // where it says that the endpoint is; empty: it does not
}

// setting is a row of the table that flags, environment, profiles and --help
// are made from.
type setting struct {
	name  string
	group string
	usage string
	value pflag.Value
	kind  kind
}

type kind int

const (
	plain   kind = iota
	server       // names the server: the highest level that sets any such wins whole
	path         // in a profile, relative to the configuration file
	choice       // chooses what the other settings are read from: not in a profile
	passing      // says nothing of which login it is
)

const (
	groupServer  = "Which server"
	groupClient  = "What to ask for"
	groupLogin   = "Logging in"
	groupToken   = "The token"
	groupNetwork = "Network and log"
)

func newSettings() *settings {
	return &settings{
		grant: "auto", interactive: "auto", loginTimeout: 2 * time.Minute, tokenKind: "auto", store: "auto",
		reuseWindow: time.Minute, logLevel: "warn", output: string(execcred.Bare),
	}
}

func (s *settings) table() []setting {
	text := func(p *string, name string) pflag.Value { return textValue{p, name} }
	return []setting{
		{"profile", groupServer, "use this profile of config.yaml", text(&s.profile, "NAME"), choice},
		{"endpoint", groupServer, "a Flyte endpoint, which says itself how to log in, or is told by the endpoints below; http://HOST is plaintext, else TLS", text(&s.endpoint, "HOST"), server},
		{"issuer", groupServer, "an OpenID Connect issuer, or an OAuth 2.0 server with metadata", text(&s.issuer, "URL"), server},
		{"auth-endpoint", groupServer, "authorization endpoint, without --issuer", text(&s.authEndpoint, "URL"), server},
		{"token-endpoint", groupServer, "token endpoint, without --issuer", text(&s.tokenEndpoint, "URL"), server},
		{"device-endpoint", groupServer, "device authorization endpoint, without --issuer", text(&s.deviceEndpoint, "URL"), server},
		{"revocation-endpoint", groupServer, "revocation endpoint, without --issuer", text(&s.revocationEndpoint, "URL"), server},
		{"provider", groupServer, "what kind of server it is: fills in what such servers want and nothing else sets", oneOf{&s.provider, providers()}, plain},

		{"client-id", groupClient, "the client as the server knows it", text(&s.clientID, "ID"), plain},
		{"client-secret-file", groupClient, "file that holds the client's secret", text(&s.clientSecretFile, "FILE"), path},
		{"client-secret-env", groupClient, "environment variable that holds the client's secret", text(&s.clientSecretEnv, "NAME"), plain},
		{"scope", groupClient, "scope to ask for (default with --issuer: openid, and offline_access where it is offered)", listValue{&s.scope, "SCOPE"}, plain},
		{"audience", groupClient, "audience to ask for", text(&s.audience, "AUDIENCE"), plain},
		{"resource", groupClient, "resource to ask for (RFC 8707)", listValue{&s.resource, "URI"}, plain},
		{"account", groupClient, "your name for this login, sent as login_hint; keeps several apart", text(&s.account, "NAME"), plain},
		{"redirect-uri", groupClient, "redirect URI (default http://127.0.0.1 with a free port)", text(&s.redirectURI, "URI"), plain},
		{"redirect-port", groupClient, "port to try where the redirect URI's is taken", portsValue{&s.redirectPort}, plain},
		{"auth-param", groupClient, "parameter to add to the authorization request", mapValue{&s.authParam}, plain},
		{"token-param", groupClient, "parameter to add to the exchange of a code", mapValue{&s.tokenParam}, plain},
		{"refresh-param", groupClient, "parameter to add to a refresh", mapValue{&s.refreshParam}, plain},
		{"auth-params-in-token-request", groupClient, "repeat the authorization request's parameters in the exchange", boolValue{&s.authParamsInTokenRequest}, plain},

		{"grant", groupLogin, "how to log in; auto: in a browser, or where none can be opened by a code that is entered elsewhere", oneOf{&s.grant, []string{"auto", "browser", "device", "client-credentials"}}, plain},
		{"interactive", groupLogin, "whether a login may start: auto asks for a terminal, a display or a browser that is named, and no CI", oneOf{&s.interactive, []string{"auto", "always", "never"}}, passing},
		{"browser", groupLogin, "browser to open (default $BROWSER, else the system's)", commandValue{&s.browser}, plain},
		{"no-browser", groupLogin, "open no browser, show the address at the terminal only", boolValue{&s.noBrowser}, plain},
		{"listen", groupLogin, "listen for the browser at this address instead of loopback, in a container whose port is published; the redirect URI stays the same", text(&s.listen, "HOST:PORT"), plain},
		{"login-timeout", groupLogin, "how long a person has to log in; a code that is entered elsewhere lasts as long as its server says", durationValue{&s.loginTimeout, 1}, passing},
		{"success-page", groupLogin, "HTML file for the browser to show in the end", text(&s.successPage, "FILE"), path},
		{"failure-page", groupLogin, "HTML file for the browser to show if the login fails", text(&s.failurePage, "FILE"), path},

		{"token-kind", groupToken, "which token to hand out; auto: for kubernetes the ID token if there is one", oneOf{&s.tokenKind, []string{"auto", "access", "id"}}, plain},
		{"store", groupToken, "where to keep it: sealed, with the key in the OS keyring or in the kernel's (gone at reboot); readable in a file; or not at all", oneOf{&s.store, []string{"auto", "keyring", "kernel", "file", "none"}}, plain},
		{"min-ttl", groupToken, "how long the token must still live (default 5m for token, else 0s)", durationValue{&s.minTTL, 0}, passing},
		{"reuse-window", groupToken, "how long a new token serves all who ask for a new one", durationValue{&s.reuseWindow, 0}, passing},
		{"force-refresh", groupToken, "renew a token that is still good", boolValue{&s.forceRefresh}, passing},

		{"ca-file", groupNetwork, "certificates to trust beside the system's", text(&s.caFile, "FILE"), path},
		{"insecure-skip-verify", groupNetwork, "do not check the server's certificate: whoever is in between can log in as you", boolValue{&s.insecureSkipVerify}, plain},
		{"http-proxy", groupNetwork, "proxy for requests (default $HTTPS_PROXY, $HTTP_PROXY, $NO_PROXY)", text(&s.httpProxy, "URL"), plain},
		{"header", groupNetwork, "header to add to requests to the authorization server", mapValue{&s.header}, plain},
		{"proxy-command", groupNetwork, "command that prints a token for a proxy before the Flyte endpoint, sent in Proxy-Authorization", commandValue{&s.proxyCommand}, plain},
		{"log-level", groupNetwork, "what to tell on stderr", oneOf{&s.logLevel, []string{"debug", "info", "warn", "error"}}, passing},
	}
}

// flags makes the flag set of the settings that are wanted. It serves the warm
// path and cobra.
func flags(table []setting, wanted func(name string) bool) *pflag.FlagSet {
	fs := pflag.NewFlagSet("flyte-credential-helper", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() {} // help is for whoever asks cobra
	for _, s := range table {
		if !wanted(s.name) {
			continue
		}
		f := fs.VarPF(s.value, s.name, "", s.usage)
		if _, ok := s.value.(boolValue); ok {
			f.NoOptDefVal = "true"
		}
	}
	return fs
}

// tokenFlags are the flags that only the command token has.
func tokenFlags() []string { return []string{"output", "renew-on-repeat"} }

// addTokenFlags adds them.
func (s *settings) addTokenFlags(fs *pflag.FlagSet) {
	forms := []string{string(execcred.Bare), string(execcred.Header), string(execcred.HeaderValue), string(execcred.JSON), string(execcred.Env), string(execcred.Curl)}
	fs.Var(oneOf{&s.output, forms}, "output", "the token alone, or a line that has it: for a header, an environment, curl --config -; or JSON with its expiry")
	fs.BoolVar(&s.renewOnRepeat, "renew-on-repeat", false, "refresh the token if one process asks for it again: a server has rejected it. For callers that keep tokens, such as Flyte's clients")
}

// has reports whether some level has set the setting.
func (s *settings) has(name string) bool { return slices.Contains(s.said, name) }

// every wants all settings.
func every(string) bool { return true }

// among wants the settings that args may set: to make a flag of each takes longer
// than a warm answer.
func among(args []string) func(name string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(args, func(arg string) bool {
			flag, _, _ := strings.Cut(arg, "=")
			return strings.HasPrefix(flag, "--") && flag[2:] == name
		})
	}
}

// take notes what the command line has set of fs, which cobra may have parsed as a
// part of its own.
func (s *settings) take(fs *pflag.FlagSet) {
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			s.said = append(s.said, f.Name)
		}
	})
}
