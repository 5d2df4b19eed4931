package flyte

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

func TestParseEndpoint(t *testing.T) {
	for text, want := range map[string]Endpoint{
		"flyte.example.com":                  {Host: "flyte.example.com"},
		"Flyte.Example.COM:8089":             {Host: "flyte.example.com:8089"},
		"dns:///flyte.example.com":           {Host: "flyte.example.com"},
		"dns:///flyte.example.com:443/":      {Host: "flyte.example.com:443"},
		"https://flyte.example.com/":         {Host: "flyte.example.com"},
		"HTTPS://FLYTE.example.com/Console/": {Host: "flyte.example.com", Path: "/Console"},
		"http://localhost:30080":             {Host: "localhost:30080", Plaintext: true},
		"HTTP://localhost:30080//":           {Host: "localhost:30080", Plaintext: true},
		"localhost:30080":                    {Host: "localhost:30080"},
		"  flyte.example.com \n":             {Host: "flyte.example.com"},
		"10.0.0.1:30080":                     {Host: "10.0.0.1:30080"},
		"[::1]:30080":                        {Host: "[::1]:30080"},
		"https://[::1]/a/b":                  {Host: "[::1]", Path: "/a/b"},
		"flyte.example.com/a%20b":            {Host: "flyte.example.com", Path: "/a%20b"},
		"flyte.example.com/a%3Fb":            {Host: "flyte.example.com", Path: "/a%3Fb"},
	} {
		got, err := ParseEndpoint(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n-want +got:\n%s", text, err, diff)
		}
		if again, err := ParseEndpoint(got.String()); again != got || err != nil {
			t.Errorf("%q is written %q, which is read as %+v: %v", text, got, again, err)
		}
	}
}

func TestNoEndpoint(t *testing.T) {
	for _, text := range []string{
		"", " ", "https://", "http://", "dns:///", "/", ":443", "https://:443", "flyte.example.com:", "flyte.example.com:https", "flyte.example.com:443:443",
		"ftp://flyte.example.com", "grpc://flyte.example.com", "unix:///run/flyte", "alice@flyte.example.com", "https://alice:secret@flyte.example.com",
		"flyte.example.com?a=b", "https://flyte.example.com/#a", "flyte example.com", "flyte.example.com\x00", "fly\nte.example.com", "[::1", "::1", "%", "[fe80::1%25eth0]:443",
		"https://https://flyte.example.com", "dns:///dns:///flyte.example.com", "flyte.example.com:99999",
		"flyte.еxample.com", "flyte.example.com。evil.example", "flyte.example.com／evil.example", "http://büro.example",
	} {
		got, err := ParseEndpoint(text)
		e := oauth.AsError(err)
		if e == nil || e.Class != oauth.ClassConfig || e.Setting != "endpoint" || got != (Endpoint{}) {
			t.Errorf("%q is %+v, %v", text, got, err)
			continue
		}
		if strings.ContainsAny(strings.ReplaceAll(err.Error(), `\x00`, ""), "\x00\n") {
			t.Errorf("%q: the error is not fit for a terminal: %q", text, err)
		}
	}
}

func TestLoopback(t *testing.T) {
	for text, want := range map[string]bool{
		"localhost": true, "LOCALHOST:30080": true, "127.0.0.1": true, "127.9.9.9:1": true, "[::1]": true, "[::1]:1": true, "http://localhost:1/a": true,
		"flyte.example.com": false, "localhost.example.com": false, "10.0.0.1:1": false, "[fe80::1]": false, "127.0.0.1.example.com": false, "0.0.0.0": false,
	} {
		if got := endpointOf(t, text).loopback(); got != want {
			t.Errorf("%s is on loopback: %t", text, got)
		}
	}
}

// FuzzParseEndpoint: what is read has one form, and that is read as the same.
func FuzzParseEndpoint(f *testing.F) {
	for _, seed := range []string{"flyte.example.com", "dns:///a:1", "http://[::1]:1/a%20b?", "https://A/#", "a//", "☃.example/%3f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseEndpoint(text)
		if err != nil {
			return
		}
		if again, err := ParseEndpoint(e.String()); err != nil || again != e {
			t.Fatalf("%q is %+v, written %q, which is %+v: %v", text, e, e, again, err)
		}
	})
}
