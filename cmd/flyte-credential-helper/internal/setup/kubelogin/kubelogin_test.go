package kubelogin

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

// profileOf translates a user, and returns its settings and files by name. The settings are read
// back as config.yaml.
func profileOf(t *testing.T, u User) (map[string]string, *Profile) {
	t.Helper()
	if !Runs(u) {
		t.Fatalf("%v: this is kubelogin", u)
	}
	p, err := Translate(u, Paths{Dir: "/config", Absolute: func(path string) string { return "/now/" + path }})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, v := range p.Profile {
		got[name] = strings.Join(v.Words, " ")
	}
	for _, f := range p.Files {
		got[f.Path] = f.Text
	}
	text := "profiles:\n" + config.ProfileText("it", p.Profile, 2)
	file := func(string) ([]byte, error) { return []byte(text), nil }
	if _, err := config.Resolve(config.Input{CommandLine: config.NewFlags(config.Every).CommandLine(), ConfigPaths: []string{"config.yaml"}, ReadFile: file, Profile: "it"}); err != nil {
		t.Errorf("config.yaml does not accept it: %v", err)
	}
	return got, p
}

// with returns m with changes. An empty value removes the name.
func with(m, changes map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{m, changes} {
		for name, value := range m {
			if all[name] = value; value == "" {
				delete(all, name)
			}
		}
	}
	return all
}

