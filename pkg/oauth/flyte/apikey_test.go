package flyte

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPIKey(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	for name, test := range map[string]struct{ text, endpoint, client, secret, org string }{
		"no organization":        {"Zmx5dGUuZXhhbXBsZS5jb206bXktY2xpZW50OnMzY3IzdDpOb25l", "flyte.example.com", "my-client", "s3cr3t", ""},
		"a port and a colon":     {"ZG5zOi8vL2ZseXRlLmV4YW1wbGUuY29tOjQ0MzpteS1jbGllbnQ6czNjOnIzdDphY21l", "flyte.example.com:443", "my-client", "s3c:r3t", "acme"},
		"an empty organization":  {encode([]byte("h:c:s:")), "h", "c", "s", ""},
		"with echo's newline":    {encode([]byte("h:c:s:o\n")), "h", "c", "s", "o"},
		"https":                  {encode([]byte("https://h:8443:c:s:o")), "h:8443", "c", "s", "o"},
		"an address":             {encode([]byte("[::1]:443:c:s:o")), "[::1]:443", "c", "s", "o"},
		"an address, no port":    {encode([]byte("[::1]:c:s:o")), "[::1]", "c", "s", "o"},
		"only colons":            {encode([]byte("h:c::::o")), "h", "c", "::", "o"},
		"no padding":             {strings.TrimRight(encode([]byte("h:c:s:org")), "="), "h", "c", "s", "org"},
		"padding":                {encode([]byte("h:c:s:org1")), "h", "c", "s", "org1"},
		"the alphabet of URLs":   {base64.URLEncoding.EncodeToString([]byte("h:c:s\u00ff\u00bf~~?>:o")), "h", "c", "s\u00ff\u00bf~~?>", "o"},
		"the standard alphabet":  {encode([]byte("h:c:s\u00ff\u00bf~~?>:o")), "h", "c", "s\u00ff\u00bf~~?>", "o"},
		"a secret like a number": {encode([]byte("h:c:123:o")), "h", "c", "123", "o"},
	} {
		t.Run(name, func(t *testing.T) {
			k, ok := parseAPIKey(test.text)
			if !ok {
				t.Fatal("it is refused")
			}
			if k.endpoint != test.endpoint || k.clientID != test.client || k.secret.Reveal() != test.secret || k.org != test.org {
				t.Errorf("it is %q %q %q %q", k.endpoint, k.clientID, k.secret.Reveal(), k.org)
			}
		})
	}
}

// What is no key is refused in words that do not repeat it.
func TestAPIKeyRefused(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	for name, text := range map[string]string{
		"not base64":        "s3cr3t!",
		"text":              encode([]byte("s3cr3t")),
		"no organization":   encode([]byte("h:c:s3cr3t")),
		"no client":         encode([]byte("h::s3cr3t:o")),
		"no host":           encode([]byte(":c:s3cr3t:o")),
		"no secret":         encode([]byte("h:c::o")),
		"a port, no secret": encode([]byte("h:443:s3cr3t:o")),
		"a newline":         encode([]byte("h\n:c:s3cr3t:o")),
		"a blank":           encode([]byte("h h:c:s3cr3t:o")),
		"not UTF-8":         encode([]byte("h:c:s3cr3t\xff:o")),
		"the key itself":    "h:c:s3cr3t:o",
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"FLYTE_API_KEY", "_UNION_EAGER_API_KEY", "EAGER_API_KEY"} {
				_, err := FindSource(Env{Environ: []string{variable + "=" + text}})
				if err == nil || !strings.HasPrefix(err.Error(), variable+" is not a Flyte API key") {
					t.Fatalf("the error is %v", err)
				}
				if strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("the error repeats it: %v", err)
				}
			}
		})
	}
}

