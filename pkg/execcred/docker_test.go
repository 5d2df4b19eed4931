package execcred

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocker(t *testing.T) {
	for _, c := range []struct{ text, host, username, want string }{
		{"https://registry.example.com/v1", "https://registry.example.com", "foo", `{"ServerURL":"https://registry.example.com/v1","Username":"foo","Secret":"at"}`},
		{"https://example.com:5002\n", "https://example.com:5002", DockerIdentityToken, `{"ServerURL":"https://example.com:5002","Username":"\u003ctoken\u003e","Secret":"at"}`},
		{"registry.example.com", "registry.example.com", "", `{"ServerURL":"registry.example.com","Username":"oauth2","Secret":"at"}`},
		{" registry.example.com:5000 \r\n", "registry.example.com:5000", "", `{"ServerURL":"registry.example.com:5000","Username":"oauth2","Secret":"at"}`},
		{"registry.example.com:5000/repo/name", "registry.example.com:5000", "", `{"ServerURL":"registry.example.com:5000/repo/name","Username":"oauth2","Secret":"at"}`},
		{"https://index.docker.io/v1/", "https://index.docker.io", "", `{"ServerURL":"https://index.docker.io/v1/","Username":"oauth2","Secret":"at"}`},
		{"http://registry.lan:5000", "http://registry.lan:5000", "", `{"ServerURL":"http://registry.lan:5000","Username":"oauth2","Secret":"at"}`},
		{"[::1]:5000", "[::1]:5000", "", `{"ServerURL":"[::1]:5000","Username":"oauth2","Secret":"at"}`},
		{"localhost", "localhost", "", `{"ServerURL":"localhost","Username":"oauth2","Secret":"at"}`},
	} {
		r, err := DecodeDocker([]byte(c.text))
		if err != nil || r.Host.String() != c.host {
			t.Errorf("%q: %+v, %v", c.text, r, err)
			continue
		}
		got, err := r.Encode(Credential{Token: "at", Expiry: noon, Username: c.username})
		if diff := cmp.Diff(c.want+"\n", string(got)); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", c.text, err, diff)
		}
	}
}

