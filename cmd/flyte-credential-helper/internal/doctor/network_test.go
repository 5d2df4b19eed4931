package doctor

import (
	"net/url"
	"testing"
)

// A proxy for all servers is used neither for this machine nor for the servers of NO_PROXY.
func TestNeedsProxy(t *testing.T) {
	for _, row := range []struct {
		server, noProxy string
		want            bool
	}{
		{"https://login.example.com", "", true},
		{"http://login.example.com", "", true},
		{"https://login.example.com", "example.org", true},
		{"https://login.example.com", ".example.com", false},
		{"http://127.0.0.1:8080", "", false},
		{"https://[::1]:8080", "", false},
		{"http://localhost:30080", "", false},
	} {
		u, err := url.Parse(row.server)
		if err != nil {
			t.Fatal(err)
		}
		getenv := func(name string) string { return map[string]string{"no_proxy": row.noProxy}[name] }
		if got := needsProxy(getenv, u); got != row.want {
			t.Errorf("%s with no_proxy=%s: %v", row.server, row.noProxy, got)
		}
	}
}