// FuzzAPIKey: what is put together in the one way comes apart again, and nothing
// else comes apart but into parts.
func FuzzAPIKey(f *testing.F) {
	f.Add("flyte.example.com", "my-client", "s3c:r3t", "acme")
	f.Add("h:1", "c", "::", "")
	f.Add("dns:///h", "1", "\xff", "None")
	f.Add("[::1]:1", "c", "s", ":")
	f.Fuzz(func(t *testing.T, endpoint, client, secret, org string) {
		text := strings.Join([]string{endpoint, client, secret, org}, ":")
		for _, key := range []string{text, base64.StdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text))} {
			k, ok := parseAPIKey(key)
			if ok && (k.endpoint == "" || k.clientID == "" || k.secret == "" || strings.Contains(k.clientID+k.org, ":")) {
				t.Fatalf("%q comes apart into %q %q %q %q", key, k.endpoint, k.clientID, k.secret.Reveal(), k.org)
			}
			if ok && key != text && !strings.HasSuffix(text, k.clientID+":"+k.secret.Reveal()+text[strings.LastIndexByte(text, ':'):]) {
				t.Fatalf("%q has other parts than %q %q", text, k.clientID, k.secret.Reveal())
			}
		}
	})
}

// A key is a configuration of its own: no file counts beside it, but variables do.
func TestAPIKeyAndTheRest(t *testing.T) {
	const key = "FLYTE_API_KEY=Zmx5dGUuZXhhbXBsZS5jb206bXktY2xpZW50OnMzY3IzdDpOb25l"
	root := tree(t, map[string]string{"home/.flyte/config.yaml": "admin: {endpoint: file.example, scopes: [f]}\n"})
	machine := func(change func(*Config)) *Config {
		c := &Config{Grant: "client-credentials", ClientID: "my-client", SecretEnv: "FLYTE_API_KEY"}
		change(c)
		return c
	}
	for name, test := range map[string]struct {
		environ        []string
		endpoint, name string
		want           *Config
	}{
		"alone": {[]string{key}, "flyte.example.com", "FLYTE_API_KEY", machine(func(*Config) {})},
		"variables": {[]string{key, "FLYTE_CREDENTIALS_SCOPES=all", "FLYTE_CREDENTIALS_CLIENT_ID=other", "FLYTE_CREDENTIALS_AUTH_MODE=pkce", "FLYTE_CREDENTIALS_CLIENT_SECRET=other"},
			"flyte.example.com", "FLYTE_API_KEY", machine(func(c *Config) { c.Scopes, c.AuthType = []string{"all"}, "pkce" })},
		"the same endpoint":  {[]string{key, "FLYTE_PLATFORM_URL=dns:///FLYTE.example.com/"}, "flyte.example.com", "FLYTE_API_KEY", machine(func(*Config) {})},
		"an empty endpoint":  {[]string{key, "FLYTE_PLATFORM_URL="}, "flyte.example.com", "FLYTE_API_KEY", machine(func(*Config) {})},
		"another endpoint":   {[]string{key, "FLYTE_PLATFORM_URL=other.example"}, "other.example", "FLYTE_PLATFORM_URL", &Config{Grant: "auto", Scopes: []string{"f"}}},
		"an empty key":       {[]string{"FLYTE_API_KEY="}, "file.example", filepath.Join(root, "home", ".flyte", "config.yaml"), &Config{Grant: "auto", Scopes: []string{"f"}}},
		"the first of three": {[]string{"EAGER_API_KEY=x", key}, "flyte.example.com", "FLYTE_API_KEY", machine(func(*Config) {})},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := configured(t, at(root, test.environ...))
			if s.Endpoint != test.endpoint || s.Name != test.name {
				t.Errorf("the endpoint is %q of %s", s.Endpoint, s.Name)
			}
			if diff := unlike(test.want, c); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if secret, err := c.Secret(); err != nil || (c.SecretEnv != "") != (secret.Reveal() == "s3cr3t") {
				t.Errorf("the secret is %q, %v", secret.Reveal(), err)
			}
		})
	}
}