// What is not a server gets docker's word for none, which has its clients go on.
func TestDockerNone(t *testing.T) {
	for _, text := range []string{
		"https://", "https:///v1/", "ssh://a", "unix:///a", "user@a", "https://user:pw@a", "a b", "a\nb", "a\r\nb", "a\x00", "\x1b[2Ka", "a/../b", "a/%2e%2e/b", "a/%2Fb", "a:0", "a:99999", "/a", "?a", "//a", "*", "*.example.com", "127.1", "\xff", "a/\xff", "a://b", "a/https://b", "{}", strings.Repeat("a", 1<<16),
	} {
		r, err := DecodeDocker([]byte(text))
		if err != nil || r.Host != (Host{}) {
			t.Errorf("%.80q: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "\n", " \t\r\n "} {
		if r, err := DecodeDocker([]byte(text)); !errors.Is(err, ErrDockerNoServer) || r != nil {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
}

func TestDockerStore(t *testing.T) {
	const refused = "the credentials to store are not docker's JSON"
	for text, want := range map[string]string{
		`{"ServerURL":"https://a.example/v1/","Username":"foo","Secret":"bar"}` + "\n": "https://a.example",
		`{"ServerURL":"a.example","Username":"foo"}`:                                   "a.example",
		`{"ServerURL":"a.example","Username":"foo","Secret":"","Grease":[1]}`:          "a.example",
		`{"ServerURL":"","Username":"foo","Secret":"bar"}`:                             "no credentials server URL",
		`{"Username":"foo","Secret":"bar"}`:                                            "no credentials server URL",
		`{}`:                                                                           "no credentials server URL",
		`null`:                                                                         "no credentials server URL",
		`{"ServerURL":"a.example","Username":"","Secret":"bar"}`:                       "no credentials username",
		`{"ServerURL":"a.example","Secret":"bar"}`:                                     "no credentials username",
		`{"ServerURL":"a.example","Username":"foo","serverurl":"b.example"}`:           refused,
		`{"ServerURL":"a.example","Username":"foo"}{}`:                                 refused,
		`{"ServerURL":5}`:                                                              refused,
		`{"ServerURL":"a.example","Username":"foo","Secret":"bar`:                      refused,
		`[]`:        refused,
		`a.example`: refused,
		``:          refused,
	} {
		r, err := DecodeDockerStore([]byte(text))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = r.Host.String()
		}
		if got != want || err != nil && r != nil {
			t.Errorf("%s: %q, not %q", text, got, want)
		}
	}
}

// The sentences by which docker's clients tell one error from another.
func TestDockerSentences(t *testing.T) {
	for err, want := range map[error]string{
		ErrDockerNotFound: "credentials not found in native keychain", ErrDockerNoServer: "no credentials server URL", ErrDockerNoUsername: "no credentials username",
	} {
		if err.Error() != want {
			t.Errorf("%q is not %q", err, want)
		}
	}
}

func TestDockerList(t *testing.T) {
	for _, c := range []struct {
		patterns string
		username string
		want     string
	}{
		{"", "", "{}"},
		{"a.example localhost:5000 http://registry.lan", "", `{"a.example":"oauth2","localhost:5000":"oauth2","registry.lan":"oauth2"}`},
		{"[::1]:5000", DockerIdentityToken, `{"[::1]:5000":"\u003ctoken\u003e"}`},
	} {
		usernames := map[Host]string{}
		for _, pattern := range strings.Fields(c.patterns) {
			p, err := ParsePattern(pattern)
			if err != nil {
				t.Fatal(err)
			}
			h, _ := p.Host()
			usernames[h] = c.username
		}
		got, err := EncodeDockerList(usernames)
		if err != nil || string(got) != c.want+"\n" {
			t.Errorf("%s: %s%v", c.patterns, got, err)
		}
		var listed map[string]string
		if err := json.Unmarshal(got, &listed); err != nil {
			t.Fatal(err)
		}
		for pattern := range strings.FieldsSeq(c.patterns) { // docker asks for what is on the list
			p, _ := ParsePattern(pattern)
			served := false
			for server := range listed {
				r, err := DecodeDocker([]byte(server))
				served = served || err == nil && p.Matches(r.Host)
			}
			if !served {
				t.Errorf("%s: nothing on the list gets a token of %s", got, pattern)
			}
		}
	}
	if got, err := EncodeDockerList(nil); err != nil || string(got) != "{}\n" {
		t.Errorf("%s%v", got, err)
	}
	if got := string(EncodeDockerVersion("example.com/m", "v1.2.3")); got != "docker-credential-flyte (example.com/m) v1.2.3\n" {
		t.Errorf("%q", got)
	}
}

func TestDockerBadAnswer(t *testing.T) {
	r, err := DecodeDocker([]byte("a.example"))
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range badTokens {
		if got, err := r.Encode(Credential{Token: token}); err == nil || got != nil {
			t.Errorf("%s: %q", what, got)
		}
	}
	for _, username := range badUsernames {
		if got, err := r.Encode(Credential{Token: "at", Username: username}); err == nil || got != nil {
			t.Errorf("%q: %q", username, got)
		}
		if got, err := EncodeDockerList(map[Host]string{r.Host: username}); err == nil || got != nil {
			t.Errorf("%q: %q", username, got)
		}
	}
}

// FuzzDocker reads each answer back as docker does.
func FuzzDocker(f *testing.F) {
	for _, text := range []string{"https://registry.example.com/v1", "registry.example.com:5000/a", "a\nb", `{"ServerURL":"a","Username":"b","Secret":"c"}`, "a/\xff"} {
		f.Add([]byte(text), "at", "")
		f.Add([]byte(text), "a\"\\<>&", DockerIdentityToken)
	}
	f.Fuzz(func(t *testing.T, text []byte, token, username string) {
		for _, decode := range []func([]byte) (*DockerRequest, error){DecodeDocker, DecodeDockerStore} {
			r, err := decode(text)
			if err != nil {
				if r != nil || !isClean(err.Error()) {
					t.Fatalf("%+v with %q", r, err)
				}
				continue
			}
			if r.Host == (Host{}) {
				continue
			}
			if r.Host.protocol != "" {
				checkHost(t, r.Host)
			}
			answer, err := r.Encode(Credential{Token: token, Username: username})
			if err != nil {
				continue
			}
			var read struct{ ServerURL, Username, Secret string }
			if err := json.Unmarshal(answer, &read); err != nil || strings.Count(string(answer), "\n") != 1 {
				t.Fatalf("%q: %v", answer, err)
			}
			again, err := DecodeDocker([]byte(read.ServerURL))
			if err != nil || again.Host != r.Host || read.Secret != strings.TrimSpace(token) || read.Username != username && username != "" || read.Username == "" {
				t.Fatalf("%q is read back as %+v, %+v", answer, read, again)
			}
		}
	})
}
