package flyte

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// tree writes files below a new folder and returns its path, with no link in it. A
// file's name ends in a slash where it is a folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// at returns an environment with a home directory and a working directory below root.
// Variables may contain ROOT.
func at(root string, environ ...string) Env {
	for i, pair := range environ {
		environ[i] = strings.ReplaceAll(pair, "ROOT", root)
	}
	return Env{Environ: environ, Home: filepath.Join(root, "home"), Dir: filepath.Join(root, "work", "sub")}
}

// configured returns the source and the configuration of a world that has them.
func configured(t *testing.T, w Env) (*Source, *Config) {
	t.Helper()
	s, err := FindSource(w)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// unlike compares two configurations, except for the locations and the texts about them.
func unlike(want, got *Config) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{}), cmpopts.IgnoreFields(Config{}, "Notes"))
}

func pointer(b bool) *bool { return &b }

const everyYAML = `admin:
  endpoint: dns:///flyte.example.com
  insecure: true
  insecureSkipVerify: on
  caCertFilePath: /ca.pem
  httpProxyURL: http://proxy:3128
  authType: ClientSecret
  clientId: my-client
  clientSecretLocation: ROOT/secret
  scopes: [all, offline]
  audience: https://api
  command: [flyte-credential-helper, token]
  proxyCommand: ["get-iap", "a,b"]
  disableKeyring: true
  tokenUrl: ignored
logger: {level: 1}
`

const everyINI = `[platform]
url = dns:///flyte.example.com
insecure = true
insecure_skip_verify = on
ca_cert_file_path = /ca.pem
http_proxy_url = http://proxy:3128

[credentials]
auth_mode = client_credentials
client_id = my-client
client_secret_location = ROOT/secret
scopes = all,offline
audience = https://api
command = flyte-credential-helper,token
proxy_command = get-iap,a b
`

