package kubelogin

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

// int128Dropped are flags of int128/kubelogin, and of its log, without a setting here.
func int128Dropped() []dropped {
	all := []dropped{
		{"force-refresh", true, "a token is refreshed when it is necessary"},
		{"oidc-use-pkce", true, ""},
		{"token-cache-dir", false, "tokens are stored in the state directory of this program"},
		{"no-keyring", true, ""},
		{"open-url-after-authentication", false, "the browser shows a page of this program, or --success-page"},
		{"tls-renegotiation-once", true, "TLS is not renegotiated"},
		{"tls-renegotiation-freely", true, "TLS is not renegotiated"},
	}
	for _, log := range []string{"alsologtostderr", "logtostderr", "one_output", "skip_headers", "skip_log_headers", "add_dir_header"} {
		all = append(all, dropped{log, true, ""})
	}
	for _, log := range []string{"log_backtrace_at", "log_dir", "log_file", "log_file_max_size", "stderrthreshold", "vmodule"} {
		all = append(all, dropped{log, false, ""})
	}
	return all
}

// int128Flags are the flags of int128/kubelogin's get-token.
// https://github.com/int128/kubelogin/blob/master/docs/usage.md
type int128Flags struct {
	issuer, client, secret                                 string
	redirect, keyboardRedirect, hostname                   string
	scopes, listen, authorities, data                      []string
	ports                                                  []int
	params, headers                                        map[string]string
	access, skipBrowser, insecure, keyring                 bool
	browser, grant, username, password, storage, pkce, tls string
	timeout                                                int
}

func (t *translation) int128(args []string) error {
	k, f := &int128Flags{}, t.flags
	f.StringVar(&k.issuer, "oidc-issuer-url", "", "")
	f.StringVar(&k.client, "oidc-client-id", "", "")
	f.StringVar(&k.secret, "oidc-client-secret", "", "")
	f.StringVar(&k.redirect, "oidc-redirect-url", "", "")
	f.StringVar(&k.keyboardRedirect, "oidc-redirect-url-authcode-keyboard", "", "")
	f.StringVar(&k.hostname, "oidc-redirect-url-hostname", "localhost", "")
	f.StringSliceVar(&k.scopes, "oidc-extra-scope", nil, "")
	f.StringSliceVar(&k.listen, "listen-address", []string{"127.0.0.1:8000", "127.0.0.1:18000"}, "")
	f.IntSliceVar(&k.ports, "listen-port", nil, "")
	f.StringArrayVar(&k.authorities, "certificate-authority", nil, "")
	f.StringArrayVar(&k.data, "certificate-authority-data", nil, "")
	f.StringToStringVar(&k.params, "oidc-auth-request-extra-params", nil, "")
	f.StringToStringVar(&k.headers, "oidc-request-header", nil, "")
	f.BoolVar(&k.access, "oidc-use-access-token", false, "")
	f.BoolVar(&k.skipBrowser, "skip-open-browser", false, "")
	f.BoolVar(&k.insecure, "insecure-skip-tls-verify", false, "")
	f.BoolVar(&k.keyring, "force-keyring", false, "")
	f.StringVar(&k.browser, "browser-command", "", "")
	f.StringVar(&k.grant, "grant-type", "auto", "")
	f.StringVar(&k.username, "username", "", "")
	f.StringVar(&k.password, "password", "", "")
	f.StringVar(&k.storage, "token-cache-storage", "disk", "")
	f.StringVar(&k.pkce, "oidc-pkce-method", "auto", "")
	f.StringVar(&k.tls, "local-server-cert", "", "")
	f.String("local-server-key", "", "")
	f.IntVar(&k.timeout, "authentication-timeout-sec", 180, "")
	if err := t.parse(args, int128Dropped()); err != nil {
		return err
	}
	if reason := k.unsupported(); reason != "" {
		return &UnsupportedError{reason}
	}
	if k.pkce == "no" {
		t.note("--oidc-pkce-method=no is not carried over: PKCE with S256 is always used")
	}
	return t.int128Profile(k)
}

// unsupported says why a user must stay with kubelogin, or returns "".
func (k *int128Flags) unsupported() string {
	switch {
	case k.issuer == "" || k.client == "":
		return "it has no --oidc-issuer-url or no --oidc-client-id"
	case k.grant == "password" || k.username != "" || k.password != "":
		return "it sends a password"
	case !slices.Contains([]string{"auto", "authcode", "authcode-keyboard", "device-code", "client-credentials"}, k.grant):
		return "it uses the unknown grant " + k.grant
	case k.tls != "":
		return "its redirect URI is https"
	case len(k.authorities) > 1 || len(k.authorities) > 0 && len(k.data) > 0:
		return "it trusts more than one certificate file"
	}
	return ""
}

