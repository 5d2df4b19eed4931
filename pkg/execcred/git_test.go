package execcred

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	helloPrint = "2cf24dba5fb0a30e" // the first 8 bytes of the SHA-256 of "hello"
	gitHost    = "protocol=https\nhost=git.example.com\n"
	gitNew     = "capability[]=authtype\ncapability[]=state\n" + gitHost
)

var gitExpiry = time.Unix(1800000000, 999)

func TestGit(t *testing.T) {
	for _, c := range []struct {
		name, text string
		scheme     GitScheme
		username   string
		want       string
	}{
		{"git before 2.46", gitHost, GitAuto, "", "username=oauth2\npassword=hello\npassword_expiry_utc=1800000000\n"},
		{"git before 2.46 cannot do Bearer", gitHost + "wwwauth[]=Bearer\n", GitBearer, "", "username=oauth2\npassword=hello\npassword_expiry_utc=1800000000\n"},
		{"no last line feed", strings.TrimSpace(gitHost), GitAuto, "x-access-token", "username=x-access-token\npassword=hello\npassword_expiry_utc=1800000000\n"},
		{"after the blank line is nothing", gitHost + "\nhost=evil.example\n\x00", GitAuto, "", "username=oauth2\npassword=hello\npassword_expiry_utc=1800000000\n"},
		{"Bearer is offered", gitNew + "wwwauth[]=Basic realm=\"x\"\nwwwauth[]=bEARER realm=\"x\"\n", GitAuto, "", "capability[]=authtype\ncapability[]=state\nauthtype=Bearer\ncredential=hello\nephemeral=1\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\ncontinue=1\n"},
		{"the zero scheme is auto", gitNew + "wwwauth[]=Bearer\n", "", "", "capability[]=authtype\ncapability[]=state\nauthtype=Bearer\ncredential=hello\nephemeral=1\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\ncontinue=1\n"},
		{"Bearer is not offered", gitNew + "wwwauth[]=Basic realm=\"Bearer\"\nwwwauth[]=BearerX\nwwwauth[]=Negotiate\n", GitAuto, "", "capability[]=state\nusername=oauth2\npassword=hello\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\ncontinue=1\n"},
		{"Bearer as it is set", gitNew, GitBearer, "", "capability[]=authtype\ncapability[]=state\nauthtype=Bearer\ncredential=hello\nephemeral=1\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\ncontinue=1\n"},
		{"Basic as it is set", gitNew + "wwwauth[]=Bearer\n", GitBasic, "me", "capability[]=state\nusername=me\npassword=hello\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\ncontinue=1\n"},
		{"only authtype", "capability[]=authtype\n" + gitHost + "wwwauth[]=Bearer\n", GitAuto, "", "capability[]=authtype\nauthtype=Bearer\ncredential=hello\nephemeral=1\npassword_expiry_utc=1800000000\n"},
		{"only state", "capability[]=state\n" + gitHost + "wwwauth[]=Bearer\n", GitAuto, "", "capability[]=state\nusername=oauth2\npassword=hello\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\ncontinue=1\n"},
		{"asked again", gitNew + "wwwauth[]=Bearer\nstate[]=other:1:x\nstate[]=flyte:1:0011223344556677\nstate[]=another\n", GitAuto, "", "capability[]=authtype\ncapability[]=state\nauthtype=Bearer\ncredential=hello\nephemeral=1\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\n"},
		{"another helper's state", gitNew + "wwwauth[]=Bearer\nstate[]=other:flyte:1:x\nstate[]=flyte:2:x\n", GitAuto, "", "capability[]=authtype\ncapability[]=state\nauthtype=Bearer\ncredential=hello\nephemeral=1\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\ncontinue=1\n"},
		{"cleared arrays", gitNew + "wwwauth[]=Bearer\nwwwauth[]=\nstate[]=flyte:1:00\nstate[]=\ncapability[]=\ncapability[]=state\n", GitBearer, "", "capability[]=state\nusername=oauth2\npassword=hello\npassword_expiry_utc=1800000000\nstate[]=flyte:1:" + helloPrint + "\ncontinue=1\n"},
		{"grease", "grease=\n=x\nwwwauth=Bearer\nstate=flyte:1:00\ncapability=authtype\nhost[]=evil.example\nHOST=evil.example\n" + gitHost + "grease[]=a=b\noauth_refresh_token=secret\ncontinue=1\nquit=1\n", GitBearer, "", "username=oauth2\npassword=hello\npassword_expiry_utc=1800000000\n"},
		{"the same said twice", gitHost + gitHost + "username=a\nusername=b\n", GitAuto, "", "username=oauth2\npassword=hello\npassword_expiry_utc=1800000000\n"},
	} {
		r, err := DecodeGit([]byte(c.text))
		if err != nil || r.Host.String() != "https://git.example.com" {
			t.Errorf("%s: %+v, %v", c.name, r, err)
			continue
		}
		got, err := r.Encode(Credential{Token: " hello\n", Expiry: gitExpiry, Username: c.username}, c.scheme)
		if diff := cmp.Diff(c.want, string(got)); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
		without, err := r.Encode(Credential{Token: "hello", Username: c.username}, c.scheme)
		if want := strings.Replace(c.want, "password_expiry_utc=1800000000\n", "", 1); err != nil || string(without) != want {
			t.Errorf("%s, expiry not known: %q, %v", c.name, without, err)
		}
	}
}

