//go:build unix

package flyte

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/adrg/xdg"
	"google.golang.org/grpc"
	grpccredentials "google.golang.org/grpc/credentials"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// goProgram is a program in Go that runs no helper: it uses the packages, and so the
// same login under the same lock. It says as whom it was accepted.
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
	connection, err := grpc.NewClient("dns:///"+os.Getenv("ADMIN"),
		grpc.WithTransportCredentials(grpccredentials.NewTLS(config)), grpc.WithPerRPCCredentials(perRPC{flyteSource(os.Getenv("ADMIN"), config)}))
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

// flyteSource is the login at a Flyte endpoint, as "login --endpoint" keeps it.
func flyteSource(endpoint string, config *tls.Config) *cache.Source {
	transport := oauth.NewTransport(config)
	client := &oauth.Client{Endpoint: endpoint, HTTP: &http.Client{Transport: transport}}
	key := cache.Key{Server: []string{endpoint}, Grant: cache.GrantUser}
	keyring := &cache.Keyring{Attended: func() bool { return false }, Getenv: os.Getenv}
	return &cache.Source{
		Store: cache.NewStore(cache.Dir(filepath.Join(xdg.StateHome, "flyte-credential-helper")), os.Getenv("FLYTE_CREDENTIAL_HELPER_STORE"), keyring, key),
		Kind:  oauth.Access,
		PrepareRefresh: func(ctx context.Context, old *oauth.Token) (*oauth.TokenRequest, error) {
			c := *client
			c.Server = &old.Server
			return c.PrepareRefresh(ctx, old, oauth.Access)
		},
		PrepareLogin: func(ctx context.Context, _ *oauth.Token, _ error) (oauth.PreparedLogin, error) {
			c := *client
			e, err := flyte.ParseEndpoint(endpoint)
			if err != nil {
				return nil, err
			}
			found, err := flyte.Discover(ctx, e, flyte.Network{Transport: transport})
			if err != nil {
				return nil, err
			}
			c.Server, c.RedirectURI, c.Scopes, c.Audience = &found.Server, found.RedirectURI, found.Scopes, found.Audience
			c.Server.ClientID, c.Server.HeaderKey = found.ClientID, found.HeaderKey
			return c.PrepareLogin(ctx, oauth.Access)
		},
		Redeem: client.Redeem, ReuseWindow: time.Minute, LockTimeout: patience, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
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