func (t *translation) int128Profile(k *int128Flags) error {
	t.set("issuer", k.issuer)
	t.set("client-id", k.client)
	t.set("scope", append([]string{"openid"}, slices.DeleteFunc(k.scopes, func(s string) bool { return s == "openid" })...)...)
	t.set("header", config.Pairs(k.headers)...)
	for _, path := range k.authorities {
		t.set("ca-file", t.paths.Absolute(path))
	}
	t.setIf(k.access, "token-kind", "access")
	t.setIf(k.storage == "keyring" || k.keyring, "store", "keyring")
	t.setIf(k.storage == "none", "store", "none")
	t.setIf(k.insecure, "insecure-skip-verify", "true")
	if k.secret != "" {
		t.file("client-secret-file", ".secret", "the client secret from the kubeconfig", k.secret+"\n")
	}
	if len(k.data) > 0 {
		pem := ""
		for _, data := range k.data {
			text, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				return &UnsupportedError{fmt.Sprintf("--certificate-authority-data: %v", err)}
			}
			pem += strings.TrimSuffix(string(text), "\n") + "\n"
		}
		t.file("ca-file", ".pem", "the certificate authority from the kubeconfig", pem)
	}
	t.int128Grant(k)
	return nil
}

// int128Grant translates the flags that belong to a grant. kubelogin sends access_type=offline
// in each authorization request: without it, Google issues no refresh token.
func (t *translation) int128Grant(k *int128Flags) {
	switch k.grant {
	case "client-credentials":
		t.set("grant", "client-credentials")
		t.set("token-param", config.Pairs(k.params)...)
		return
	case "device-code":
		t.set("grant", "device")
		t.setIf(k.skipBrowser, "no-browser", "true")
		if len(k.params) > 0 {
			t.note("--oidc-auth-request-extra-params is not carried over: kubelogin does not send it with this grant")
		}
		return
	}
	params := map[string]string{"access_type": "offline"}
	maps.Copy(params, k.params)
	t.set("auth-param", config.Pairs(params)...)
	t.set("login-timeout", (time.Duration(k.timeout) * time.Second).String())
	t.setIf(k.skipBrowser || k.grant == "authcode-keyboard", "no-browser", "true")
	if k.browser != "" {
		t.set("browser", shellquote.Join(k.browser))
	}
	t.redirection(k)
}

// redirection sets the redirect URI that kubelogin sends, the ports that it tries after the first,
// and the address at which it listens, if that is not loopback.
func (t *translation) redirection(k *int128Flags) {
	listen := k.listen
	if len(k.ports) > 0 {
		listen = nil
		for _, port := range k.ports {
			listen = append(listen, fmt.Sprintf("127.0.0.1:%d", port))
		}
	}
	if k.grant == "authcode-keyboard" {
		k.redirect = cmp.Or(k.redirect, k.keyboardRedirect, "urn:ietf:wg:oauth:2.0:oob")
		if strings.HasPrefix(k.redirect, "urn:") {
			t.note("the redirect URI %s is not carried over: register http://localhost:8000 for the client", k.redirect)
			k.redirect = "http://localhost:8000"
		}
		t.set("redirect-uri", k.redirect)
		return
	}
	host, first, err := net.SplitHostPort(listen[0])
	u, _ := url.Parse(k.redirect) // without one, the port is empty
	if err == nil && (!isLoopback(host) || k.redirect != "" && t.flags.Changed("listen-address") && u != nil && first != u.Port()) && first != "0" {
		t.set("listen", listen[0])
		listen = listen[:1]
	}
	if k.redirect != "" {
		t.set("redirect-uri", k.redirect)
		return
	}
	t.set("redirect-uri", "http://"+net.JoinHostPort(k.hostname, first))
	for _, address := range listen[1:] {
		_, port, e := net.SplitHostPort(address)
		if err = cmp.Or(err, e); port == "0" {
			first = port
		}
		t.set("redirect-port", append(t.profile.Profile["redirect-port"].Words, port)...)
	}
	if err != nil || first == "0" { // any port
		t.set("redirect-uri", "http://"+k.hostname)
		delete(t.profile.Profile, "redirect-port")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
