package flyte

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// User is the owner of a token, as a Flyte endpoint names it: the answer of
// IdentityService.UserInfo, with the claims of OpenID Connect Core §5.1. Each may be empty.
type User struct{ Subject, Name, Username, Email string }

// userInfoTimeout is the time limit of UserInfo.
const userInfoTimeout = 10 * time.Second

// UserInfo asks an endpoint for the user of a token, which it sends in the header headerKey;
// empty: Authorization. It returns nil if the endpoint has no such call. An endpoint that
// rejects the token is an [oauth.Error] of the class refused.
func UserInfo(ctx context.Context, e Endpoint, n Network, headerKey string, token oauth.Secret) (*User, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, userInfoTimeout, e.timeoutError())
	defer cancel()
	wrap := n.Wrap
	n.Wrap = func(next http.RoundTripper) http.RoundTripper {
		if wrap != nil {
			next = wrap(next)
		}
		return bearer{next, cmp.Or(headerKey, "Authorization"), token}
	}
	const v1, v2 = "/flyteidl.service.IdentityService/UserInfo", "/flyteidl2.auth.IdentityService/UserInfo"
	g := &grpcClient{endpoint: e, client: n.client(e.grpcProtocol())}
	h := &jsonClient{endpoint: e, client: n.client(nil)}
	for _, call := range []func(context.Context) (message, error){
		g.call(v1), g.call(v2), h.post(v2, userNumbers()), h.get("/me", userNumbers()),
	} {
		m, err := call(ctx)
		var failure *methodError
		switch {
		case err == nil:
			return &User{Subject: m.text(1), Name: m.text(2), Username: m.text(3), Email: m.text(6)}, nil
		case !errors.As(err, &failure):
			return nil, err
		case failure.authRequired:
			return nil, &oauth.Error{Class: oauth.ClassRefused, Host: e.Host, Problem: failure.message}
		}
	}
	return nil, nil
}

// userNumbers returns the field numbers of UserInfo's answer.
func userNumbers() map[string]int {
	return map[string]int{"subject": 1, "name": 2, "preferredusername": 3, "email": 6}
}

// bearer sends a token with each request.
type bearer struct {
	next      http.RoundTripper
	headerKey string
	token     oauth.Secret
}

// RoundTrip implements [http.RoundTripper].
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(strings.ToLower(b.headerKey), "Bearer "+b.token.Reveal())
	return b.next.RoundTrip(r)
}
