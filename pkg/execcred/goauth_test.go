package execcred

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// status is what the go command writes after a response of 4xx.
func status(line string) string {
	return line + "\nContent-Length: 19\nDate: Thu, 07 Nov 2024 18:43:09 GMT\nWww-Authenticate: Bearer, HTTP/1.1 401 Unauthorized\n\n"
}

func TestGoauth(t *testing.T) {
	for _, c := range []struct {
		url, answer string
		host        string
		refused     bool
		want        string
	}{
		{"https://example.com", "", "https://example.com", false, "https://example.com\n\nAuthorization: Bearer at\n\n"},
		{"https://example.com/m/@v/list?x=%2f", status("HTTP/2.0 401 Unauthorized"), "https://example.com", true, "https://example.com\n\nAuthorization: Bearer at\n\n"},
		{"https://example.com/m", status("HTTP/1.1 404 Not Found"), "https://example.com", false, "https://example.com\n\nAuthorization: Bearer at\n\n"},
		{"https://example.com/m", status("HTTP/1.1 403 401 Unauthorized"), "https://example.com", false, "https://example.com\n\nAuthorization: Bearer at\n\n"},
		{"https://example.com/m", status("HTTP/1.1 410 Gone"), "https://example.com", false, "https://example.com\n\nAuthorization: Bearer at\n\n"},
		{"https://example.com/m", "HTTP/1.1 401\n\n", "https://example.com", true, "https://example.com\n\nAuthorization: Bearer at\n\n"},
		{"https://Example.com:443/m", status("HTTP/1.1 401 Unauthorized"), "https://example.com", true, "https://Example.com:443\n\nAuthorization: Bearer at\n\n"},
		{"https://[::1]:8443/m", "", "https://[::1]:8443", false, "https://[::1]:8443\n\nAuthorization: Bearer at\n\n"},
	} {
		r, err := DecodeGoauth(c.url, []byte(c.answer))
		if err != nil || r.First || r.Host.String() != c.host || r.Rejected != c.refused {
			t.Errorf("%s, %q: %+v, %v", c.url, c.answer, r, err)
			continue
		}
		got, err := r.Encode(Credential{Token: " at\n", Expiry: noon})
		if diff := cmp.Diff(c.want, string(got)); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", c.url, err, diff)
		}
	}
}

func TestGoauthFirst(t *testing.T) {
	r, err := DecodeGoauth("", nil)
	if err != nil || *r != (GoauthRequest{First: true}) {
		t.Fatalf("%+v, %v", r, err)
	}
	var hosts []Host
	for _, address := range []string{"example.com:443", "Bücher.example.", "[::1]:8443"} {
		h, err := ParseHost(https, strings.ToLower(address))
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, h)
	}
	got, err := r.Encode(Credential{Token: "at"}, hosts...)
	if want := "https://example.com\nhttps://xn--bcher-kva.example\nhttps://[::1]:8443\n\nAuthorization: Bearer at\n\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := r.Encode(Credential{Token: "at"}); err != nil || got != nil { // a header without a URL is an error for go
		t.Errorf("%q, %v", got, err)
	}
	for _, h := range []Host{{}, {protocol: http, name: "localhost"}, {name: "example.com"}} {
		if got, err := r.Encode(Credential{Token: "at"}, hosts[0], h); err == nil || got != nil {
			t.Errorf("%s: %q", h, got)
		}
	}
	for what, token := range badTokens {
		if got, err := r.Encode(Credential{Token: token}, hosts...); err == nil || got != nil {
			t.Errorf("%s: %q", what, got)
		}
	}
}

func TestGoauthNone(t *testing.T) {
	for _, url := range []string{
		"http://localhost:8080", "http://example.com", "example.com", "https://", "https://user@example.com", "https://example.com\nhttps://evil.example", "https://example.com/\r\n", "https://example.com/../x", "https://example.com/%2e%2e/x", "ssh://example.com", " https://example.com", "https://%65xample.com", " ",
	} {
		r, err := DecodeGoauth(url, nil)
		if err != nil || r.First || r.Host != (Host{}) {
			t.Errorf("%q: %+v, %v", url, r, err)
			continue
		}
		if got, err := r.Encode(Credential{Token: "at"}); err != nil || got != nil {
			t.Errorf("%q: %q, %v", url, got, err)
		}
	}
	for _, answer := range []string{
		"\n", "401 Unauthorized\n\n", "HTTP/1.1 401 Unauthorized", "HTTP/1.1\n\n", "HTTP/1.1 \n\n", "HTTP/1.1 4010 x\n\n", "HTTP/1.1 40\n\n", "HTTP/1.1 abc\n\n", "HTTP/1.1  401\n\n", "HTTP/1.1\t401\n\n", " HTTP/1.1 401 x\n\n", "http/1.1 401 x\n\n", "Date: x\nHTTP/1.1 401 Unauthorized\n\n",
	} {
		if r, err := DecodeGoauth("https://example.com", []byte(answer)); err == nil || r != nil {
			t.Errorf("%q: %+v", answer, r)
		}
	}
}

// parseGoauth reads an answer with the strictness of the go command, and returns
// the headers of each URL.
func parseGoauth(answer string) (map[string][]string, error) {
	all := map[string][]string{}
	for answer != "" {
		block := [2][]string{}
		for part := range block {
			for {
				line, rest, found := strings.Cut(answer, "\n")
				if answer = rest; !found {
					return nil, fmt.Errorf("no empty line at the end of %q", line)
				}
				if line == "" {
					break
				}
				block[part] = append(block[part], line)
			}
		}
		for _, line := range block[0] {
			if u, err := url.ParseRequestURI(line); err != nil || u.Scheme != https || u.Path != "" || u.String() != line {
				return nil, fmt.Errorf("%q is not a URL of a host", line)
			}
			all[line] = block[1]
		}
	}
	return all, nil
}

// FuzzGoauth reads each answer back as the go command does.
func FuzzGoauth(f *testing.F) {
	for _, url := range []string{"", "https://example.com/m", "https://Example.com:443", "https://a\nb", "http://localhost"} {
		f.Add(url, []byte(status("HTTP/2.0 401 Unauthorized")), "at", "example.net")
		f.Add(url, []byte("HTTP/1.1 404\n"), "a\n\nhttps://evil.example", "a\nb")
	}
	f.Fuzz(func(t *testing.T, asked string, answer []byte, token, another string) {
		r, err := DecodeGoauth(asked, answer)
		if err != nil {
			if r != nil || !isClean(err.Error()) {
				t.Fatalf("%+v with %q", r, err)
			}
			return
		}
		if r.Rejected && !strings.Contains(string(answer), " 401") {
			t.Fatalf("refused by %q", answer)
		}
		var hosts []Host
		if h, err := ParseHost(https, another); err == nil {
			hosts = append(hosts, h)
		}
		text, err := r.Encode(Credential{Token: token}, hosts...)
		if err != nil {
			return
		}
		read, err := parseGoauth(string(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for at, headers := range read {
			back, err := DecodeGoauth(at, nil)
			if err != nil || back.Host != r.Host && (len(hosts) == 0 || back.Host != hosts[0]) {
				t.Fatalf("%q is for %q", text, at)
			}
			if diff := cmp.Diff([]string{"Authorization: Bearer " + strings.TrimSpace(token)}, headers); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
