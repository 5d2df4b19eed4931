package execcred

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func TestTokenForms(t *testing.T) {
	c := Credential{Token: "at-1", Expiry: noon.Add(time.Millisecond)}
	for _, test := range []struct {
		form         Form
		header, want string
	}{
		{Bare, "", "at-1\n"},
		{"", "", "at-1\n"},
		{Header, "", "Authorization: Bearer at-1\n"},
		{Header, "flyte-authorization", "flyte-authorization: Bearer at-1\n"},
		{HeaderValue, "flyte-authorization", "Bearer at-1\n"},
		{Env, "", "FLYTE_TOKEN=at-1\n"},
		{Curl, "flyte-authorization", "header = \"flyte-authorization: Bearer at-1\"\n"},
		{JSON, "", `{"access_token":"at-1","token_type":"Bearer","expiry":"` + noon.UTC().Format(time.RFC3339) + `","header":"Authorization"}` + "\n"},
	} {
		got, err := EncodeToken(test.form, test.header, c)
		if err != nil || string(got) != test.want {
			t.Errorf("%s, %q: %q, %v; not %q", test.form, test.header, got, err, test.want)
		}
	}
}

// oauth2.Token is who reads the JSON, with an expiry and without one.
func TestTokenJSON(t *testing.T) {
	for _, expiry := range []time.Time{{}, noon} {
		document, err := EncodeToken(JSON, "", Credential{Token: "at", Expiry: expiry})
		if err != nil {
			t.Fatal(err)
		}
		var got oauth2.Token
		if err := json.Unmarshal(document, &got); err != nil || got.AccessToken != "at" || got.Type() != "Bearer" || !got.Expiry.Equal(expiry) {
			t.Errorf("%s: %+v, %v", document, &got, err)
		}
	}
}

// What a hostile server calls a token or a header stays within its quotes.
func TestTokenQuoted(t *testing.T) {
	const hostile = "a\"b\\c$(d)`e`;f'g"
	for form, want := range map[Form]string{
		Env:  "FLYTE_TOKEN=a\\\"b\\\\c\\$\\(d\\)\\`e\\`\\;f\\'g\n",
		Curl: `header = "Authorization: Bearer a\"b\\c$(d)` + "`e`;f'g\"\n",
	} {
		got, err := EncodeToken(form, "", Credential{Token: hostile})
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; not %q", form, got, err, want)
		}
	}
	for _, header := range []string{"a b", "a:", "a\nb", "ä", "a\"", strings.Repeat("a", 3) + "\r"} {
		if got, err := EncodeToken(Header, header, Credential{Token: "at"}); err == nil {
			t.Errorf("%q is a header: %q", header, got)
		}
	}
}
