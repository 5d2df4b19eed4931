package kubelogin

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
)

// int128Flags are the flags of int128/kubelogin's get-token.
// https://github.com/int128/kubelogin/blob/master/docs/usage.md
func int128Flags() []flags {
	const cache, page, tls = "tokens are stored in the state directory of this program", "the browser shows a page of this program, or --success-page", "TLS is not renegotiated"
	return []flags{
		{kind: word, names: "oidc-issuer-url oidc-client-id oidc-client-secret oidc-redirect-url oidc-redirect-url-authcode-keyboard oidc-redirect-url-hostname=localhost"},
		{kind: word, names: "browser-command grant-type=auto username password token-cache-storage=disk oidc-pkce-method=auto local-server-cert local-server-key authentication-timeout-sec=180"},
		{kind: list, names: "oidc-extra-scope listen-address=127.0.0.1:8000,127.0.0.1:18000 listen-port"},
		{kind: array, names: "certificate-authority certificate-authority-data"},
		{kind: pairs, names: "oidc-auth-request-extra-params oidc-request-header"},
		{kind: boolean, names: "oidc-use-access-token skip-open-browser insecure-skip-tls-verify force-keyring oidc-use-pkce no-keyring"},
		{kind: boolean, names: "force-refresh", dropped: "a token is refreshed when it is necessary"},
		{kind: boolean, names: "tls-renegotiation-once tls-renegotiation-freely", dropped: tls},
		{kind: word, names: "token-cache-dir", dropped: cache},
		{kind: word, names: "open-url-after-authentication", dropped: page},
		// Of its log.
		{kind: boolean, names: "alsologtostderr logtostderr one_output skip_headers skip_log_headers add_dir_header"},
		{kind: word, names: "log_backtrace_at log_dir log_file log_file_max_size stderrthreshold vmodule"},
	}
}
func (t *translation) int128(args []string) error {
	if err := t.parse(args, int128Flags()); err != nil {
		return err
	}
	if reason := t.int128Unsupported(); reason != "" {
		return &UnsupportedError{reason}
	}
	t.set("issuer", t.word("oidc-issuer-url"))
	t.set("client-id", t.word("oidc-client-id"))
	t.set("scope", append([]string{"openid"}, slices.DeleteFunc(t.list("oidc-extra-scope"), func(s string) bool { return s == "openid" })...)...)
	t.set("header", t.pairs("oidc-request-header")...)
	for _, path := range t.list("certificate-authority") {
		t.set("ca-file", t.paths.Absolute(path))
	}
	t.setIf(t.bool("oidc-use-access-token"), "token-kind", "access")
	t.setIf(t.word("token-cache-storage") == "keyring" || t.bool("force-keyring"), "store", "keyring")
	t.setIf(t.word("token-cache-storage") == "none", "store", "none")
	t.setIf(t.bool("insecure-skip-tls-verify"), "insecure-skip-verify", "true")
	if t.word("oidc-pkce-method") == "no" {
		t.note("--oidc-pkce-method=no is not carried over: PKCE with S256 is always used")
	}
	t.secret(t.word("oidc-client-secret"))
	t.int128Grant()
	return t.certificates(t.list("certificate-authority-data"))
}

// int128Unsupported says why a user must stay with kubelogin, or returns "".
func (t *translation) int128Unsupported() string {
	grant, files := t.word("grant-type"), t.list("certificate-authority")
	switch {
	case t.word("oidc-issuer-url") == "" || t.word("oidc-client-id") == "":
		return "it has no --oidc-issuer-url or no --oidc-client-id"
	case grant == "password" || t.word("username") != "" || t.word("password") != "":
		return "it sends a password"
	case !slices.Contains([]string{"auto", "authcode", "authcode-keyboard", "device-code", "client-credentials"}, grant):
		return "it uses the unknown grant " + grant
	case t.word("local-server-cert") != "":
		return "its redirect URI is https"
	case len(files) > 1 || len(files) > 0 && len(t.list("certificate-authority-data")) > 0:
		return "it trusts more than one certificate file"
	}
	return ""
}

