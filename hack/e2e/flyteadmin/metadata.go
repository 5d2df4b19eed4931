package flyteadmin

import (
	"context"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
)

// metadataServer tells anybody how to log in.
type metadataServer struct {
	service.UnimplementedAuthMetadataServiceServer
	server *Server
}

func (m *metadataServer) GetOAuth2Metadata(ctx context.Context, _ *service.OAuth2MetadataRequest) (*service.OAuth2MetadataResponse, error) {
	s := m.server
	now := s.current()
	if now.External {
		return s.idpMetadata(ctx, now.RetryDelay)
	}
	return &service.OAuth2MetadataResponse{
		Issuer:                            s.URL,
		AuthorizationEndpoint:             s.URL + authserver.AuthorizePath,
		TokenEndpoint:                     s.URL + authserver.TokenPath,
		JwksUri:                           s.URL + authserver.KeysPath,
		CodeChallengeMethodsSupported:     []string{"S256"},
		ResponseTypesSupported:            []string{"code", "token", "code token"},
		GrantTypesSupported:               []string{"client_credentials", "refresh_token", "authorization_code"},
		ScopesSupported:                   []string{"all"},
		TokenEndpointAuthMethodsSupported: []string{"client_secret_basic"},
	}, nil
}

func (m *metadataServer) GetPublicClientConfig(context.Context, *service.PublicClientAuthConfigRequest) (*service.PublicClientAuthConfigResponse, error) {
	s := m.server
	now := s.current()
	answer := &service.PublicClientAuthConfigResponse{AuthorizationMetadataKey: now.HeaderKey, Audience: now.Audience}
	if !now.NoClient {
		answer.ClientId, answer.RedirectUri, answer.Scopes = authserver.PublicClient, s.config.Redirects[0], now.scopes()
	}
	if s.config.Flyte2 {
		answer.ProtoReflect().SetUnknown(dataplaneDomain("example.com"))
	}
	return answer, nil
}

// dataplaneDomain is the field that only Flyte 2's message has.
func dataplaneDomain(domain string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 7, protowire.BytesType), domain)
}
