package flyteadmin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"
)

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

// serveMetadata2 is the one URL of Flyte v1's that Flyte 2 has kept.
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

// connectStatus are the HTTP statuses of Connect's error codes, as far as they occur.
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
	_ = json.NewEncoder(w).Encode(map[string]string{"code": strings.ToLower(fmt.Sprint(failed.Code())), "message": failed.Message()}) // fails only when nobody is left to read it
}
