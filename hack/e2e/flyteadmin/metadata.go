package flyteadmin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
)

// metadataServer is the metadata service, which needs no authentication.
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

// tries is how often flyteadmin requests the metadata of its OpenID provider in each
// call, as long as the answer is a server error.
const tries = 6

// idpMetadata returns the metadata of the OpenID provider. If the provider does not
// answer, there is no second try, and the status is UNKNOWN.
func (s *Server) idpMetadata(ctx context.Context, delay time.Duration) (*service.OAuth2MetadataResponse, error) {
	for range tries {
		metadata, err := s.askIDP(ctx)
		if metadata != nil || err != nil {
			return metadata, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(delay):
		}
	}
	return nil, status.Error(codes.Internal, "Failed to get oauth metadata.")
}

// askIDP returns neither metadata nor an error if the answer was a server error of the
// provider.
func (s *Server) askIDP(ctx context.Context) (*service.OAuth2MetadataResponse, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.idp.URL+"/.well-known/oauth-authorization-server", nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.idp.Client().Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, nil
	}
	metadata := &service.OAuth2MetadataResponse{}
	return metadata, json.NewDecoder(answer.Body).Decode(metadata)
}

// serveConnect answers a unary call of Connect's with JSON
// (https://connectrpc.com/docs/protocol): the message as JSON in, the message as
// JSON out, an error with its own status.
func (s *Server) serveConnect(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	answer, err := s.metadata2(r.Context(), r.PathValue("method"))
	if err != nil {
		writeConnectError(w, status.Convert(err))
		return
	}
	writeCamelCase(w, answer)
}

// serveMetadata2 serves the one URL of Flyte v1 that Flyte 2 still has.
func (s *Server) serveMetadata2(w http.ResponseWriter, r *http.Request) {
	answer, err := s.metadata2(r.Context(), "GetOAuth2Metadata")
	if err != nil {
		writeConnectError(w, status.Convert(err))
		return
	}
	writeCamelCase(w, answer)
}

// metadata2 calls a method of Flyte 2's metadata service.
func (s *Server) metadata2(ctx context.Context, method string) (proto.Message, error) {
	var answer proto.Message = &service.OAuth2MetadataResponse{}
	if method == "GetPublicClientConfig" {
		answer = &service.PublicClientAuthConfigResponse{}
	}
	return answer, s.dialed.Invoke(ctx, "/"+metadataService2+"/"+method, &service.OAuth2MetadataRequest{}, answer)
}

func writeCamelCase(w http.ResponseWriter, message proto.Message) {
	text, err := protojson.Marshal(message)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

// connectStatus maps the error codes of Connect that occur here to HTTP statuses.
var connectStatus = map[codes.Code]int{
	codes.Unimplemented:   http.StatusNotImplemented,
	codes.Unavailable:     http.StatusServiceUnavailable,
	codes.Unauthenticated: http.StatusUnauthorized,
}

func writeConnectError(w http.ResponseWriter, failed *status.Status) {
	code, ok := connectStatus[failed.Code()]
	if !ok {
		code = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": strings.ToLower(fmt.Sprint(failed.Code())), "message": failed.Message()}) // fails only if the client has gone
}
