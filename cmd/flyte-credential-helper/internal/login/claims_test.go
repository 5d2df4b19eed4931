package login

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// token is an unsigned JWT.
func token(header, payload string) oauth.Secret {
	encode := base64.RawURLEncoding.EncodeToString
	return oauth.Secret(encode([]byte(header)) + "." + encode([]byte(payload)) + ".c2ln")
}

// The claims that servers judge are read in every form that servers write.
func TestDecodeClaims(t *testing.T) {
	for _, row := range []struct {
		what  string
		token oauth.Secret
		want  *Claims
	}{
		{"opaque", "ya29.opaque", nil},
		{"three parts that are no JWT", "a.b.c", nil},
		{"one audience", token(`{"alg":"RS256"}`, `{"iss":"https://i","aud":"cli","sub":"alice"}`), &Claims{Algorithm: "RS256", Issuer: "https://i", Audience: []string{"cli"}, Subject: "alice", EmailVerified: true}},
		{"a list of audiences", token(`{}`, `{"aud":["cli","https://api/"]}`), &Claims{Audience: []string{"cli", "https://api/"}, EmailVerified: true}},
		{"an unverified address", token(`{}`, `{"email":"a@example.com","email_verified":false}`), &Claims{Names: []string{"email a@example.com"}}},
		{"claims of other types", token(`{}`, `{"iss":1,"aud":{},"sub":["a"],"email":["a@example.com"],"groups":"one","exp":"soon"}`), &Claims{Groups: []string{"one"}, EmailVerified: true}},
		{"Entra's scopes", token(`{}`, `{"scp":"all offline","azp":"cli"}`), &Claims{Scopes: []string{"all offline"}, Client: "cli", EmailVerified: true}},
		{"the scopes of RFC 9068", token(`{}`, `{"scope":"all offline"}`), &Claims{Scopes: []string{"all", "offline"}, EmailVerified: true}},
	} {
		if diff := cmp.Diff(row.want, DecodeClaims(row.token)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.what, diff)
		}
	}
}
