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
		{FormToken, "", "at-1\n"},
		{"", "", "at-1\n"},
		{FormHeader, "", "Authorization: Bearer at-1\n"},
		{FormHeader, "flyte-authorization", "flyte-authorization: Bearer at-1\n"},
		{FormHeaderValue, "flyte-authorization", "Bearer at-1\n"},
		{FormEnv, "", "export FLYTE_TOKEN='at-1'\n"},
		{FormCurl, "flyte-authorization", "header = \"flyte-authorization: Bearer at-1\"\n"},
	} {
		got, err := EncodeToken(test.form, test.header, c)
		if err != nil || string(got) != test.want {
			t.Errorf("%s, %q: %q, %v; not %q", test.form, test.header, got, err, test.want)
		}
	}
}

func TestTokenSet(t *testing.T) {
	all := TokenSet{AccessToken: " at\n", Scope: "openid all", Account: "ann@example.com", Issuer: "https://x", IDToken: "id", Header: "flyte-authorization"}
	for _, test := range []struct {
		set    TokenSet
		expiry time.Time
		want   string
	}{
		{TokenSet{AccessToken: "at"}, time.Time{}, `{"access_token":"at","token_type":"Bearer","header":"Authorization"}`},
		{all, noon.Add(1500 * time.Millisecond), `{"access_token":"at","token_type":"Bearer","expires_at":"` + noon.UTC().Add(time.Second).Format(time.RFC3339) +
			`","expires_in":1,"scope":"openid all","account":"ann@example.com","issuer":"https://x","id_token":"id","header":"flyte-authorization"}`},
		{TokenSet{AccessToken: "at"}, noon.Add(-time.Hour), `{"access_token":"at","token_type":"Bearer","expires_at":"` + noon.UTC().Add(-time.Hour).Format(time.RFC3339) + `","expires_in":0,"header":"Authorization"}`},
	} {
		got, err := EncodeTokenSet(test.set, test.expiry, noon)
		if err != nil || string(got) != test.want+"\n" {
			t.Errorf("%s, %v\nnot\n%s", got, err, test.want)
		}
		var read oauth2.Token
		if err := json.Unmarshal(got, &read); err != nil || read.AccessToken != "at" || read.Type() != "Bearer" {
			t.Errorf("%s: %+v, %v", got, &read, err)
		}
	}
	if got, err := EncodeTokenSet(TokenSet{AccessToken: "a\nb"}, time.Time{}, noon); err == nil {
		t.Errorf("%s", got)
	}
}

// What a hostile server calls a token or a header stays within its quotes.
func TestTokenQuoted(t *testing.T) {
	const hostile = "a\"b\\c$(d)`e`;f'g"
	for form, want := range map[Form]string{
		FormEnv:  `export FLYTE_TOKEN='a"b\c$(d)` + "`e`;f'\\''g'\n",
		FormCurl: `header = "Authorization: Bearer a\"b\\c$(d)` + "`e`;f'g\"\n",
	} {
		got, err := EncodeToken(form, "", Credential{Token: hostile})
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; not %q", form, got, err, want)
		}
	}
	for _, header := range []string{"a b", "a:", "a\nb", "ä", "a\"", strings.Repeat("a", 3) + "\r"} {
		if got, err := EncodeToken(FormHeader, header, Credential{Token: "at"}); err == nil {
			t.Errorf("%q is a header: %q", header, got)
		}
	}
}
