package flyte

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// The source of the secret, and the grant that follows from it.
func TestSecret(t *testing.T) {
	const file, variable = "FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION=ROOT/secret", "FLYTE_CREDENTIALS_CLIENT_SECRET_ENV_VAR=MINE"
	for name, test := range map[string]struct {
		environ []string
		grant   string
		secret  string
		from    string // variable, or file's name
		note    string
	}{
		"none":                        {nil, "auto", "", "", ""},
		"a file":                      {[]string{file}, "client-credentials", "of the file", "secret", ""},
		"a file beats authType":       {[]string{file, "FLYTE_CREDENTIALS_AUTH_MODE=Pkce"}, "client-credentials", "of the file", "secret", "FLYTE_CREDENTIALS_AUTH_MODE is ignored: FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION means client credentials"},
		"even a wrong authType":       {[]string{file, "FLYTE_CREDENTIALS_AUTH_MODE=Passthrough"}, "client-credentials", "of the file", "secret", "FLYTE_CREDENTIALS_AUTH_MODE is ignored: FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION means client credentials"},
		"a variable":                  {[]string{variable, "MINE=of mine"}, "client-credentials", "of mine", "MINE", ""},
		"a variable beats authType":   {[]string{variable, "MINE=of mine", "FLYTE_AUTH_TYPE=DeviceFlow"}, "client-credentials", "of mine", "MINE", "FLYTE_AUTH_TYPE is ignored: FLYTE_CREDENTIALS_CLIENT_SECRET_ENV_VAR means client credentials"},
		"the variable beats the file": {[]string{file, variable, "MINE=of mine"}, "client-credentials", "of mine", "MINE", ""},
		"the file if it is not set":   {[]string{file, variable}, "client-credentials", "of the file", "secret", ""},
		"flytekit's own":              {[]string{"FLYTE_CREDENTIALS_CLIENT_SECRET=direct"}, "auto", "", "", "FLYTE_CREDENTIALS_CLIENT_SECRET is used for client credentials only"},
		"flytekit's own with a type":  {[]string{"FLYTE_CREDENTIALS_CLIENT_SECRET=direct", "FLYTE_CREDENTIALS_AUTH_MODE=basic"}, "client-credentials", "direct", "FLYTE_CREDENTIALS_CLIENT_SECRET", ""},
		"the file beats flytekit's":   {[]string{file, "FLYTE_CREDENTIALS_CLIENT_SECRET=direct"}, "client-credentials", "of the file", "secret", ""},
		"flytekit's beats an unset":   {[]string{variable, "FLYTE_CREDENTIALS_CLIENT_SECRET=direct", "FLYTE_CREDENTIALS_AUTH_MODE=basic"}, "client-credentials", "direct", "FLYTE_CREDENTIALS_CLIENT_SECRET", ""},
		"a person's machine":          {[]string{variable}, "auto", "", "", "FLYTE_CREDENTIALS_CLIENT_SECRET_ENV_VAR names MINE, which is not set\nFLYTE_CREDENTIALS_CLIENT_SECRET_ENV_VAR is used for client credentials only"},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, map[string]string{"secret": "of the file"})
			s, c := configured(t, at(root, append([]string{"FLYTE_PLATFORM_URL=x"}, test.environ...)...))
			secret, err := c.Secret()
			if err != nil || secret.Reveal() != test.secret || c.Grant != test.grant {
				t.Errorf("the secret is %q, %v; the grant %s", secret.Reveal(), err, c.Grant)
			}
			from := c.SecretEnv
			if c.SecretFile != "" {
				from += filepath.Base(c.SecretFile)
			}
			if from != test.from {
				t.Errorf("it is from %q, want %q", from, test.from)
			}
			if got := strings.Join(c.Notes, "\n"); got != test.note {
				t.Errorf("the notes are\n%s\nwant\n%s", got, test.note)
			}
			if printed := fmt.Sprintf("%+v %#v %+v %#v", s, s, c, c); test.secret != "" && strings.Contains(printed, test.secret) {
				t.Errorf("it is seen in %s", printed)
			}
		})
	}
}

// The secret of an INI file is one, and decides nothing either.
func TestSecretOfINI(t *testing.T) {
	root := tree(t, map[string]string{"home/.flyte/config": "[platform]\nurl = x\n[credentials]\nclient_secret = s3%%cr3t\nauth_mode = basic\n"})
	s, c := configured(t, at(root))
	if printed := fmt.Sprintf("%+v %#v %+v %#v", s, s, c, c); strings.Contains(printed, "cr3t") {
		t.Errorf("it is seen in %s", printed)
	}
	if secret, err := c.Secret(); err != nil || secret.Reveal() != "s3%cr3t" || c.SecretEnv != "" || c.SecretFile != "" {
		t.Errorf("the secret is %q of %q%q, %v", secret.Reveal(), c.SecretEnv, c.SecretFile, err)
	}
	if want := filepath.Join(root, "home", ".flyte", "config") + ":4: [credentials] client_secret"; c.Location("clientSecret") != want {
		t.Errorf("it stands in %q, want %q", c.Location("clientSecret"), want)
	}
}

// Client credentials without a secret are an error only when the secret is read.
func TestSecretNotSet(t *testing.T) {
	_, c := configured(t, Env{Environ: []string{"FLYTE_PLATFORM_URL=x", "FLYTE_AUTH_TYPE=ClientSecret", "FLYTE_ADMIN_CLIENTSECRETENVVAR=MINE"}})
	if _, err := c.Secret(); err == nil || !strings.Contains(err.Error(), "MINE") || c.SecretEnv != "MINE" {
		t.Errorf("the secret of %q: %v", c.SecretEnv, err)
	}
}

// A newline at the end is none of the secret, and what ends in none is taken as it is.
func TestSecretFile(t *testing.T) {
	for text, want := range map[string]string{"a": "a", " a ": " a ", "a\n": "a", " a \r\n\n": "a", "a\r": "a\r", "": "", "\n": "", " \n": ""} {
		root := tree(t, map[string]string{"secret": text})
		got, err := (Env{}).readSecret(filepath.Join(root, "secret"))
		if got.Reveal() != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", text, got.Reveal(), err)
		}
	}
	root := tree(t, map[string]string{"secret": strings.Repeat("x", maxSecret+1)})
	if _, err := (Env{}).readSecret(filepath.Join(root, "secret")); err == nil {
		t.Error("any size will do")
	}
}

// A secret file that is named must be there. The error names what names it.
func TestSecretFileMissing(t *testing.T) {
	root := tree(t, map[string]string{"home/.flyte/config.yaml": "admin:\n  endpoint: x\n  clientSecretLocation: /no/such\n", "folder/": ""})
	for environ, want := range map[string]string{
		"": filepath.Join(root, "home", ".flyte", "config.yaml") + ":3: admin.clientSecretLocation: cannot read the client's secret: ",
		"FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION=ROOT/none": "FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION: cannot read the client's secret: ",
		"FLYTE_ADMIN_CLIENTSECRETLOCATION=ROOT/folder":       "FLYTE_ADMIN_CLIENTSECRETLOCATION: cannot read the client's secret: ",
	} {
		s, err := FindSource(at(root, environ))
		if err != nil || s.Endpoint != "x" {
			t.Fatalf("found %q, %v: it is for another endpoint, maybe", s.Endpoint, err)
		}
		if _, err := s.Config(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", environ, err, want)
		}
	}
}