func TestGitHost(t *testing.T) {
	for text, want := range map[string][2]string{
		"protocol=https\nhost=Git.Example.com.:443\npath=a/b.git\nusername=me\n": {"https://git.example.com", "me"},
		"host=localhost:8080\nprotocol=http\n":                                   {"http://localhost:8080", ""},
		"protocol=https\nhost=[::1]\n":                                           {"https://[::1]", ""},
		"protocol=ssh\nhost=git.example.com\n":                                   {"", ""},
		"protocol=https\nhost=user@git.example.com\n":                            {"", ""},
		"protocol=https\nhost=git.example.com/x\n":                               {"", ""},
		"url=https://git.example.com\n":                                          {"https://git.example.com", ""},
		"url=https://me:pw@git.example.com:8443/a/b.git\n":                       {"https://git.example.com:8443", "me"},
		"url=https://m%65%40x@git.example.com/%20?x#y\n":                         {"https://git.example.com", "me@x"},
		"username=me\nurl=https://git.example.com\n":                             {"https://git.example.com", ""},
		gitHost + "username=you\nurl=https://me@git.example.com\n":               {"https://git.example.com", "me"},
		"url=https://me@you@git.example.com\n":                                   {"", "me"},
		"url=https://git.example.com%2fx\n":                                      {"", ""},
		"url=https://git.example.com%40evil.example\n":                           {"", ""},
	} {
		r, err := DecodeGit([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if r.Host == (Host{}) && want[0] != "" || r.Host != (Host{}) && r.Host.String() != want[0] || r.Username != want[1] {
			t.Errorf("%q: %s of %q", text, r.Host, r.Username)
		}
	}
}

func TestMalformedGit(t *testing.T) {
	for name, text := range map[string]string{
		"CVE-2020-5260, decoded":              "url=https://evil.example?%0ahost=git.example.com\nhost=git.example.com\n",
		"CVE-2020-5260, in the host":          "url=https://evil.example%0ahost=git.example.com/\n",
		"CVE-2020-5260, in the user name":     "url=https://a%0ahost=git.example.com@evil.example/\n",
		"CVE-2020-5260, in the path":          "url=https://evil.example/%0ahost=git.example.com\n",
		"CVE-2020-11008, no protocol":         "host=git.example.com\n",
		"CVE-2020-11008, empty protocol":      "protocol=\nhost=git.example.com\n",
		"CVE-2020-11008, no host":             "protocol=https\n",
		"CVE-2020-11008, empty host":          "protocol=https\nhost=\n",
		"CVE-2020-11008, nothing":             "",
		"CVE-2020-11008, URL without a host":  "url=https:///a\n",
		"CVE-2020-11008, host after an empty": "protocol=https\nhost=\nhost=git.example.com\n",
		"CVE-2024-52006":                      "protocol=https\nhost=evil.example\rhost=git.example.com\n",
		"CVE-2024-50338":                      "protocol=https\r\nhost=git.example.com\r\n",
		"CVE-2025-23040":                      gitHost + "wwwauth[]=Bearer\rhost=evil.example\n",
		"CVE-2024-52006, last byte":           gitHost + "username=a\r",
		"CVE-2024-52006, in the key":          gitHost + "a\rb=c\n",
		"CVE-2024-52006, unknown key":         gitHost + "grease=a\rb\n",
		"CVE-2024-50349, host":                "protocol=https\nhost=git.example.com\x1b[2K\n",
		"CVE-2024-50349, user name":           gitHost + "username=\x1b]0;x\x07\n",
		"CVE-2024-50349, protocol":            "protocol=https\x08\nhost=git.example.com\n",
		"CVE-2024-50349, path":                gitHost + "path=a\x7fb\n",
		"CVE-2024-53263":                      "url=https://evil.example%0d%0ahost=git.example.com\n",
		"CVE-2024-53263, NUL":                 "url=https://git.example.com%00.evil.example\n",
		"CVE-2024-53263, password":            "url=https://a:b%0a@git.example.com\n",
		"NUL":                                 gitHost + "grease=\x00\n",
		"two hosts":                           gitHost + "host=evil.example\n",
		"two protocols":                       gitHost + "protocol=http\n",
		"a URL of another host":               gitHost + "url=https://evil.example\n",
		"another host than the URL's":         "url=https://evil.example\n" + gitHost,
		"another protocol than the URL's":     "url=http://git.example.com\nprotocol=https\n",
		"no URL":                              gitHost + "url=git.example.com\n",
		"a broken URL":                        "url=https://git.example.com/%2\n",
		"path up":                             gitHost + "path=a/../b\n",
		"path up, encoded":                    gitHost + "path=a/%2E%2e/b\n",
		"path up, encoded twice":              "url=https://git.example.com/a/%252e%252e/b\n",
		"path with an encoded slash":          gitHost + "path=a%2fb\n",
		"a line without =":                    gitHost + "grease\n",
		"a long line":                         gitHost + "a=" + strings.Repeat("x", 1<<16-2) + "\n",
		"257 lines":                           gitHost + strings.Repeat("wwwauth[]=x\n", 255),
		"more than a megabyte":                gitHost + "\n" + strings.Repeat("x", 1<<20),
	} {
		r, err := DecodeGit([]byte(text))
		if err == nil {
			t.Errorf("%s: %+v", name, r)
			continue
		}
		if r != nil || !isClean(err.Error()) || len(err.Error()) > 600 {
			t.Errorf("%s: %q does not stand alone on a line", name, err)
		}
	}
	for name, text := range map[string]string{
		"a line that just fits": gitHost + "a=" + strings.Repeat("x", 1<<16-3) + "\n",
		"256 lines":             gitHost + strings.Repeat("wwwauth[]=x\n", 254),
	} {
		if _, err := DecodeGit([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What git's own tests have a helper say and hear, in t5563 and t0300.
func TestGitExchange(t *testing.T) {
	token := base64.StdEncoding.EncodeToString([]byte("a-git-token"))
	asked := "capability[]=authtype\ncapability[]=state\nprotocol=http\nhost=127.0.0.1:5563\nwwwauth[]=FooBar param1=\"value1\" param2=\"value2\"\nwwwauth[]=Bearer authorize_uri=\"id.example.com\" p=1 q=0\nwwwauth[]=Basic realm=\"example.com\"\n"
	r, err := DecodeGit([]byte(asked))
	if err != nil || r.Host.String() != "http://127.0.0.1:5563" {
		t.Fatalf("%+v, %v", r, err)
	}
	answer, err := r.Encode(Credential{Token: token}, GitAuto)
	if err != nil || !strings.HasPrefix(string(answer), "capability[]=authtype\n") || !strings.Contains(string(answer), "\nauthtype=Bearer\ncredential=YS1naXQtdG9rZW4=\n") || strings.Contains(string(answer), "password=") {
		t.Fatalf("%q, %v", answer, err)
	}

	// 200: git stores what it was given.
	stored, err := DecodeGit([]byte("capability[]=authtype\nauthtype=Bearer\ncredential=YS1naXQtdG9rZW4=\nprotocol=http\nhost=127.0.0.1:5563\n"))
	if err != nil || !stored.HasCredential(Credential{Token: token}) {
		t.Errorf("%+v, %v", stored, err)
	}

	// 401: git shows the state once more.
	_, state, _ := strings.Cut(string(answer), "state[]=")
	state, _, _ = strings.Cut(state, "\n")
	again, err := DecodeGit([]byte(asked + "state[]=" + state + "\n"))
	if err != nil || !again.Rejected(Credential{Token: token}) || again.Rejected(Credential{Token: "another"}) || r.Rejected(Credential{Token: token}) {
		t.Errorf("%+v, %v", again, err)
	}
	if answer, err := again.Encode(Credential{Token: "another"}, GitAuto); err != nil || strings.Contains(string(answer), "continue") {
		t.Errorf("git would ask without end: %q, %v", answer, err)
	}
	if GitQuit != "quit=1\n" || GitCapabilities != "version 0\ncapability authtype\ncapability state\n" {
		t.Error("git stops at another word")
	}
}

// Erase means a token that it has, to the byte.
func TestGitGiven(t *testing.T) {
	for text, want := range map[string]bool{
		"username=oauth2\npassword=hello\n":                  true,
		"authtype=Bearer\ncredential=hello\n":                true,
		"password=other\ncredential=hello\n":                 true,
		"":                                                   false,
		"username=hello\n":                                   false,
		"password=\ncredential=\n":                           false,
		"password=hell\n":                                    false,
		"password=hello2\n":                                  false,
		"password=Hello\n":                                   false,
		"password=hello \n":                                  false,
		"password=other\n":                                   false,
		"password=hello\npassword=other\n":                   false,
		"password=hello\nurl=https://git.example.com\n":      false,
		"url=https://oauth2:hello@git.example.com/a\n":       true,
		"oauth_refresh_token=hello\nstate[]=flyte:1:hello\n": false,
	} {
		r, err := DecodeGit([]byte(gitHost + text))
		if err != nil || r.HasCredential(Credential{Token: "hello"}) != want || r.HasCredential(Credential{}) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestGitRefused(t *testing.T) {
	for state, want := range map[string]bool{
		"flyte:1:" + helloPrint: true, "flyte:1:" + helloPrint + "0": false, "flyte:1:" + helloPrint[:8]: false, "flyte:1:": false, "flyte:2:" + helloPrint: false, helloPrint: false, "flyte:1:hello": false,
	} {
		r, err := DecodeGit([]byte(gitNew + "state[]=" + state + "\n"))
		if err != nil || r.Rejected(Credential{Token: "hello"}) != want || r.Rejected(Credential{}) {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// badUsernames would be more than a name.
var badUsernames = []string{"a:b", "a\nb", "a\r", "a\x00", "\x1b[2K", "a\x7f", "\xff"}

func TestGitBadAnswer(t *testing.T) {
	r, err := DecodeGit([]byte(gitNew))
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range badTokens {
		if got, err := r.Encode(Credential{Token: token}, GitAuto); err == nil || got != nil {
			t.Errorf("%s: %q", what, got)
		}
	}
	for _, username := range badUsernames {
		if got, err := r.Encode(Credential{Token: "at", Username: username}, GitAuto); err == nil || got != nil || !isClean(err.Error()) {
			t.Errorf("%q: %q, %v", username, got, err)
		}
	}
}

// FuzzGit reads each answer back as git does, and what git would then say.
func FuzzGit(f *testing.F) {
	for _, text := range []string{gitHost, gitNew + "wwwauth[]=Bearer\nstate[]=flyte:1:00\n", "url=https://a:b@git.example.com/x%0ay\n", "protocol=https\r\nhost=x\x00\n"} {
		f.Add(text, "hello", "", "auto")
		f.Add(text, "a\nhost=evil.example", "a\nb", "bearer")
	}
	f.Fuzz(func(t *testing.T, text, token, username, scheme string) {
		r, err := DecodeGit([]byte(text))
		if err != nil {
			if r != nil || !isClean(err.Error()) {
				t.Fatalf("%+v with %q", r, err)
			}
			return
		}
		head, _, _ := strings.Cut(text, "\n\n")
		if strings.ContainsAny(head, "\r\x00") {
			t.Fatalf("taken: %q", text)
		}
		if r.Host != (Host{}) {
			checkHost(t, r.Host)
		}
		c := Credential{Token: token, Expiry: gitExpiry}
		answer, err := r.Encode(c, GitScheme(scheme))
		if err != nil {
			if answer != nil || !isClean(err.Error()) {
				t.Fatalf("%q with %q", answer, err)
			}
			return
		}
		checkGitAnswer(t, r, c, string(answer))
	})
}

func checkGitAnswer(t *testing.T, r *GitRequest, c Credential, answer string) {
	t.Helper()
	known := " capability[] authtype credential ephemeral username password password_expiry_utc state[] continue "
	for line := range strings.Lines(answer) {
		key, value, found := strings.Cut(line, "=")
		value, ended := strings.CutSuffix(value, "\n")
		if !found || !ended || !strings.Contains(known, " "+key+" ") || !isClean(value) || value == "" {
			t.Fatalf("the line %q in %q", line, answer)
		}
	}
	if n := strings.Count("\n"+answer, "\n"); n > 9 {
		t.Fatalf("%d lines: %q", n, answer)
	}
	if basic, bearer := strings.Contains("\n"+answer, "\npassword="), strings.Contains("\n"+answer, "\ncredential="); basic == bearer || bearer && !r.authtype {
		t.Fatalf("%+v: %q", r, answer)
	}
	back, err := DecodeGit(fmt.Append([]byte(gitHost), answer))
	if err != nil || !back.HasCredential(c) || r.state && !back.Rejected(c) {
		t.Fatalf("%q is read back as %+v, %v", answer, back, err)
	}
}
