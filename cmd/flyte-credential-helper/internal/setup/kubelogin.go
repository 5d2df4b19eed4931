package setup

import (
	"encoding/base64"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/kballard/go-shellquote"
	"github.com/spf13/pflag"
)

// kubelogin is the command line of int128/kubelogin's get-token, by the names of
// its flags, with its defaults.
// https://github.com/int128/kubelogin/blob/master/docs/usage.md
type kubelogin struct {
	flags *pflag.FlagSet

	issuer, client, secret, redirect, hostname string
	scopes, listen, authorities, data          []string
	params, headers                            map[string]string
	access, skipBrowser, insecure              bool
	browser, grant, username, storage          string
	timeout                                    int
}

// kubeloginArgs are the arguments of get-token, where e runs kubelogin, by itself
// or as kubectl's plugin.
func kubeloginArgs(e *execUser) (args []string, is bool) {
	if e == nil {
		return nil, false
	}
	name := strings.TrimSuffix(filepath.Base(e.Command), ".exe")
	args = e.Args
	if name == "kubectl" && len(args) > 0 && args[0] == "oidc-login" {
		name, args = "kubelogin", args[1:]
	}
	if !slices.Contains([]string{"kubelogin", "kubectl-oidc_login", "oidc-login"}, name) || len(args) == 0 || args[0] != "get-token" {
		return nil, false
	}
	return args[1:], true
}

func parseKubelogin(args []string) (*kubelogin, error) {
	k := &kubelogin{flags: pflag.NewFlagSet("kubelogin", pflag.ContinueOnError)}
	f := k.flags
	f.Usage = func() {}
	f.StringVar(&k.issuer, "oidc-issuer-url", "", "")
	f.StringVar(&k.client, "oidc-client-id", "", "")
	f.StringVar(&k.secret, "oidc-client-secret", "", "")
	f.StringVar(&k.redirect, "oidc-redirect-url", "", "")
	f.StringVar(&k.hostname, "oidc-redirect-url-hostname", "localhost", "")
	f.StringSliceVar(&k.scopes, "oidc-extra-scope", nil, "")
	f.StringSliceVar(&k.listen, "listen-address", []string{"127.0.0.1:8000", "127.0.0.1:18000"}, "")
	f.StringArrayVar(&k.authorities, "certificate-authority", nil, "")
	f.StringArrayVar(&k.data, "certificate-authority-data", nil, "")
	f.StringToStringVar(&k.params, "oidc-auth-request-extra-params", nil, "")
	f.StringToStringVar(&k.headers, "oidc-request-header", nil, "")
	f.BoolVar(&k.access, "oidc-use-access-token", false, "")
	f.BoolVar(&k.skipBrowser, "skip-open-browser", false, "")
	f.BoolVar(&k.insecure, "insecure-skip-tls-verify", false, "")
	f.StringVar(&k.browser, "browser-command", "", "")
	f.StringVar(&k.grant, "grant-type", "auto", "")
	f.StringVar(&k.username, "username", "", "")
	f.StringVar(&k.storage, "token-cache-storage", "disk", "")
	f.IntVar(&k.timeout, "authentication-timeout-sec", 180, "")
	for _, d := range kubeloginDropped() {
		f.String(d.flag, "", "")
		f.Lookup(d.flag).NoOptDefVal = d.alone
	}
	f.IntP("v", "v", 0, "")
	err := f.Parse(args)
	if err == nil && (k.issuer == "" || k.client == "") {
		err = fmt.Errorf("it names no --oidc-issuer-url or no --oidc-client-id")
	}
	return k, err
}

// dropped is a flag that has no setting of ours.
type dropped struct {
	flag  string
	alone string // its value where it is given without one
	why   string // what a person should know; empty: nothing is lost
}

func kubeloginDropped() []dropped {
	return []dropped{
		{"force-refresh", "true", "a token is renewed when it has to be"},
		{"oidc-use-pkce", "true", ""},
		{"oidc-pkce-method", "", "PKCE with S256 is always used"},
		{"token-cache-dir", "", "tokens are kept where this program keeps them"},
		{"open-url-after-authentication", "", "the browser ends on a page of this program, or on --success-page"},
		{"oidc-redirect-url-authcode-keyboard", "", "the address that the browser ends at is pasted"},
		{"tls-renegotiation-once", "true", "TLS is not renegotiated"},
		{"tls-renegotiation-freely", "true", "TLS is not renegotiated"},
		{"password", "", ""}, // see unable
		{"local-server-cert", "", ""},
		{"local-server-key", "", ""},
	}
}

// unable says why a user must stay with kubelogin, or nothing.
func (k *kubelogin) unable() string {
	switch {
	case !slices.Contains([]string{"auto", "authcode", "authcode-keyboard"}, k.grant):
		return "it uses the grant " + k.grant
	case k.username != "" || k.flags.Changed("password"):
		return "it sends a password"
	case k.flags.Changed("local-server-cert"):
		return "its callback is https"
	case len(k.authorities)+len(k.data) > 1:
		return "it trusts more than one certificate file"
	}
	return ""
}

