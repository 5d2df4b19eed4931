package flyteadmin

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
)

// tries is how often flyteadmin asks for the metadata of its OpenID provider, in
// every call, while the answer is an error of the server's.
const tries = 6

// idpMetadata passes on what the OpenID provider says of itself. Where nobody
// answers there is no second try, and the status is UNKNOWN.
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

// askIDP gives neither metadata nor an error where the answer was an error of the
// provider's.
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
