package oauth

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
)

// TestCleaner: a value that was sent is not shown, however a server repeats it.
func TestCleaner(t *testing.T) {
	const secret = `pass/"w0rd"<&>+=ü 5ecret.value-of_a.client`
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	clean := cleaner([]string{"", "abc", "s3cr", "another-value", secret})
	for name, test := range map[string]struct{ text, want string }{
		"nothing was sent":    {"the token has expired", "the token has expired"},
		"as it is":            {"no " + secret + " here", "no … here"},
		"twice":               {secret + secret, "…"},
		"form":                {"no " + url.QueryEscape(secret) + " here", "no … here"},
		"form in lower case":  {"no " + strings.ToLower(url.QueryEscape(secret)) + " here", "no … here"},
		"path":                {"no " + url.PathEscape(secret) + " here", "no … here"},
		"JSON":                {"no " + string(quoted) + " here", `no "…" here`},
		"HTML":                {"no " + html.EscapeString(secret) + " here", "no … here"},
		"in capitals":         {"no " + strings.ToUpper(secret[:12]) + " here", "no … here"},
		"the beginning":       {"no " + secret[:10] + "... here", "no …... here"},
		"the end":             {"no ..." + secret[len(secret)-10:] + " here", "no ...… here"},
		"with control bytes":  {"no " + strings.Join(strings.Split("another-value", ""), "\x00") + " here", "no … here"},
		"with bidi in it":     {"no another-\u202evalue here", "no … here"},
		"a short one":         {"no s3cr here", "no … here"},
		"a very short one":    {"no abc here", "no abc here"},
		"Base64":              {"no " + base64.StdEncoding.EncodeToString([]byte("another-value"))[:16] + " here", "no … here"},
		"at the end of much":  {strings.Repeat("x", 490) + secret, strings.Repeat("x", 490) + "…"},
		"beyond what is read": {strings.Repeat("\x1b", 9000) + secret, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := clean(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	for _, before := range []string{"", "x", "xy", "xyz"} { // the form depends on what is before
		text := base64.URLEncoding.EncodeToString([]byte(before + secret + "&more"))
		if got := clean(text); len(got) > len(text)/3 {
			t.Errorf("after %q: got %s of %s", before, got, text)
		}
	}
	if got := clean(hex.EncodeToString([]byte("unrelated"))); strings.Contains(got, "…") {
		t.Errorf("got %s", got)
	}
}

// TestSentHeaders: what a proxy command or --header adds is a secret, and so is a password.
func TestSentHeaders(t *testing.T) {
	r := &http.Request{Header: http.Header{
		"Accept": {"application/json"}, "User-Agent": {"Go-http-client"}, "X-Api-Key": {"key-canary"}, "Proxy-Authorization": {"Bearer token-canary"},
	}}
	r.SetBasicAuth("machine", "p4ssword")
	clean := Cleaner(&http.Response{Request: r})
	text := "machine p4ssword key-canary token-canary Bearer application/json Go-http-client " + r.Header.Get("Authorization")
	got := clean(text)
	for _, public := range []string{"machine ", " Bearer application/json Go-http-client "} {
		if !strings.Contains(got, public) {
			t.Errorf("%q does not show %q", got, public)
		}
	}
	for _, secret := range []string{"p4ss", "canary", "key", "token", r.Header.Get("Authorization")[6:]} {
		if strings.Contains(got, secret) {
			t.Errorf("%q shows %q", got, secret)
		}
	}
}

// TestUnreachableQuotesNothing: neither a server's bytes nor a proxy's password.
func TestUnreachableQuotesNothing(t *testing.T) {
	for name, err := range map[string]error{
		"an answer that is not HTTP": fmt.Errorf("net/http: HTTP/1.x transport connection broken: malformed HTTP response %q", `canary "refresh_token"`),
		"a header that is none":      textproto.ProtocolError("malformed MIME header line: canary"),
		"HTTP/2":                     fmt.Errorf("http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=%q", "canary"),
		"a proxy's URL":              fmt.Errorf("invalid proxy address %q: parse %q: net/url: invalid userinfo", "http://u:canary@p", "http://u:canary@p"),
	} {
		got := Unreachable(t.Context(), "id.example", &url.Error{Op: "Post", URL: "https://id.example/?canary", Err: err})
		if strings.Contains(got.Error(), "canary") || !strings.Contains(got.Error(), "id.example") || ClassOf(got) != ClassTemporary {
			t.Errorf("%s: got %v", name, got)
		}
	}
	cause := errors.New("x509: certificate is not standards compliant")
	if got := Unreachable(t.Context(), "id.example", cause); !strings.Contains(got.Error(), cause.Error()) {
		t.Errorf("got %v", got)
	}
}

func TestCheckHeader(t *testing.T) {
	for _, header := range [][2]string{{"X-Api-Key", "canary value"}, {"x-api-key", ""}, {"Proxy-Authorization", "Bearer x"}, {"User-Agent", "x"}, {"X-Umlaut", "ü\tb"}} {
		if err := CheckHeader(header[0], header[1]); err != nil {
			t.Errorf("%q: %v", header, err)
		}
	}
	for _, header := range [][2]string{
		{"X-Api-Key", "canary\n"}, {"X-Api-Key", "canary\r\nHost: evil"}, {"X-Api-Key", "canary\x00"}, {"X-Api-Key", "canary\x7f"},
		{"", "canary"}, {"X Api", "canary"}, {"X:", "canary"}, {"X-\u202e", "canary"}, {"X\n", "canary"},
		{"Host", "canary"}, {"host", "canary"}, {"content-length", "canary"}, {"Transfer-Encoding", "canary"},
	} {
		err := CheckHeader(header[0], header[1])
		e := AsError(err)
		if e == nil || e.Class != ClassConfig || e.Setting != "header" || strings.Contains(e.Problem, "canary") || Printable(e.Problem) != e.Problem {
			t.Errorf("%q: got %v", header, err)
		}
	}
}
