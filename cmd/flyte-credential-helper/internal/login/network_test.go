package login

import (
	"net/url"
	"testing"
)

// A host without a port gets the header on each port, and one with a port on that.
func TestGetsHeader(t *testing.T) {
	for host, row := range map[string]struct{ gets, not string }{
		"login.example.com":     {"https://LOGIN.example.com:8443/x", "https://login.example.com.evil.example"},
		"login.example.com:443": {"https://login.example.com", "https://login.example.com:8443"},
		"[::1]":                 {"http://[::1]:8080", "http://[::2]:8080"},
		"[::1]:8080":            {"http://[::1]:8080", "http://[::1]"},
	} {
		for address, want := range map[string]bool{row.gets: true, row.not: false} {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			if got := (&requester{hosts: []string{host}}).getsHeader(u); got != want {
				t.Errorf("%s, header for %s: %t", address, host, got)
			}
		}
	}
}
