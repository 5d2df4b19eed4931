package execcred

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBazel(t *testing.T) {
	for _, c := range []struct {
		text, host string
		expiry     time.Time
		want       string
	}{
		{`{"uri":"https://api.example.org/rest/endpoint"}`, "https://api.example.org", time.Time{}, `{"headers":{"Authorization":["Bearer at"]}}`},
		{`{"uri":"https://api.example.org/a?b=%2f#c"}` + "\n", "https://api.example.org", noon, `{"headers":{"Authorization":["Bearer at"]},"expires":"2026-03-01T12:00:00Z"}`},
		{`{"grease":{"uri":"https://evil.example"},"uri":"grpcs://api.example.org/pkg.Svc/Method","more":[]}`, "https://api.example.org", noon.Add(time.Second - 1).In(time.FixedZone("CET", 3600)), `{"headers":{"Authorization":["Bearer at"]},"expires":"2026-03-01T12:00:00Z"}`},
		{`{"uri":"grpc://localhost:8980"}`, "http://localhost:8980", time.Time{}, `{"headers":{"Authorization":["Bearer at"]}}`},
		{`{"uri":"GRPCS://API.example.org:443"}`, "https://api.example.org", time.Time{}, `{"headers":{"Authorization":["Bearer at"]}}`},
		{`{"uri":"https:\/\/api.example.org"}`, "https://api.example.org", time.Time{}, `{"headers":{"Authorization":["Bearer at"]}}`},
		{`{"uri":"https://a.example","uri":"https://a.example"}`, "https://a.example", time.Time{}, `{"headers":{"Authorization":["Bearer at"]}}`},
	} {
		r, err := DecodeBazel([]byte(c.text))
		if err != nil || r.Host.String() != c.host {
			t.Errorf("%s: %+v, %v", c.text, r, err)
			continue
		}
		got, err := r.Encode(Credential{Token: "at", Expiry: c.expiry})
		if diff := cmp.Diff(c.want+"\n", string(got)); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", c.text, err, diff)
		}
	}
	if BazelNone != "{}\n" {
		t.Errorf("%q", BazelNone)
	}
}

func TestBazelNone(t *testing.T) {
	for _, uri := range []string{
		"a", "a.example", "//a.example", "file:///etc/passwd", "s3://bucket/a", "https://", "https://user:pw@a.example", "https://a.example@evil.example", "https://a.example/../b", "https://a.example/%2e%2e/b", "https://a.example/@scope%2fname", "https://a.example\\u000aevil", "https://a.example/\\u0000", "unix:/a", "grpcs:a.example", "https://*.example.com",
	} {
		if r, err := DecodeBazel([]byte(`{"uri":"` + uri + `"}`)); err != nil || r.Host != (Host{}) {
			t.Errorf("%s: %+v, %v", uri, r, err)
		}
	}
}

func TestMalformedBazel(t *testing.T) {
	for _, text := range []string{
		"", " ", "{}", "null", "[]", `"https://a.example"`, `{"uri":""}`, `{"uri":null}`, `{"uri":5}`, `{"uri":["https://a.example"]}`, `{"uri":"https://a.example"`, `{"uri":"https://a.example"}x`, `{"uri":"https://a.example"}{"uri":"https://b.example"}`,
		`{"uri":"https://a.example","uri":"https://b.example"}`, `{"uri":"https://a.example","URI":"https://b.example"}`, "{\"uri\":\"https://a.example\n\"}", "https://a.example", "\ufeff{}",
	} {
		if r, err := DecodeBazel([]byte(text)); err == nil || r != nil || !isClean(err.Error()) {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	for what, token := range badTokens {
		if got, err := (&BazelRequest{}).Encode(Credential{Token: token}); err == nil || got != nil {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// FuzzBazel reads each answer back as Bazel does.
func FuzzBazel(f *testing.F) {
	for _, text := range []string{`{"uri":"https://api.example.org/rest/endpoint"}`, `{"uri":"grpcs://a:1/b"}`, `{"uri":"a","URI":"b"}`, "{}"} {
		f.Add([]byte(text), "at", int64(1800000000))
		f.Add([]byte(text), "a\"\\\n", int64(0))
	}
	f.Fuzz(func(t *testing.T, text []byte, token string, expiry int64) {
		r, err := DecodeBazel(text)
		if err != nil {
			if r != nil || !isClean(err.Error()) {
				t.Fatalf("%+v with %q", r, err)
			}
			return
		}
		if r.Host != (Host{}) {
			checkHost(t, r.Host)
		}
		at := time.Unix(expiry%(1<<37), 1)
		answer, err := r.Encode(Credential{Token: token, Expiry: at})
		if err != nil {
			return
		}
		var read struct {
			Headers map[string][]string
			Expires string
		}
		decoder := json.NewDecoder(strings.NewReader(string(answer)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&read); err != nil || strings.Count(string(answer), "\n") != 1 {
			t.Fatalf("%q: %v", answer, err)
		}
		if diff := cmp.Diff(map[string][]string{"Authorization": {"Bearer " + strings.TrimSpace(token)}}, read.Headers); diff != "" {
			t.Fatal(diff)
		}
		if got, err := time.Parse("2006-01-02T15:04:05Z", read.Expires); err != nil || got.Unix() != at.Unix() {
			t.Fatalf("%s expires at %s, %v", answer, got, err)
		}
	})
}
