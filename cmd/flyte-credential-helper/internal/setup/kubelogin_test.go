package setup

import (
	"slices"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/google/go-cmp/cmp"
)

// What kubelogin does unless told otherwise, and each of its flags, in our words.
func TestKubelogin(t *testing.T) {
	const server = "get-token --oidc-issuer-url=https://x --oidc-client-id=c "
	defaults := map[string]string{
		"issuer": "https://x", "client-id": "c", "scope": "openid", "login-timeout": "3m0s",
		"redirect-uri": "http://localhost:8000", "redirect-port": "18000",
	}
	for line, change := range map[string]map[string]string{
		"": nil,
		"--oidc-extra-scope=email,groups --oidc-extra-scope=openid":                          {"scope": "openid email groups"},
		"--listen-address=127.0.0.1:1 --listen-address=127.0.0.1:2,127.0.0.1:3":              {"redirect-uri": "http://localhost:1", "redirect-port": "2 3"},
		"--listen-address=127.0.0.1:0":                                                       {"redirect-uri": "http://localhost", "redirect-port": ""},
		"--oidc-redirect-url-hostname=127.0.0.1":                                             {"redirect-uri": "http://127.0.0.1:8000"},
		"--oidc-redirect-url=https://a/b":                                                    {"redirect-uri": "https://a/b", "redirect-port": ""},
		"--oidc-use-access-token":                                                            {"token-kind": "access"},
		"--skip-open-browser":                                                                {"no-browser": "true"},
		"--grant-type=authcode-keyboard":                                                     {"no-browser": "true"},
		"--browser-command=/a/my-browser":                                                    {"browser": "/a/my-browser"},
		"--authentication-timeout-sec=60":                                                    {"login-timeout": "1m0s"},
		"--certificate-authority=/ca":                                                        {"ca-file": "/ca"},
		"--insecure-skip-tls-verify":                                                         {"insecure-skip-verify": "true"},
		"--oidc-auth-request-extra-params=a=b,c=d":                                           {"auth-param": "a=b c=d"},
		"--oidc-request-header=Origin=http://localhost":                                      {"header": "Origin=http://localhost"},
		"--token-cache-storage=keyring":                                                      {"store": "keyring"},
		"--token-cache-storage=none":                                                         {"store": "none"},
		"--force-refresh -v3 --token-cache-dir=/x --oidc-pkce-method=no":                     nil,
		"--oidc-client-secret=hunter2":                                                       {"client-secret-file": "/config/me@there-x.secret"},
		"--certificate-authority-data=LS0t":                                                  {"ca-file": "/config/me@there-x.pem"},
		"--tls-renegotiation-once --open-url-after-authentication=https://a --oidc-use-pkce": nil,
	} {
		args, is := kubeloginArgs(&execUser{Command: "kubectl", Args: strings.Fields("oidc-login " + server + line)})
		if !is {
			t.Fatalf("%s: that is kubelogin", line)
		}
		k, err := parseKubelogin(args)
		if err != nil || k.unable() != "" {
			t.Errorf("%s: %v, %q", line, err, k.unable())
			continue
		}
		p, files, err := k.profile("me@there/x", "/config")
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		got, want := map[string]string{}, map[string]string{}
		for name, v := range p {
			got[name] = strings.Join(v.Words, " ")
		}
		for _, m := range []map[string]string{defaults, change} {
			for name, value := range m {
				if want[name] = value; value == "" {
					delete(want, name)
				}
			}
		}
		// The name of a file keeps only what every file system takes.
		for name, value := range want {
			want[name] = strings.ReplaceAll(value, "me@there-x", "me-there-x")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
		if strings.Contains(line, "hunter2") != slices.ContainsFunc(files, func(f plannedFile) bool { return string(f.text) == "hunter2\n" }) {
			t.Errorf("%s: the files are %+v", line, files)
		}
		text := "profiles:\n" + config.ProfileText("it", p, 2)
		file := func(string) ([]byte, error) { return []byte(text), nil }
		if _, err := config.Resolve(config.Input{CommandLine: config.NewFlags(config.Every).CommandLine(), ReadFile: file, Profile: "it"}); err != nil {
			t.Errorf("%s: our settings do not take it: %v", line, err)
		}
	}
}

// Whoever does what we do not stays with kubelogin, and others were never there.
func TestNotKubelogin(t *testing.T) {
	for flags, why := range map[string]string{
		"--grant-type=device-code": "device-code", "--grant-type=password": "password", "--username=u": "password",
		"--local-server-cert=c": "https", "--certificate-authority=a --certificate-authority=b": "more than one",
	} {
		k, err := parseKubelogin(strings.Fields("--oidc-issuer-url=https://x --oidc-client-id=c " + flags))
		if err != nil || !strings.Contains(k.unable(), why) {
			t.Errorf("%s: %v, %q", flags, err, k.unable())
		}
	}
	for _, args := range []string{"--server-id=x", "--oidc-issuer-url=https://x", ""} {
		if _, err := parseKubelogin(strings.Fields(args)); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	for _, e := range []*execUser{
		nil, {Command: "kubectl", Args: []string{"get-token"}}, {Command: "kubelogin", Args: []string{"setup"}},
		{Command: "aws", Args: []string{"eks", "get-token"}}, {Command: config.Program, Args: []string{"get-token"}},
	} {
		if args, is := kubeloginArgs(e); is {
			t.Errorf("%+v: %q", e, args)
		}
	}
}
