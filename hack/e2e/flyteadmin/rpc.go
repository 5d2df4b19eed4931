package flyteadmin

import (
	"context"
	"path"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
)

// metadataService2 is Flyte 2's name of the metadata service. Its messages have the
// same fields by the same numbers.
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

// intercept counts calls, and lets through who may make them.
func (s *Server) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	full, _ := grpc.Method(ctx) // what was called, where the info has Flyte v1's name
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