// Each flag of int128/kubelogin is translated, and its defaults are kept.
func TestInt128(t *testing.T) {
	defaults := map[string]string{
		"issuer": "https://x", "client-id": "c", "scope": "openid", "login-timeout": "180s", "auth-param": "access_type=offline",
		"redirect-uri": "http://localhost:8000", "redirect-port": "18000",
	}
	// Without a browser, its settings are not used.
	noBrowser := func(changes map[string]string) map[string]string {
		for _, name := range []string{"login-timeout", "auth-param", "redirect-uri", "redirect-port"} {
			changes[name] = ""
		}
		return changes
	}
	for line, test := range map[string]struct {
		changes map[string]string
		note    string
	}{
		"": {nil, ""},
		"--oidc-extra-scope=email,groups --oidc-extra-scope=openid":             {map[string]string{"scope": "openid email groups"}, ""},
		"--listen-address=127.0.0.1:1 --listen-address=127.0.0.1:2,127.0.0.1:3": {map[string]string{"redirect-uri": "http://localhost:1", "redirect-port": "2 3"}, ""},
		"--listen-address=127.0.0.1:0":                                          {map[string]string{"redirect-uri": "http://localhost", "redirect-port": ""}, ""},
		"--listen-address=127.0.0.1:1,127.0.0.1:0":                              {map[string]string{"redirect-uri": "http://localhost", "redirect-port": ""}, ""},
		"--listen-address=0.0.0.0:8000":                                         {map[string]string{"listen": "0.0.0.0:8000", "redirect-port": ""}, ""},
		"--listen-port=1 --listen-port=2":                                       {map[string]string{"redirect-uri": "http://localhost:1", "redirect-port": "2"}, ""},
		"--oidc-redirect-url-hostname=127.0.0.1":                                {map[string]string{"redirect-uri": "http://127.0.0.1:8000"}, ""},
		"--oidc-redirect-url=https://a/b":                                       {map[string]string{"redirect-uri": "https://a/b", "redirect-port": ""}, ""},
		"--oidc-redirect-url=http://localhost:9000 --listen-address=[::1]:1":    {map[string]string{"redirect-uri": "http://localhost:9000", "redirect-port": "", "listen": "[::1]:1"}, ""},
		"--oidc-use-access-token":                                               {map[string]string{"token-kind": "access"}, ""},
		"--skip-open-browser":                                                   {map[string]string{"no-browser": "true"}, ""},
		"--browser-command=/a/my-browser":                                       {map[string]string{"browser": "/a/my-browser"}, ""},
		"--authentication-timeout-sec=60":                                       {map[string]string{"login-timeout": "60s"}, ""},
		"--certificate-authority=ca":                                            {map[string]string{"ca-file": "/now/ca"}, ""},
		"--insecure-skip-tls-verify":                                            {map[string]string{"insecure-skip-verify": "true"}, ""},
		"--oidc-auth-request-extra-params=a=b,c=d":                              {map[string]string{"auth-param": "a=b access_type=offline c=d"}, ""},
		"--oidc-auth-request-extra-params=access_type=online":                   {map[string]string{"auth-param": "access_type=online"}, ""},
		"--oidc-request-header=Origin=http://localhost":                         {map[string]string{"header": "Origin=http://localhost"}, ""},
		"--token-cache-storage=keyring":                                         {map[string]string{"store": "keyring"}, ""},
		"--force-keyring":                                                       {map[string]string{"store": "keyring"}, ""},
		"--token-cache-storage=none":                                            {map[string]string{"store": "none"}, ""},
		"--oidc-pkce-method=S256 --oidc-use-pkce -v3":                           {nil, ""},
		"--oidc-pkce-method=no":                                                 {nil, "--oidc-pkce-method=no is not carried over"},
		"--token-cache-dir=/x":                                                  {nil, "--token-cache-dir is not carried over"},
		"--force-refresh":                                                       {nil, "--force-refresh is not carried over"},
		"--tls-renegotiation-once":                                              {nil, "--tls-renegotiation-once is not carried over"},
		"--oidc-client-secret=hunter2":                                          {map[string]string{"client-secret-file": "/config/me@there%2Fx.secret", "/config/me@there%2Fx.secret": "hunter2\n"}, ""},
		"--certificate-authority-data=LS0t --certificate-authority-data=LS0t":   {map[string]string{"ca-file": "/config/me@there%2Fx.pem", "/config/me@there%2Fx.pem": "---\n---\n"}, ""},
		"--grant-type=authcode-keyboard":                                        {map[string]string{"no-browser": "true", "redirect-port": ""}, "register http://localhost:8000"},
		"--grant-type=authcode-keyboard --oidc-redirect-url=https://a":          {map[string]string{"no-browser": "true", "redirect-uri": "https://a", "redirect-port": ""}, ""},
		"--grant-type=device-code":                                              {noBrowser(map[string]string{"grant": "device"}), ""},
		"--grant-type=device-code --oidc-auth-request-extra-params=a=b":         {noBrowser(map[string]string{"grant": "device"}), "--oidc-auth-request-extra-params is not carried over"},
		"--grant-type=client-credentials --oidc-auth-request-extra-params=a=b":  {noBrowser(map[string]string{"grant": "client-credentials", "token-param": "a=b"}), ""},
	} {
		t.Run(line, func(t *testing.T) {
			args := strings.Fields("oidc-login get-token --oidc-issuer-url=https://x --oidc-client-id=c " + line)
			got, p := profileOf(t, User{Name: "me@there/x", Command: "kubectl", Args: args})
			if diff := cmp.Diff(with(defaults, test.changes), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
				t.Errorf("notes: %q", notes)
			}
		})
	}
}

// Azure/kubelogin requests an access token of the API server's application.
func TestAzure(t *testing.T) {
	const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	device := map[string]string{
		"issuer": "https://login.microsoftonline.com/" + tenant + "/v2.0", "client-id": "c", "token-kind": "access",
		"scope": "s/.default openid profile offline_access", "grant": "device",
	}
	spn := with(device, map[string]string{"grant": "client-credentials", "scope": "s/.default"})
	for line, test := range map[string]struct {
		env  map[string]string
		want map[string]string
	}{
		"":                                     {nil, device},
		"-l devicecode":                        {nil, device},
		"--login interactive":                  {nil, with(device, map[string]string{"grant": "", "redirect-uri": "http://localhost"})},
		"--environment AzureUSGovernmentCloud": {nil, with(device, map[string]string{"issuer": "https://login.microsoftonline.us/" + tenant + "/v2.0"})},
		"--authority-host https://a/":          {nil, with(device, map[string]string{"issuer": "https://a/" + tenant + "/v2.0"})},
		"--login msi":                          {map[string]string{"AAD_LOGIN_METHOD": "devicecode", "AZURE_CLIENT_ID": "e"}, with(device, map[string]string{"client-id": "e"})},
		"--login spn --client-secret=x":        {nil, with(spn, map[string]string{"client-secret-file": "/config/me.secret", "/config/me.secret": "x\n"})},
		"--login=spn":                          {map[string]string{"AZURE_CLIENT_SECRET": "x"}, with(spn, map[string]string{"client-secret-env": "AZURE_CLIENT_SECRET"})},
	} {
		t.Run(line, func(t *testing.T) {
			args := strings.Fields("get-token --server-id s --client-id c --tenant-id " + tenant + " " + line)
			got, p := profileOf(t, User{Name: "me", Command: `C:\bin\kubelogin.exe`, Args: args, Env: test.env})
			if diff := cmp.Diff(test.want, got); diff != "" || p.Notes != nil {
				t.Errorf("(-want +got):\n%s%q", diff, p.Notes)
			}
		})
	}
}

