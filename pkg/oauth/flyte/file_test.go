package flyte

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// places are the locations in which files are searched, in this order, below a root. Each
// test file contains its own location, in YAML or INI.
func placesInOrder() []string {
	return []string{
		"override.yml", "uctl", "flytectl.yaml",
		"work/sub/flytekit.config", "work/sub/config.yaml", "work/sub/.flyte/config.yaml", "work/.flyte/config.yaml",
		"home/.union/config.yaml", "home/.flyte/config", "home/.flyte/config.yaml",
	}
}

func content(place string) string {
	host := strings.NewReplacer("/", "-", ".", "-").Replace(place) + ".example"
	if isYAML(place) {
		return "admin:\n  endpoint: " + host + "\n"
	}
	return "[platform]\nurl = " + host + "\n"
}

func fileVariables() []string {
	return []string{"_FLYTECTL_CONFIG_PYFLYTE_OVERRIDE=ROOT/override.yml", "UCTL_CONFIG=ROOT/uctl", "FLYTECTL_CONFIG=ROOT/flytectl.yaml"}
}

// The first file with an endpoint is used. A file in the working tree and one at home do not
// both have one here: see TestHomeAndTree.
func TestOrder(t *testing.T) {
	for i, place := range placesInOrder() {
		t.Run(place, func(t *testing.T) {
			files := map[string]string{"work/.git/": "", "work/sub/": ""}
			for j, other := range placesInOrder() {
				switch {
				case j >= i && strings.HasPrefix(other, "home/") == strings.HasPrefix(place, "home/"):
					files[other] = content(other)
				case isYAML(other):
					files[other] = "admin: {scopes: [endpoint]}\n"
				default:
					files[other] = "[images]\nx = y\n"
				}
			}
			root := tree(t, files)
			s, err := FindSource(at(root, fileVariables()...))
			if err != nil || filepath.Clean(s.File) != filepath.Join(root, filepath.FromSlash(place)) || s.Name != s.File {
				t.Fatalf("%s counts: %v", s.File, err)
			}
			if !strings.Contains(content(place), s.Endpoint) || s.Endpoint == "" {
				t.Errorf("the endpoint is %q", s.Endpoint)
			}
			if want := strings.HasPrefix(place, "work/"); s.InWorkingTree != want {
				t.Errorf("in a working tree: %t", s.InWorkingTree)
			}
			if s.Warnings != nil {
				t.Errorf("warned of %q", s.Warnings)
			}
		})
	}
}