// Every option is read from each of the four places that it may stand in.
func TestEveryOption(t *testing.T) {
	root := tree(t, map[string]string{"secret": "s3cr3t\n"})
	every := func(change func(*Config)) *Config {
		c := &Config{
			Insecure: pointer(true), SkipVerify: pointer(true), CAFile: at(root).absolute("/ca.pem"), HTTPProxy: "http://proxy:3128",
			Grant: "client-credentials", AuthType: "ClientSecret", ClientID: "my-client", Audience: "https://api",
			SecretFile: root + "/secret", Scopes: []string{"all", "offline"},
			Command: []string{"flyte-credential-helper", "token"}, ProxyCommand: []string{"get-iap", "a,b"}, DisableKeyring: true,
		}
		change(c)
		return c
	}
	write := func(name, text string) string {
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "ROOT", root)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	yaml, ini := write("every.yaml", everyYAML), write("every", everyINI)
	for name, test := range map[string]struct {
		environ []string
		want    *Config
	}{
		"YAML": {[]string{"FLYTECTL_CONFIG=" + yaml}, every(func(*Config) {})},
		"INI": {[]string{"FLYTECTL_CONFIG=" + ini}, every(func(c *Config) {
			c.AuthType, c.ProxyCommand, c.DisableKeyring = "client_credentials", []string{"get-iap", "a b"}, false
		})},
		"v1": {[]string{
			"FLYTE_PLATFORM_URL=dns:///flyte.example.com", "FLYTE_PLATFORM_INSECURE=true", "FLYTE_PLATFORM_INSECURE_SKIP_VERIFY=1",
			"FLYTE_PLATFORM_CA_CERT_FILE_PATH=/ca.pem", "FLYTE_PLATFORM_HTTP_PROXY_URL=http://proxy:3128", "FLYTE_CREDENTIALS_AUTH_MODE=basic",
			"FLYTE_CREDENTIALS_CLIENT_ID=my-client", "FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION=ROOT/secret", "FLYTE_CREDENTIALS_SCOPES=all,offline",
			"FLYTE_CREDENTIALS_AUDIENCE=https://api", "FLYTE_CREDENTIALS_COMMAND=flyte-credential-helper,token", "FLYTE_CREDENTIALS_PROXY_COMMAND=get-iap,a b",
		}, every(func(c *Config) {
			c.AuthType, c.ProxyCommand, c.DisableKeyring = "basic", []string{"get-iap", "a b"}, false
		})},
		"v2": {[]string{
			"FLYTE_ADMIN_ENDPOINT=dns:///flyte.example.com", "FLYTE_ADMIN_INSECURE=true", "FLYTE_ADMIN_INSECURESKIPVERIFY=1",
			"FLYTE_ADMIN_CACERTFILEPATH=/ca.pem", "FLYTE_ADMIN_HTTPPROXYURL=http://proxy:3128", "FLYTE_ADMIN_AUTHTYPE=ClientSecret",
			"FLYTE_ADMIN_CLIENTID=my-client", "FLYTE_ADMIN_CLIENTSECRETLOCATION=ROOT/secret", `FLYTE_ADMIN_SCOPES=["all", "offline"]`,
			"FLYTE_ADMIN_AUDIENCE=unknown-to-them", "FLYTE_ADMIN_COMMAND=flyte-credential-helper token", "FLYTE_ADMIN_PROXYCOMMAND=get-iap 'a,b'", "FLYTE_ADMIN_DISABLEKEYRING=yes",
		}, every(func(c *Config) { c.Audience = "" })},
		"newer v2": {[]string{
			"FLYTE_ADMIN_ENDPOINT=flyte.example.com", "FLYTE_AUTH_TYPE=DeviceFlow", "FLYTE_ADMIN_AUTHTYPE=Pkce", "FLYTE_ADMIN_SCOPES=all, offline x",
			`FLYTE_AUTH_COMMAND=["a", "b c"]`, `FLYTE_AUTH_PROXY_COMMAND=a "b c"`, "FLYTE_ADMIN_COMMAND=x", "FLYTE_ADMIN_PROXYCOMMAND=x",
		}, &Config{Grant: "device", AuthType: "DeviceFlow", Scopes: []string{"all", "offline", "x"}, Command: []string{"a", "b c"}, ProxyCommand: []string{"a", "b c"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := configured(t, at(root, test.environ...))
			if s.Endpoint != "flyte.example.com" || s.InWorkingTree {
				t.Errorf("the endpoint is %q, in a working tree: %t", s.Endpoint, s.InWorkingTree)
			}
			if diff := unlike(test.want, c); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A value of the environment wins over the file's, one of v1 over one of Flyte 2,
// and an empty one means the default.
func TestPrecedence(t *testing.T) {
	root := tree(t, map[string]string{"home/.flyte/config.yaml": "admin: {endpoint: file.example, scopes: [f], caCertFilePath: /f.pem, insecure: true, authType: DeviceFlow}\n"})
	file := filepath.Join(root, "home", ".flyte", "config.yaml")
	for name, test := range map[string]struct {
		environ        []string
		endpoint, name string
		want           *Config
		notes          string
	}{
		"the file": {nil, "file.example", file,
			&Config{Scopes: []string{"f"}, CAFile: at(root).absolute("/f.pem"), Insecure: pointer(true), Grant: "device", AuthType: "DeviceFlow"}, ""},
		"one of each": {[]string{"FLYTE_CREDENTIALS_SCOPES=e", "FLYTE_ADMIN_CACERTFILEPATH=/e.pem"}, "file.example", file,
			&Config{Scopes: []string{"e"}, CAFile: at(root).absolute("/e.pem"), Insecure: pointer(true), Grant: "device", AuthType: "DeviceFlow"}, ""},
		"the endpoint": {[]string{"FLYTE_ADMIN_ENDPOINT=env.example"}, "env.example", "FLYTE_ADMIN_ENDPOINT",
			&Config{Scopes: []string{"f"}, CAFile: at(root).absolute("/f.pem"), Insecure: pointer(true), Grant: "device", AuthType: "DeviceFlow"}, ""},
		"empty masks": {[]string{"FLYTE_CREDENTIALS_SCOPES=", "FLYTE_ADMIN_CACERTFILEPATH=", "FLYTE_PLATFORM_INSECURE=", "FLYTE_AUTH_TYPE="}, "file.example", file,
			&Config{Grant: "auto"}, ""},
		"v1 wins": {[]string{"FLYTE_ADMIN_ENDPOINT=two.example", "FLYTE_PLATFORM_URL=one.example", "FLYTE_CREDENTIALS_SCOPES=one", "FLYTE_ADMIN_SCOPES=two"}, "one.example", "FLYTE_PLATFORM_URL",
			&Config{Scopes: []string{"one"}, CAFile: at(root).absolute("/f.pem"), Insecure: pointer(true), Grant: "device", AuthType: "DeviceFlow"},
			"FLYTE_PLATFORM_URL and FLYTE_ADMIN_ENDPOINT differ: FLYTE_PLATFORM_URL is used\nFLYTE_CREDENTIALS_SCOPES and FLYTE_ADMIN_SCOPES differ: FLYTE_CREDENTIALS_SCOPES is used"},
		"an empty v1 wins": {[]string{"FLYTE_CREDENTIALS_SCOPES=", "FLYTE_ADMIN_SCOPES=two"}, "file.example", file,
			&Config{CAFile: at(root).absolute("/f.pem"), Insecure: pointer(true), Grant: "device", AuthType: "DeviceFlow"}, "FLYTE_CREDENTIALS_SCOPES and FLYTE_ADMIN_SCOPES differ: FLYTE_CREDENTIALS_SCOPES is used"},
		"equal ones": {[]string{"FLYTE_CREDENTIALS_SCOPES=x", "FLYTE_ADMIN_SCOPES=x"}, "file.example", file,
			&Config{Scopes: []string{"x"}, CAFile: at(root).absolute("/f.pem"), Insecure: pointer(true), Grant: "device", AuthType: "DeviceFlow"}, ""},
		"the first of two": {[]string{"FLYTE_PLATFORM_URL=a.example", "FLYTE_PLATFORM_URL=b.example"}, "a.example", "FLYTE_PLATFORM_URL",
			&Config{Scopes: []string{"f"}, CAFile: at(root).absolute("/f.pem"), Insecure: pointer(true), Grant: "device", AuthType: "DeviceFlow"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := configured(t, at(root, test.environ...))
			if s.Endpoint != test.endpoint || s.Name != test.name || s.File != file {
				t.Errorf("the endpoint is %q of %s, the file %s", s.Endpoint, s.Name, s.File)
			}
			if diff := unlike(test.want, c); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := strings.Join(append(s.Notes, c.Notes...), "\n"); got != test.notes {
				t.Errorf("the notes are\n%s\nwant\n%s", got, test.notes)
			}
		})
	}
}

// An endpoint variable that is empty masks every file, and there is no endpoint.
func TestEmptyEndpoint(t *testing.T) {
	root := tree(t, map[string]string{"home/.flyte/config.yaml": "admin: {endpoint: file.example}\n"})
	s, err := FindSource(at(root, "FLYTE_PLATFORM_URL="))
	if err != nil || s.Endpoint != "" || s.Name != "" || !strings.Contains(strings.Join(s.Notes, " "), "FLYTE_PLATFORM_URL is set to an empty value") {
		t.Errorf("found %q of %q: %v, %v", s.Endpoint, s.Name, err, s.Notes)
	}
}

func TestNothing(t *testing.T) {
	s, err := FindSource(Env{Environ: []string{"PATH=/bin", "broken", ""}})
	if err != nil || s.Endpoint != "" || s.Name != "" || s.File != "" || s.Warnings != nil || s.Notes != nil {
		t.Errorf("found %+v, %v", s, err)
	}
}

// Messages name the location of each value.
func TestWhere(t *testing.T) {
	root := tree(t, map[string]string{
		"home/.flyte/config.yaml": "# mine\nadmin:\n  endpoint: flyte.example.com\n  scopes:\n  - all\n  caCertFilePath: ca.pem\n  clientId: machine\n",
		"ini":                     "[platform]\nurl: flyte.example.com\n[credentials]\nscopes: all\n",
	})
	yaml, ini := filepath.Join(root, "home", ".flyte", "config.yaml"), filepath.Join(root, "ini")
	_, c := configured(t, at(root, "FLYTE_PLATFORM_HTTP_PROXY_URL=http://proxy"))
	for option, want := range map[string]string{
		"caCertFilePath": yaml + ":6: admin.caCertFilePath", "httpProxyURL": "FLYTE_PLATFORM_HTTP_PROXY_URL", "scopes": yaml + ":4: admin.scopes",
		"clientId": "", "insecure": "", "nonsense": "",
	} {
		if got := c.Location(option); got != want {
			t.Errorf("%s stands in %q, want %q", option, got, want)
		}
	}
	if want := filepath.Join(root, "work", "sub", "ca.pem"); c.CAFile != want {
		t.Errorf("the CA file is %s, want %s", c.CAFile, want)
	}
	_, c = configured(t, at(root, "FLYTECTL_CONFIG="+ini))
	if got, want := c.Location("scopes"), ini+":4: [credentials] scopes"; got != want {
		t.Errorf("scopes stand in %q, want %q", got, want)
	}
}

func TestAbsolute(t *testing.T) {
	w := Env{Home: filepath.FromSlash("/home/me"), Dir: filepath.FromSlash("/here")}
	for path, want := range map[string]string{
		"": "", "a": "/here/a", "../a": "/a", "~": "/home/me", "~/a": "/home/me/a", "~you/a": "/here/~you/a",
	} {
		if got := w.absolute(filepath.FromSlash(path)); got != filepath.FromSlash(want) {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}
