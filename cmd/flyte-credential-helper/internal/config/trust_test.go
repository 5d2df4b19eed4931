package config

import "testing"

// A setting that carries a secret or trust for one server reaches only a server that the same
// level names. The command line and the environment also reach each server that the user has
// named. A row is a level that names the server, a column is a level that has the setting: u
// is used, - is not sent. All other settings are used for any server.
func TestUse(t *testing.T) {
	origins := []Origin{Preset, FlyteTree, FlyteHome, FromProfile, Cluster, Environment, FromCommandLine}
	for server, row := range map[Origin]string{
		//                Preset Tree Home Profile Cluster Environment CommandLine
		FlyteTree:       "-u-----",
		FlyteHome:       "--u--uu",
		FromProfile:     "---u-uu",
		Cluster:         "----u--",
		Environment:     "-----uu",
		FromCommandLine: "-----uu",
	} {
		for i, from := range origins {
			n := naming{by: []Origin{server}, trusted: server.isTrusted()}
			want := row[i] == 'u'
			if got := n.uses(ServerBound, from); got != want {
				t.Errorf("server of level %d, setting of level %d: %t, want %t", server, from, got, want)
			}
			for _, class := range []Class{Public, Network, Local} {
				if !n.uses(class, from) {
					t.Errorf("server of level %d, setting of level %d and class %d is not used", server, from, class)
				}
			}
		}
	}
}

// A trusted level that names exactly the same server counts as having named it.
func TestUseOfSameServer(t *testing.T) {
	for name, test := range map[string]struct {
		a, b map[string]string
		by   Origin // of b
		want bool
	}{
		"issuer":                    {map[string]string{"issuer": "https://x"}, map[string]string{"issuer": "https://x"}, Cluster, true},
		"another issuer":            {map[string]string{"issuer": "https://x"}, map[string]string{"issuer": "https://x/"}, FromCommandLine, false},
		"none":                      {map[string]string{}, map[string]string{"issuer": "https://x"}, FromCommandLine, false},
		"endpoint, written so":      {map[string]string{"endpoint": "flyte.x"}, map[string]string{"endpoint": "dns:///FLYTE.x/"}, FromCommandLine, true},
		"endpoint in the clear":     {map[string]string{"endpoint": "flyte.x"}, map[string]string{"endpoint": "http://flyte.x"}, FromCommandLine, true},
		"a cluster's in the clear":  {map[string]string{"endpoint": "flyte.x"}, map[string]string{"endpoint": "http://flyte.x"}, Cluster, false},
		"endpoints":                 {map[string]string{"auth-endpoint": "https://x/a", "token-endpoint": "https://x/t"}, map[string]string{"auth-endpoint": "https://x/a", "token-endpoint": "https://x/t"}, Cluster, true},
		"another token endpoint":    {map[string]string{"auth-endpoint": "https://x/a", "token-endpoint": "https://x/t"}, map[string]string{"auth-endpoint": "https://x/a", "token-endpoint": "https://evil/t"}, Cluster, false},
		"endpoint and another":      {map[string]string{"endpoint": "x"}, map[string]string{"endpoint": "x", "token-endpoint": "https://evil/t"}, FromCommandLine, false},
		"an endpoint and an issuer": {map[string]string{"endpoint": "x"}, map[string]string{"issuer": "x"}, FromCommandLine, false},
	} {
		if got := sameServer(test.a, test.b, test.by); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Each setting that carries a secret, runs a command or lowers trust is bound to one server.
func TestServerBound(t *testing.T) {
	bound := map[string]bool{
		"client-secret-file": true, "client-secret-env": true, "header": true, "header-host": true, "token-param": true, "refresh-param": true,
		"proxy-command": true, "insecure-skip-verify": true,
	}
	for _, s := range Table() {
		if bound[s.Name] != (s.Class == ServerBound) {
			t.Errorf("%s has the class %d", s.Name, s.Class)
		}
	}
}