// A variable that names no file is warned of, and does not hide the next.
func TestMissingNamed(t *testing.T) {
	root := tree(t, map[string]string{"flytectl.yaml": content("flytectl.yaml"), "uctl/": ""})
	s, err := FindSource(at(root, fileVariables()...))
	if err != nil || s.File != root+"/flytectl.yaml" {
		t.Fatalf("%s counts: %v", s.File, err)
	}
	want := []string{
		"_FLYTECTL_CONFIG_PYFLYTE_OVERRIDE names " + root + "/override.yml, which is not a file",
		"UCTL_CONFIG names " + root + "/uctl, which is not a file",
	}
	if diff := cmp.Diff(want, s.Warnings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	s, err = FindSource(at(root, "UCTL_CONFIG=ROOT/none"))
	if err != nil || s.Endpoint != "" || len(s.Warnings) != 1 {
		t.Errorf("found %q with %q: %v", s.Endpoint, s.Warnings, err)
	}
}

const strangeYAML = `admin:
  endpoint: flyte.example.com
  insecure: true
  insecureSkipVerify: true
  caCertFilePath: ca.pem
  httpProxyURL: http://proxy
  authType: ClientSecret
  clientId: my-client
  clientSecretLocation: nosuch
  clientSecretEnvVar: AWS_SECRET_ACCESS_KEY
  scopes: [all]
  audience: https://api
  command: [rm]
  proxyCommand: [rm]
  disableKeyring: true
`

// Of a file that came with a working tree little counts, and what does not is said.
func TestWorkingTree(t *testing.T) {
	restricted := &Config{Grant: "auto", Scopes: []string{"all"}, Ignored: []string{
		"admin.insecure", "admin.insecureSkipVerify", "admin.caCertFilePath", "admin.httpProxyURL",
		"admin.clientSecretEnvVar", "admin.clientSecretLocation", "admin.authType", "admin.proxyCommand",
	}}
	for name, test := range map[string]struct {
		text    string
		environ []string
		want    *Config
	}{
		"all of it":       {strangeYAML, []string{"AWS_SECRET_ACCESS_KEY=s3cr3t"}, restricted},
		"Pkce":            {"admin: {endpoint: x, authType: Pkce}", nil, &Config{Grant: "auto", AuthType: "Pkce"}},
		"DeviceFlow":      {"admin: {endpoint: x, authType: DeviceFlow}", nil, &Config{Grant: "device", AuthType: "DeviceFlow"}},
		"ExternalCommand": {"admin: {endpoint: x, authType: ExternalCommand, command: [flyte-credential-helper, token]}", nil, &Config{Grant: "auto", AuthType: "ExternalCommand"}},
		"Passthrough":     {"admin: {endpoint: x, authType: Passthrough}", nil, &Config{Grant: "auto", Ignored: []string{"admin.authType"}}},
		"unknown":         {"admin: {endpoint: x, authType: Kerberos}", nil, &Config{Grant: "auto", Ignored: []string{"admin.authType"}}},
		"what is usual":   {"admin: {endpoint: x, insecure: false, insecureSkipVerify: 0}", nil, &Config{Grant: "auto"}},
		"variables": {strangeYAML, []string{"FLYTE_PLATFORM_INSECURE=true", "FLYTE_PLATFORM_HTTP_PROXY_URL=http://mine", "FLYTE_ADMIN_AUTHTYPE=DeviceFlow", "FLYTE_ADMIN_DISABLEKEYRING=1"},
			&Config{Insecure: pointer(true), HTTPProxy: "http://mine", Grant: "device", AuthType: "DeviceFlow", Audience: "https://api", Scopes: []string{"all"}, DisableKeyring: true,
				Ignored: []string{"admin.insecureSkipVerify", "admin.caCertFilePath", "admin.clientSecretEnvVar", "admin.clientSecretLocation", "admin.proxyCommand"}}},
		"secrets of variables": {"admin: {endpoint: x}", []string{"FLYTE_CREDENTIALS_CLIENT_SECRET=s3cr3t", "FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION=/nosuch", "FLYTE_ADMIN_CLIENTSECRETENVVAR=FLYTE_CREDENTIALS_CLIENT_SECRET", "FLYTE_AUTH_PROXY_COMMAND=rm", "FLYTE_PLATFORM_INSECURE_SKIP_VERIFY=true"},
			&Config{Grant: "auto", Ignored: []string{"FLYTE_PLATFORM_INSECURE_SKIP_VERIFY", "FLYTE_ADMIN_CLIENTSECRETENVVAR", "FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION", "FLYTE_CREDENTIALS_CLIENT_SECRET", "FLYTE_AUTH_PROXY_COMMAND"}, IgnoredSecret: "FLYTE_ADMIN_CLIENTSECRETENVVAR"}},
		"for an endpoint of one's own": {"admin: {endpoint: x}", []string{"FLYTE_PLATFORM_URL=x", "FLYTE_CREDENTIALS_CLIENT_SECRET=s3cr3t", "FLYTE_CREDENTIALS_CLIENT_ID=me", "FLYTE_ADMIN_AUTHTYPE=ClientSecret", "FLYTE_AUTH_PROXY_COMMAND=get-iap"},
			&Config{Grant: "client-credentials", AuthType: "ClientSecret", ClientID: "me", SecretEnv: "FLYTE_CREDENTIALS_CLIENT_SECRET", ProxyCommand: []string{"get-iap"}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, place := range []string{"work/sub/config.yaml", "work/sub/.flyte/config.yaml", "work/.flyte/config.yaml"} {
				root := tree(t, map[string]string{"work/.git": "gitdir: elsewhere\n", "work/sub/": "", place: test.text})
				s, c := configured(t, at(root, slices.Clone(test.environ)...))
				if !s.InWorkingTree || s.File != filepath.Join(root, filepath.FromSlash(place)) {
					t.Fatalf("%s counts, in a working tree: %t", s.File, s.InWorkingTree)
				}
				if diff := unlike(test.want, c); diff != "" {
					t.Errorf("%s (-want +got):\n%s", place, diff)
				}
			}
		})
	}
}

func TestWorkingTreeINI(t *testing.T) {
	root := tree(t, map[string]string{"work/sub/flytekit.config": "[platform]\nurl = x\ninsecure = 1\n[credentials]\nclient_secret = s3cr3t\nclient_id = a\nauth_mode = basic\nscopes = all\n"})
	_, c := configured(t, at(root))
	want := &Config{Grant: "auto", Scopes: []string{"all"}, Ignored: []string{"[platform] insecure", "[credentials] client_secret", "[credentials] auth_mode"}}
	if diff := unlike(want, c); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The file at home stays trusted if the working directory is the home directory, is below
// it, or is reached by a link.
func TestOwnInWorkingTree(t *testing.T) {
	const text = "admin: {endpoint: x, insecure: true}\n"
	own := &Config{Grant: "auto", Insecure: pointer(true)}
	for name, test := range map[string]struct {
		files map[string]string
		link  [2]string // from, to
		dir   string
	}{
		"at home":               {map[string]string{"home/.flyte/config.yaml": text}, [2]string{}, "home"},
		"below a home with git": {map[string]string{"home/.flyte/config.yaml": text, "home/.git/": "", "home/a/b/": ""}, [2]string{}, "home/a/b"},
		"in the folder itself":  {map[string]string{"home/.flyte/config.yaml": text}, [2]string{}, "home/.flyte"},
		"a link to one's own":   {map[string]string{"home/.flyte/config.yaml": text, "work/.flyte/": ""}, [2]string{"work/.flyte/config.yaml", "home/.flyte/config.yaml"}, "work"},
		"one's own is a link":   {map[string]string{"work/.flyte/config.yaml": text, "home/": ""}, [2]string{"home/.flyte", "work/.flyte"}, "work"},
		"home through a link":   {map[string]string{"real/.flyte/config.yaml": text}, [2]string{"home", "real"}, "real"},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, test.files)
			if test.link[0] != "" {
				if err := os.Symlink(filepath.Join(root, test.link[1]), filepath.Join(root, test.link[0])); err != nil {
					t.Skip("no symbolic links here: ", err)
				}
			}
			s, c := configured(t, Env{Home: filepath.Join(root, "home"), Dir: filepath.Join(root, test.dir)})
			if s.InWorkingTree {
				t.Error("it is taken for a stranger's")
			}
			if diff := unlike(own, c); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// If the file at home and one in the working tree name different endpoints, neither is used
// until the user has named one of the endpoints. If they name the same, the file at home is
// used.
func TestHomeAndTree(t *testing.T) {
	for name, test := range map[string]struct {
		home, tree, named string
		variable          string
		want              string // the file; empty: an error
		untrusted         bool
	}{
		"different":                {home: "a", tree: "b"},
		"the same":                 {home: "a", tree: "a", want: "home/.flyte/config.yaml"},
		"the same, written so":     {home: "dns:///a", tree: "A/", want: "home/.flyte/config.yaml"},
		"that of the home":         {home: "a", tree: "b", named: "a", want: "home/.flyte/config.yaml"},
		"that of the tree":         {home: "a", tree: "b", named: "b", want: "work/sub/config.yaml"},
		"a third one":              {home: "a", tree: "b", named: "c", want: "work/sub/config.yaml", untrusted: true},
		"only a tree":              {tree: "b", want: "work/sub/config.yaml", untrusted: true},
		"only a tree, named":       {tree: "b", named: "http://b", want: "work/sub/config.yaml"},
		"a variable has the first": {home: "a", tree: "b", variable: "FLYTE_PLATFORM_URL=c", want: "work/sub/config.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"work/sub/config.yaml": "admin: {endpoint: " + test.tree + "}\n", "home/": ""}
			if test.home != "" {
				files["home/.flyte/config.yaml"] = "admin: {endpoint: " + test.home + ", insecure: true}\n"
			}
			root := tree(t, files)
			env := at(root)
			env.Endpoint = test.named
			if test.variable != "" {
				env.Environ = append(env.Environ, test.variable)
			}
			s, err := FindSource(env)
			var ambiguous *AmbiguousError
			if errors.As(err, &ambiguous) != (test.want == "") || err != nil && ambiguous == nil {
				t.Fatalf("%s: %v", s.File, err)
			}
			if test.want == "" {
				want := AmbiguousError{HomeFile: filepath.Join(root, "home", ".flyte", "config.yaml"), HomeEndpoint: "a", TreeFile: filepath.Join(root, "work", "sub", "config.yaml"), TreeEndpoint: "b"}
				if *ambiguous != want {
					t.Errorf("%+v", ambiguous)
				}
				return
			}
			if s.File != filepath.Join(root, filepath.FromSlash(test.want)) || s.Untrusted() != test.untrusted {
				t.Errorf("%s is used, untrusted: %t", s.File, s.Untrusted())
			}
			if c, err := s.Config(); err != nil || (c.Insecure != nil) == s.InWorkingTree {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}

// The secrets of variables are for the endpoint of a working tree only if the user has named
// it.
func TestSecretForTree(t *testing.T) {
	root := tree(t, map[string]string{"work/sub/config.yaml": "admin: {endpoint: x}\n"})
	for named, want := range map[string]Config{
		"":  {Grant: "client-credentials", AuthType: "ClientSecret", ClientID: "me", IgnoredSecret: "FLYTE_CREDENTIALS_CLIENT_SECRET", Ignored: []string{"FLYTE_CREDENTIALS_CLIENT_SECRET"}},
		"x": {Grant: "client-credentials", AuthType: "ClientSecret", ClientID: "me", SecretEnv: "FLYTE_CREDENTIALS_CLIENT_SECRET"},
	} {
		env := at(root, "FLYTE_CREDENTIALS_CLIENT_SECRET=s3cr3t", "FLYTE_CREDENTIALS_CLIENT_ID=me", "FLYTE_CREDENTIALS_AUTH_MODE=ClientSecret")
		env.Endpoint = named
		_, c := configured(t, env)
		if diff := unlike(&want, c); diff != "" {
			t.Errorf("%q (-want +got):\n%s", named, diff)
		}
	}
}

// A file that a variable names is trusted, wherever it is.
func TestNamedInWorkingTree(t *testing.T) {
	root := tree(t, map[string]string{"work/sub/config.yaml": "admin: {endpoint: x, insecure: true}\n"})
	s, c := configured(t, at(root, "FLYTECTL_CONFIG=config.yaml"))
	if s.InWorkingTree || s.Endpoint != "x" || c.Insecure == nil {
		t.Errorf("found %+v, in a working tree: %t", c, s.InWorkingTree)
	}
}

// What is wrong with a working tree's file, which may be any program's, is noted
// and passed by. With one's own it is an error that says where.
func TestBroken(t *testing.T) {
	for name, test := range map[string]struct{ text, fault string }{
		"not YAML":       {"admin:\n  endpoint: [a\n", ":2: "},
		"a list":         {"- endpoint\n", ":1: the file must be a mapping (name: value)"},
		"admin a list":   {"admin: [endpoint]\n", ":1: admin must be a mapping (name: value)"},
		"endpoint a map": {"admin:\n  endpoint: {x: y}\n", ":2: admin.endpoint must be one value"},
		"too large":      {"admin: {endpoint: x}\n#" + strings.Repeat("x", 65<<10), " is larger than "},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, map[string]string{"work/sub/config.yaml": test.text, "home/.union/config.yaml": "admin: {endpoint: y}\n"})
			s, err := FindSource(at(root))
			if err != nil || s.Endpoint != "y" {
				t.Errorf("found %q, %v", s.Endpoint, err)
			}
			if want := "not read: " + filepath.Join(root, "work", "sub", "config.yaml") + test.fault; len(s.Notes) != 1 || !strings.HasPrefix(s.Notes[0], want) {
				t.Errorf("the notes are %q, want %q", s.Notes, want)
			}

			root = tree(t, map[string]string{"home/.flyte/config.yaml": test.text})
			s, err = FindSource(at(root))
			if want := filepath.Join(root, "home", ".flyte", "config.yaml") + test.fault; err == nil || !strings.HasPrefix(err.Error(), want) || s.Endpoint != "" {
				t.Errorf("found %q, %v, want %q", s.Endpoint, err, want)
			}
		})
	}
}

// A file at home may be larger than a file in a working tree.
func TestSizes(t *testing.T) {
	large := strings.Repeat("# x\n", 5<<10) + "admin: {endpoint: x}\n"
	root := tree(t, map[string]string{"work/sub/config.yaml": large, "home/.flyte/config.yaml": large})
	s, err := FindSource(at(root))
	if err != nil || s.InWorkingTree || s.Endpoint != "x" {
		t.Errorf("found %q of %s, %v", s.Endpoint, s.File, err)
	}
}

// Other programs' files of the same names say nothing, and nothing is said of them.
func TestOtherPrograms(t *testing.T) {
	for _, text := range []string{"", "{{ template }}\n", "- a\n", "a: b: c\n", "server: {admin: true}\n", "endpoint: x\n", "admin:\n"} {
		root := tree(t, map[string]string{"work/sub/config.yaml": text})
		if s, err := FindSource(at(root)); err != nil || s.Endpoint != "" || s.Notes != nil || s.Warnings != nil {
			t.Errorf("%q: found %q, %v, %q", text, s.Endpoint, err, s.Notes)
		}
	}
}

// A mark at the beginning, which editors of Windows write, is none of the text.
func TestByteOrderMark(t *testing.T) {
	for _, place := range []string{"home/.flyte/config.yaml", "home/.flyte/config"} {
		root := tree(t, map[string]string{place: "\ufeff" + content(place)})
		if s, err := FindSource(at(root)); err != nil || s.Endpoint == "" {
			t.Errorf("%s: found %q, %v", place, s.Endpoint, err)
		}
	}
}
