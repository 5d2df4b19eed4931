package flyte

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestGrant(t *testing.T) {
	for authType, want := range map[string]string{
		"": "auto", "Pkce": "auto", "pkce": "auto", "PKCE": "auto", "standard": "auto", "Standard": "auto",
		"ExternalCommand": "auto", "externalcommand": "auto", "external_process": "auto", "EXTERNAL_PROCESS": "auto",
		"DeviceFlow": "device", "deviceflow": "device", " DeviceFlow ": "device",
		"ClientSecret": "client-credentials", "clientsecret": "client-credentials", "basic": "client-credentials", "client_credentials": "client-credentials", "Client_Credentials": "client-credentials",
	} {
		if got, err := grantOf(value{text: authType}); err != nil || got != want {
			t.Errorf("%q is %q, %v", authType, got, err)
		}
	}
}

// An unsupported value is an error with its location and the supported values.
func TestGrantRefused(t *testing.T) {
	root := tree(t, map[string]string{"home/": ""})
	path := filepath.Join(root, "config.yaml")
	for authType, want := range map[string]string{
		"Kerberos":    path + `:3: admin.authType is "Kerberos": must be Pkce, DeviceFlow, ClientSecret or ExternalCommand`,
		"device-flow": path + `:3: admin.authType is "device-flow": must be Pkce, DeviceFlow, ClientSecret or ExternalCommand`,
		"Passthrough": path + ":3: admin.authType is Passthrough: programs send their own credentials with each call, so there is no token to get",
	} {
		root := tree(t, map[string]string{"config.yaml": "admin:\n  endpoint: x\n  authType: " + authType + "\n"})
		want = filepath.Join(root, strings.TrimPrefix(want, filepath.Dir(path)))
		s, err := FindSource(at(root, "UCTL_CONFIG=ROOT/config.yaml"))
		if err != nil || s.Endpoint != "x" {
			t.Fatalf("found %q, %v", s.Endpoint, err)
		}
		if c, err := s.Config(); err == nil || err.Error() != want || c != nil {
			t.Errorf("%s: %v, want %s", authType, err, want)
		}
	}
}

// A user's login does not use the client of the file, which may be a machine's, and sends
// the audience only with a device code, as flytekit does. A machine's login uses both.
func TestMachinesOnly(t *testing.T) {
	root := tree(t, map[string]string{"secret": "x"})
	identity := []string{"FLYTE_PLATFORM_URL=x", "FLYTE_CREDENTIALS_CLIENT_ID=machine", "FLYTE_CREDENTIALS_AUDIENCE=api"}
	for authType, counts := range map[string]bool{"Pkce": false, "DeviceFlow": false, "ExternalCommand": false, "ClientSecret": true} {
		_, c := configured(t, at(root, append(identity, "FLYTE_AUTH_TYPE="+authType)...))
		audience := counts || authType == "DeviceFlow"
		if (c.ClientID == "machine") != counts || (c.Audience == "api") != audience || (c.Location("clientId") != "") != counts || (c.Location("audience") != "") != audience {
			t.Errorf("%s: the client is %q, the audience %q", authType, c.ClientID, c.Audience)
		}
		if noted := strings.Contains(strings.Join(c.Notes, "\n"), "FLYTE_CREDENTIALS_CLIENT_ID is used for client credentials only"); noted == counts {
			t.Errorf("%s: the notes are %q", authType, c.Notes)
		}
	}
}

// A command that is stated wrongly is an error only where it would be run.
func TestWrongCommand(t *testing.T) {
	s, err := FindSource(Env{Environ: []string{"FLYTE_PLATFORM_URL=x", "FLYTE_AUTH_PROXY_COMMAND=a '"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Config(); err == nil || !strings.HasPrefix(err.Error(), "FLYTE_AUTH_PROXY_COMMAND must be a command: ") {
		t.Error(err)
	}
	_, c := configured(t, Env{Environ: []string{"FLYTE_PLATFORM_URL=x", "FLYTE_AUTH_COMMAND=a '"}})
	if c.Command != nil || len(c.Notes) != 1 || !strings.HasPrefix(c.Notes[0], "FLYTE_AUTH_COMMAND must be a command: ") {
		t.Errorf("the command is %q, the notes %q", c.Command, c.Notes)
	}
}
