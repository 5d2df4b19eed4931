package flyteadmin

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// metadataService2 is the name of the metadata service in Flyte 2. Its messages have
// the same field numbers.
const metadataService2 = "flyteidl2.auth.AuthMetadataService"

func (s *Server) newGRPC() *grpc.Server {
	g := grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
	metadata := service.AuthMetadataService_ServiceDesc
	if s.config.Flyte2 {
		metadata.ServiceName = metadataService2
	}
	g.RegisterService(&metadata, &metadataServer{server: s})
	service.RegisterIdentityServiceServer(g, identityServer{})
	service.RegisterAdminServiceServer(g, adminServer{})
	return g
}

// intercept counts calls and rejects those that are not authorized.
func (s *Server) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	full, _ := grpc.Method(ctx) // the called method, which info has under Flyte v1's name
	name := strings.TrimPrefix(path.Dir(full), "/")
	now := s.current()
	switch {
	case now.NoAuth && name != service.AdminService_ServiceDesc.ServiceName:
		return nil, status.Errorf(codes.Unimplemented, "unknown service %s", name)
	case now.NoAuth, strings.HasSuffix(name, ".AuthMetadataService"):
		s.count(path.Base(full))
		return handle(ctx, request)
	}
	who, err := s.authenticate(ctx, now)
	if err != nil {
		s.count("unauthenticated")
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	s.count(path.Base(full))
	return handle(context.WithValue(ctx, personKey{}, who), request)
}

// authenticate checks the bearer token in flyteadmin's order: signature and expiry, then
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

// tokenOf returns the token in a call's metadata: under the configured key, or under
// authorization.
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

// mayCall reports whether the scopes of a token are enough. The OpenID provider of the
// tests sends scope, and flyteadmin reads scp, so its tokens need no scope.
func mayCall(claims map[string]any, external bool) bool {
	scopes := list(claims["scp"])
	return external || slices.Contains(scopes, "all") || claims["client_id"] == "" && len(scopes) == 0
}

// list returns a claim that is one string or a list of strings.
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

// personKey is the context key of the caller's claims.
type personKey struct{}

// identityServer returns the identity of the caller.
type identityServer struct {
	service.UnimplementedIdentityServiceServer
}

func (identityServer) UserInfo(ctx context.Context, _ *service.UserInfoRequest) (*service.UserInfoResponse, error) {
	claims, _ := ctx.Value(personKey{}).(map[string]any)
	info, _ := claims["user_info"].(map[string]any)
	who := &service.UserInfoResponse{}
	who.Subject, _ = claims["sub"].(string)
	who.Name, _ = info["name"].(string)
	who.PreferredUsername, _ = info["preferred_username"].(string)
	who.Email, _ = info["email"].(string)
	return who, nil
}

// adminServer has only one method of the service, the simplest that needs a token.
type adminServer struct {
	service.UnimplementedAdminServiceServer
}

func (adminServer) GetVersion(context.Context, *admin.GetVersionRequest) (*admin.GetVersionResponse, error) {
	return &admin.GetVersionResponse{ControlPlaneVersion: &admin.Version{Version: "v1.16.8"}}, nil
}