// certificates writes the certificate authorities that are in the flags to one file.
func (t *translation) certificates(all []string) error {
	pem := ""
	for _, data := range all {
		text, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return &UnsupportedError{fmt.Sprintf("--certificate-authority-data: %v", err)}
		}
		pem += strings.TrimSuffix(string(text), "\n") + "\n"
	}
	if pem != "" {
		t.file("ca-file", ".pem", "the certificate authority from the kubeconfig", pem)
	}
	return nil
}

// int128Grant translates the flags that belong to a grant. kubelogin sends access_type=offline
// in each authorization request: without it, Google issues no refresh token.
func (t *translation) int128Grant() {
	grant, params := t.word("grant-type"), t.pairs("oidc-auth-request-extra-params")
	switch grant {
	case "client-credentials":
		t.set("grant", grant)
		t.set("token-param", params...)
		return
	case "device-code":
		t.set("grant", "device")
		t.setIf(t.bool("skip-open-browser"), "no-browser", "true")
		if len(params) > 0 {
			t.note("--oidc-auth-request-extra-params is not carried over: kubelogin does not send it with this grant")
		}
		return
	}
	if !slices.ContainsFunc(params, func(pair string) bool { return strings.HasPrefix(pair, "access_type=") }) {
		params = append(params, "access_type=offline")
		slices.Sort(params)
	}
	t.set("auth-param", params...)
	t.set("login-timeout", t.word("authentication-timeout-sec")+"s")
	t.setIf(t.bool("skip-open-browser") || grant == "authcode-keyboard", "no-browser", "true")
	if browser := t.word("browser-command"); browser != "" {
		t.set("browser", shellquote.Join(browser))
	}
	if grant == "authcode-keyboard" {
		t.keyboardRedirection()
	} else {
		t.redirection()
	}
}

// keyboardRedirection sets the redirect URI with which the user types the code.
func (t *translation) keyboardRedirection() {
	redirect := cmp.Or(t.word("oidc-redirect-url"), t.word("oidc-redirect-url-authcode-keyboard"), "urn:ietf:wg:oauth:2.0:oob")
	if strings.HasPrefix(redirect, "urn:") {
		t.note("the redirect URI %s is not carried over: register http://localhost:8000 for the client", redirect)
		redirect = "http://localhost:8000"
	}
	t.set("redirect-uri", redirect)
}

// redirection sets the redirect URI that kubelogin sends, the ports that it tries after the first,
// and the address at which it listens, if that is not loopback.
func (t *translation) redirection() {
	listen, redirect := t.list("listen-address"), t.word("oidc-redirect-url")
	if ports := t.list("listen-port"); len(ports) > 0 {
		listen = nil
		for _, port := range ports {
			listen = append(listen, "127.0.0.1:"+port)
		}
	}
	host, first, err := net.SplitHostPort(listen[0])
	u, _ := url.Parse(redirect) // without one, the port is empty
	if err == nil && (!isLoopback(host) || redirect != "" && t.flags.Changed("listen-address") && u != nil && first != u.Port()) && first != "0" {
		t.set("listen", listen[0])
		listen = listen[:1]
	}
	if redirect != "" {
		t.set("redirect-uri", redirect)
		return
	}
	hostname := t.word("oidc-redirect-url-hostname")
	var more []string
	for _, address := range listen[1:] {
		_, port, e := net.SplitHostPort(address)
		if err = cmp.Or(err, e); port == "0" {
			first = port
		}
		more = append(more, port)
	}
	if err != nil || first == "0" { // any port
		t.set("redirect-uri", "http://"+hostname)
		return
	}
	t.set("redirect-uri", "http://"+net.JoinHostPort(hostname, first))
	t.set("redirect-port", more...)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
