package flyteadmin

import (
	"context"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
)

// personKey is where the claims of who calls are.
type personKey struct{}

// identityServer tells those who call who they are.
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

// adminServer has one method of the many, the cheapest that wants a token.
type adminServer struct {
	service.UnimplementedAdminServiceServer
}

func (adminServer) GetVersion(context.Context, *admin.GetVersionRequest) (*admin.GetVersionResponse, error) {
	return &admin.GetVersionResponse{ControlPlaneVersion: &admin.Version{Version: "v1.16.8"}}, nil
}
