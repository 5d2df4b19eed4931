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

	"github.com/kballard/go-shellquote"
)

// int128 is int128/kubelogin.
// https://github.com/int128/kubelogin/blob/master/docs/usage.md
func int128() dialect {
	return dialect{
		words: "oidc-issuer-url oidc-client-id oidc-client-secret oidc-redirect-url oidc-redirect-url-authcode-keyboard oidc-redirect-url-hostname" +
			" browser-command grant-type username password token-cache-storage token-cache-dir oidc-pkce-method local-server-cert local-server-key" +
			" authentication-timeout-sec open-url-after-authentication" +
			" v,v log_backtrace_at log_dir log_file log_file_max_size stderrthreshold vmodule", // of its log
		lists:  "oidc-extra-scope listen-address listen-port",
		arrays: "certificate-authority certificate-authority-data",
		pairs:  "oidc-auth-request-extra-params oidc-request-header",
		booleans: "oidc-use-access-token skip-open-browser insecure-skip-tls-verify force-keyring oidc-use-pkce no-keyring force-refresh" +
			" tls-renegotiation-once tls-renegotiation-freely" +
			" alsologtostderr logtostderr one_output skip_headers skip_log_headers add_dir_header", // of its log
		dropped: map[string]string{
			"force-refresh":                 "a token is refreshed when it is necessary",
			"tls-renegotiation-once":        "TLS is not renegotiated",
			"tls-renegotiation-freely":      "TLS is not renegotiated",
			"token-cache-dir":               "tokens are stored in the state directory of this program",
			"open-url-after-authentication": "the browser shows a page of this program, or --success-page",
		},
		refused: map[string]string{
			"username": "it sends a password", "password": "it sends a password", "local-server-cert": "its redirect URI is https",
		},
		translate: (*translation).int128,
	}
}

func (t *translation) int128() (settings, error) {
	issuer, client, grant := t.word("oidc-issuer-url"), t.word("oidc-client-id"), cmp.Or(t.word("grant-type"), "auto")
	switch {
	case issuer == "" || client == "":
		return nil, &UnsupportedError{"it has no --oidc-issuer-url or no --oidc-client-id"}
	case grant == "password":
		return nil, &UnsupportedError{"it sends a password"}
	case !slices.Contains([]string{"auto", "authcode", "authcode-keyboard", "device-code", "client-credentials"}, grant):
		return nil, &UnsupportedError{"it uses the unknown grant " + grant}
	}
	ca, err := t.certificates()
	if err != nil {
		return nil, err
	}
	if t.word("oidc-pkce-method") == "no" {
		t.note("--oidc-pkce-method=no is not carried over: PKCE with S256 is always used")
	}
	store := t.word("token-cache-storage")
	if t.word("force-keyring") == "true" && store != "none" {
		store = "keyring"
	}
	all := settings{
		"issuer":               {issuer},
		"client-id":            {client},
		"client-secret-file":   {t.secretFile("oidc-client-secret")},
		"scope":                append([]string{"openid"}, slices.DeleteFunc(t.given["oidc-extra-scope"], func(s string) bool { return s == "openid" })...),
		"header":               t.given["oidc-request-header"],
		"ca-file":              {ca},
		"token-kind":           when(t.word("oidc-use-access-token") == "true", "access"),
		"store":                when(store == "keyring" || store == "none", store),
		"insecure-skip-verify": when(t.word("insecure-skip-tls-verify") == "true", "true"),
	}
	maps.Copy(all, t.int128Grant(grant))
	return all, nil
}