// profile is k in our settings. Files hold what a profile only names; they lie in
// dir.
func (k *kubelogin) profile(name, dir string) (p config.Profile, files []plannedFile, err error) {
	p = config.Profile{}
	set := func(setting string, words ...string) {
		if len(words) > 0 && words[0] != "" {
			p[setting] = config.ProfileValue{Words: words}
		}
	}
	file := func(setting, suffix, what string, text []byte) {
		path := filepath.Join(dir, strings.Map(fileRune, name)+suffix)
		files = append(files, plannedFile{path, what, text})
		set(setting, path)
	}
	set("issuer", k.issuer)
	set("client-id", k.client)
	set("scope", append([]string{"openid"}, slices.DeleteFunc(k.scopes, func(s string) bool { return s == "openid" })...)...)
	set("login-timeout", (time.Duration(k.timeout) * time.Second).String())
	set("auth-param", pairs(k.params)...)
	set("header", pairs(k.headers)...)
	set("ca-file", k.authorities...)
	uri, ports := k.redirection()
	set("redirect-uri", uri)
	set("redirect-port", ports...)
	set("token-kind", map[bool]string{true: "access"}[k.access])
	set("store", map[string]string{"keyring": "keyring", "none": "none"}[k.storage])
	set("no-browser", map[bool]string{true: "true"}[k.skipBrowser || k.grant == "authcode-keyboard"])
	set("insecure-skip-verify", map[bool]string{true: "true"}[k.insecure])
	if k.browser != "" {
		set("browser", shellquote.Join(k.browser))
	}
	if k.secret != "" {
		file("client-secret-file", ".secret", "the client's secret, out of the kubeconfig", []byte(k.secret+"\n"))
	}
	if len(k.data) > 0 {
		var pem []byte
		pem, err = base64.StdEncoding.DecodeString(k.data[0])
		file("ca-file", ".pem", "the authority to trust, out of the kubeconfig", pem)
	}
	return p, files, err
}

// redirection is the redirect URI that kubelogin sends, and the ports that it
// tries after that one's.
func (k *kubelogin) redirection() (uri string, ports []string) {
	if k.redirect != "" {
		return k.redirect, nil
	}
	for i, address := range k.listen {
		_, port, err := net.SplitHostPort(address)
		switch {
		case err != nil || port == "0":
			return "http://" + k.hostname, nil // any port
		case i == 0:
			uri = "http://" + net.JoinHostPort(k.hostname, port)
		default:
			ports = append(ports, port)
		}
	}
	return uri, ports
}

func pairs(m map[string]string) []string { return config.Pairs(m) }

// fileRune keeps a name to what every file system takes.
func fileRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
		return r
	}
	return '-'
}

// planKubelogin plans for every user of the kubeconfig that runs kubelogin, or
// the one that is named.
func (c kubernetesSetup) planKubelogin(p *plan, k *kubeconfig, o KubernetesOptions) error {
	if len(c.Given()) > 0 {
		return config.Errorf(config.Command(config.Program, "setup", "kubernetes", "--from-kubelogin"), "--from-kubelogin takes every setting from kubelogin's flags: --%s goes into the profile afterwards", c.Given()[0])
	}
	first, only := k.CurrentContext, o.User
	if o.Context != "" {
		user, found := k.userOf(o.Context)
		if !found || only != "" && only != user {
			return config.Errorf(config.Command("kubectl", "config", "get-contexts"), "the kubeconfig has no context %q with that user", o.Context)
		}
		first, only = o.Context, user
	}
	now, _ := k.userOf(first)
	for _, u := range k.Users {
		_, e := k.credentials(u.Name)
		args, is := kubeloginArgs(e)
		if !is || only != "" && only != u.Name {
			continue
		}
		l, err := parseKubelogin(args)
		if err != nil {
			p.notes = append(p.notes, fmt.Sprintf("The user %s stays as it is: %v.", u.Name, err))
			continue
		}
		if why := l.unable(); why != "" {
			p.notes = append(p.notes, fmt.Sprintf("The user %s stays as it is: %s, which this program does not.", u.Name, why))
			continue
		}
		if err := c.convert(p, u.Name, l, e.Env); err != nil {
			return err
		}
		if contexts := k.contextsOf(u.Name); u.Name == now {
			p.context, p.login = first, u.Name
		} else if p.context == "" && len(contexts) > 0 {
			p.context, p.login = contexts[0], u.Name
		}
	}
	if only != "" && len(p.users)+len(p.notes) == 0 {
		return config.Errorf(config.Command("kubectl", "config", "get-users"), "the kubeconfig has no user %q that runs kubelogin", only)
	}
	if p.none = len(p.users) == 0; !p.none && p.login == "" {
		p.login = p.users[0].name
	}
	return nil
}

func (c kubernetesSetup) convert(p *plan, user string, l *kubelogin, env []execEnv) error {
	made, files, err := l.profile(user, filepath.Dir(c.configPath()))
	if err != nil {
		return fmt.Errorf("the user %s: --certificate-authority-data: %w", user, err)
	}
	p.profiles = append(p.profiles, planned{name: user, Profile: made})
	p.files = append(p.files, files...)
	p.users = append(p.users, userPlan{name: user, exec: c.pluginUser(user, env)})
	for _, d := range kubeloginDropped() {
		if l.flags.Changed(d.flag) && d.why != "" {
			p.notes = append(p.notes, fmt.Sprintf("The user %s: --%s is not carried over: %s.", user, d.flag, d.why))
		}
	}
	return nil
}
