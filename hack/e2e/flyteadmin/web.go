package flyteadmin

import (
	"context"
	"net"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	gateway "github.com/flyteorg/flyte/flyteidl/gen/pb-go/gateway/flyteidl/service"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
)

// newWeb is all that answers to HTTP: the authorization server, the gateway and, of
// Flyte 2, Connect.
func (s *Server) newWeb() (http.Handler, error) {
	var err error
	s.dialed, err = grpc.NewClient("passthrough:inside", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.inside.DialContext(ctx) }))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, path := range authserver.Paths() {
		mux.HandleFunc(path, s.serveAuth)
	}
	gw, err := s.newGateway()
	if err != nil {
		return nil, err
	}
	if s.config.Flyte2 {
		mux.HandleFunc("POST /"+metadataService2+"/{method}", s.serveConnect)
		mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.serveMetadata2)
		mux.Handle("/me", gw) // which Flyte 2 has not: it is how the tests ask
		return mux, nil
	}
	mux.Handle("/", gw)
	return mux, nil
}

// newGateway answers in lowerCamelCase, and in snake_case if asked for exactly
// application/json: flyteadmin changed the marshaler of that type alone.
func (s *Server) newGateway() (*runtime.ServeMux, error) {
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption("application/json", &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true},
		}),
		runtime.WithIncomingHeaderMatcher(func(key string) (string, bool) {
			if http.CanonicalHeaderKey(s.current().HeaderKey) == key {
				return key, true
			}
			return runtime.DefaultHeaderMatcher(key)
		}),
	)
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		gateway.RegisterAuthMetadataServiceHandler, gateway.RegisterIdentityServiceHandler, gateway.RegisterAdminServiceHandler,
	} {
		if err := register(context.Background(), mux, s.dialed); err != nil {
			return nil, err
		}
	}
	return mux, nil
}

// serveAuth is the authorization server, which is there only if it gives the tokens.
func (s *Server) serveAuth(w http.ResponseWriter, r *http.Request) {
	if now := s.current(); now.NoAuth || now.External {
		http.NotFound(w, r)
		return
	}
	s.Auth.ServeHTTP(w, r)
}