// A user stays with kubelogin if this program cannot do the same.
func TestUnsupported(t *testing.T) {
	const oidc, azure = "--oidc-issuer-url=https://x --oidc-client-id=c ", "--server-id s --client-id c --tenant-id 72f988bf-86f1-41af-91ab-2d7cd011db47 "
	for flags, reason := range map[string]string{
		oidc + "--grant-type=password":                               "password",
		oidc + "--username=u":                                        "password",
		oidc + "--grant-type=new":                                    "unknown grant new",
		oidc + "--local-server-cert=c":                               "https",
		oidc + "--certificate-authority=a --certificate-authority=b": "more than one",
		oidc + "--certificate-authority-data=!":                      "illegal base64",
		oidc + "--new-flag":                                          "unknown flag: --new-flag",
		oidc + "more":                                                `"more"`,
		"--oidc-issuer-url=https://x":                                "no --oidc-client-id",
		azure + "--login azurecli":                                   "login method azurecli",
		azure + "--login spn --client-certificate=c":                 "client certificate",
		azure + "--login spn":                                        "not in the kubeconfig",
		azure + "--legacy":                                           "--legacy",
		azure + "--pop-enabled --pop-claims u=x":                     "proof-of-possession",
		azure + "--environment Moon":                                 "unknown environment",
		azure + "--tenant-id example.com":                            "its --tenant-id is a name",
		"--server-id s":                                              "no --client-id",
	} {
		_, err := Translate(User{Args: strings.Fields("get-token " + flags)}, Paths{Absolute: func(path string) string { return path }})
		if e := (*UnsupportedError)(nil); !errors.As(err, &e) || !strings.Contains(e.Reason, reason) {
			t.Errorf("%s: %v", flags, err)
		}
	}
}

func TestRuns(t *testing.T) {
	for command, want := range map[string]bool{
		"kubelogin get-token": true, "kubectl oidc-login get-token": true, "/x/kubectl-oidc_login get-token": true,
		"kubelogin -v=1 get-token": true, "kubectl oidc-login --v 1 get-token": true,
		"kubectl get-token": false, "kubelogin setup": false, "kubelogin": false, "aws eks get-token": false, config.Program + " get-token": false, "kubectl": false,
	} {
		words := strings.Fields(command)
		if got := Runs(User{Command: words[0], Args: words[1:]}); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
	got, _ := profileOf(t, User{Name: "a", Command: "kubelogin", Args: strings.Fields("--v 1 --skip_headers get-token --oidc-issuer-url https://x --oidc-client-id c")})
	if got["client-id"] != "c" {
		t.Errorf("flags before the verb: %v", got)
	}
}

// Different users have different files, also on a file system that ignores case.
func TestFileName(t *testing.T) {
	names := map[string]string{}
	for _, user := range []string{"oidc/prod", "oidc-prod", "oidc:prod", "oidc%2Fprod", "oidc%2fprod", "OIDC-prod", "a b", "\xff\xfe", "%FF%FE", "é", ".."} {
		name := strings.ToLower(FileName(user))
		if strings.ContainsAny(name, `/\: `) || names[name] != "" {
			t.Errorf("%q and %q have the file name %q", user, names[name], name)
		}
		names[name] = user
	}
}