// certificates returns the file of the certificate authorities. Those in the flags become a file.
func (t *translation) certificates() (path string, err error) {
	files, pem := t.given["certificate-authority"], ""
	for _, data := range t.given["certificate-authority-data"] {
		text, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return "", &UnsupportedError{fmt.Sprintf("--certificate-authority-data: %v", err)}
		}
		pem += strings.TrimSuffix(string(text), "\n") + "\n"
	}
	switch {
	case len(files) > 1 || len(files) > 0 && pem != "":
		return "", &UnsupportedError{"it trusts more than one certificate file"}
	case len(files) > 0:
		return t.paths.Absolute(files[0]), nil
	}
	return t.file(".pem", "the certificate authority from the kubeconfig", pem), nil
}

// int128Grant translates the flags that belong to a grant. kubelogin sends access_type=offline
// in each authorization request: without it, Google issues no refresh token.
func (t *translation) int128Grant(grant string) settings {
	params := t.given["oidc-auth-request-extra-params"]
	noBrowser := t.word("skip-open-browser") == "true" || grant == "authcode-keyboard"
	switch grant {
	case "client-credentials":
		return settings{"grant": {grant}, "token-param": params}
	case "device-code":
		if len(params) > 0 {
			t.note("--oidc-auth-request-extra-params is not carried over: kubelogin does not send it with this grant")
		}
		return settings{"grant": {"device"}, "no-browser": when(noBrowser, "true")}
	}
	if !slices.ContainsFunc(params, func(pair string) bool { return strings.HasPrefix(pair, "access_type=") }) {
		params = slices.Sorted(slices.Values(append(params, "access_type=offline")))
	}
	browser := t.word("browser-command")
	all := settings{
		"auth-param":    params,
		"login-timeout": {cmp.Or(t.word("authentication-timeout-sec"), "180") + "s"},
		"no-browser":    when(noBrowser, "true"),
		"browser":       when(browser != "", shellquote.Join(browser)),
	}
	if grant == "authcode-keyboard" {
		all["redirect-uri"] = []string{t.keyboardRedirection()}
	} else {
		maps.Copy(all, t.redirection())
	}
	return all
}

// keyboardRedirection returns the redirect URI with which the user types the code.
func (t *translation) keyboardRedirection() string {
	redirect := cmp.Or(t.word("oidc-redirect-url"), t.word("oidc-redirect-url-authcode-keyboard"), "urn:ietf:wg:oauth:2.0:oob")
	if strings.HasPrefix(redirect, "urn:") {
		t.note("the redirect URI %s is not carried over: register http://localhost:8000 for the client", redirect)
		redirect = "http://localhost:8000"
	}
	return redirect
}

// redirection returns the redirect URI that kubelogin sends, the ports that it tries after the first,
// and the address at which it listens, if that is not loopback.
func (t *translation) redirection() settings {
	listen := t.given["listen-address"]
	if len(listen) == 0 {
		listen = []string{"127.0.0.1:8000", "127.0.0.1:18000"}
	}
	if given := t.given["listen-port"]; len(given) > 0 {
		listen = nil
		for _, port := range given {
			listen = append(listen, "127.0.0.1:"+port)
		}
	}
	var ports []string
	for _, address := range listen {
		_, port, _ := net.SplitHostPort(address)
		ports = append(ports, cmp.Or(port, "0"))
	}
	all, redirect, hostname := settings{}, t.word("oidc-redirect-url"), cmp.Or(t.word("oidc-redirect-url-hostname"), "localhost")
	host, _, _ := net.SplitHostPort(listen[0])
	u, err := url.Parse(redirect)
	isElsewhere := redirect != "" && t.given["listen-address"] != nil && err == nil && ports[0] != u.Port()
	if ports[0] != "0" && (!isLoopback(host) || isElsewhere) {
		all["listen"], ports = listen[:1], ports[:1]
	}
	switch {
	case redirect != "":
		all["redirect-uri"] = []string{redirect}
	case slices.Contains(ports, "0"): // any port
		all["redirect-uri"] = []string{"http://" + hostname}
	default:
		all["redirect-uri"], all["redirect-port"] = []string{"http://" + net.JoinHostPort(hostname, ports[0])}, ports[1:]
	}
	return all
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
