//go:build unix

package flyte

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"

	"google.golang.org/grpc"
	grpccredentials "google.golang.org/grpc/credentials"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// goProgram is a Go program that runs no helper: it uses the packages, and so the same
// login with the same lock. It prints the user that the control plane accepted.
func goProgram() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pem, err := os.ReadFile(os.Getenv("CA"))
	if err != nil {
		fail(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots}
	source, err := flyteSource(os.Getenv("ADMIN"), config)
	if err != nil {
		fail(err)
	}
	connection, err := grpc.NewClient("dns:///"+os.Getenv("ADMIN"),
		grpc.WithTransportCredentials(grpccredentials.NewTLS(config)), grpc.WithPerRPCCredentials(perRPC{source}))
	if err != nil {
		fail(err)
	}
	defer connection.Close()
	who, err := service.NewIdentityServiceClient(connection).UserInfo(ctx, &service.UserInfoRequest{})
	if err != nil {
		fail(err)
	}
	accepted(who.Subject)
}

// flyteSource returns the source of the login that "login --endpoint" saves. The program
// cannot log in by itself.
func flyteSource(endpoint string, config *tls.Config) (*cache.Source, error) {
	transport := oauth.NewTransport(config)
	client := &oauth.Client{Endpoint: endpoint, HTTP: &http.Client{Transport: transport}}
	return cache.New(client,
		cache.WithRequests(flyte.Requests{Client: client, Network: flyte.Network{Transport: transport}}),
		cache.WithStore(cache.StoreKind(os.Getenv("FLYTE_CREDENTIAL_HELPER_STORE"))))
}

// perRPC are the credentials of each call.
type perRPC struct{ *cache.Source }

var _ grpccredentials.PerRPCCredentials = perRPC{}

func (c perRPC) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	t, err := c.Token(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{t.Server.HeaderKey: "Bearer " + t.AccessToken.Reveal()}, nil
}

func (perRPC) RequireTransportSecurity() bool { return true }
