package registry

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/front"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// name is the name of the registry and of its token server in tokens.
const name = "bed"

// lifetime is the lifetime of a registry's token. It is short, so that clients request
// new ones.
const lifetime = time.Minute

// tokens is the token server. A client GETs a token with a user name and the
// issuer's access token as the password, or POSTs the access token as the protocol's refresh token, with the user name <token>.
type tokens struct {
	key    key
	issuer *oauthtest.Server
}

func (t *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, known := t.user(r)
	if !known {
		w.Header().Set("WWW-Authenticate", `Basic realm="tokens"`)
		http.Error(w, `{"details":"incorrect username or password"}`, http.StatusUnauthorized)
		return
	}
	token, err := t.sign(user, r.Form["scope"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // an error means that the client has disconnected
		"token": token, "access_token": token, "expires_in": int(lifetime.Seconds()), "issued_at": time.Now().UTC().Format(time.RFC3339),
	})
}

// user returns the user of a request: "" for an anonymous one.
func (t *tokens) user(r *http.Request) (user string, known bool) {
	if err := r.ParseForm(); err != nil {
		return "", false
	}
	token := front.Token(r)
	if r.Method == http.MethodPost {
		token = r.PostForm.Get("refresh_token")
	}
	if token == "" && r.Method == http.MethodGet {
		return "", true
	}
	claims, err := t.issuer.Verify(token)
	if err != nil {
		return "", false
	}
	user, known = claims["sub"].(string)
	return user, known
}

// access is the permission of a token for one resource.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func (t *tokens) sign(user string, scopes []string) (string, error) {
	now := time.Now()
	claims := jwt.Claims{
		Issuer: name, Audience: jwt.Audience{name}, Subject: user,
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(lifetime)),
	}
	granted := struct {
		Access []access `json:"access"`
	}{grant(user, scopes)}
	return jwt.Signed(t.key.signer).Claims(claims).Claims(granted).Serialize()
}

// grant returns the permissions of a user for the requested scopes, such as
// "repository:alice/x:pull,push". An anonymous user has the name "".
func grant(user string, scopes []string) []access {
	granted := []access{}
	for _, scope := range strings.Fields(strings.Join(scopes, " ")) {
		kind, rest, _ := strings.Cut(scope, ":")
		at := strings.LastIndex(rest, ":")
		if kind != "repository" || at < 0 {
			continue
		}
		a := access{Type: kind, Name: rest[:at], Actions: strings.Split(rest[at+1:], ",")}
		if user == "" {
			if !strings.HasPrefix(a.Name, "public/") {
				continue
			}
			a.Actions = []string{"pull"}
		}
		granted = append(granted, a)
	}
	return granted
}
