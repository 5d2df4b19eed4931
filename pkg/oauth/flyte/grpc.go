package flyte

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// grpcClient makes calls by gRPC over HTTP/2, with one frame in each direction.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
type grpcClient struct {
	endpoint Endpoint
	client   *http.Client
}

// frameHeader is the size in bytes of the header of each message: a flag for compression
// and the length.
const frameHeader = 5

// Status codes of gRPC.
const (
	unimplemented   = "12" // the server does not know the method
	unauthenticated = "16"
)

// call returns a function that makes a unary call with an empty request.
func (g *grpcClient) call(path string) func(context.Context) (message, error) {
	return func(ctx context.Context) (message, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, grpcTimeout, g.endpoint.timeoutError())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.endpoint.url(path), bytes.NewReader(make([]byte, frameHeader)))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Te", "trailers")
		resp, body, err := fetch(g.client, req)
		if oauth.IsTemporary(err) { // a network failure fails the other methods too
			return nil, &methodError{noGRPC: true, message: err.Error()}
		}
		if err != nil {
			return nil, err
		}
		return decodeResponse(resp, body)
	}
}

// decodeResponse decodes the answer to a call. The gRPC status is in the trailers, or in
// the headers if the answer has no message.
func decodeResponse(resp *http.Response, body []byte) (message, error) {
	host := resp.Request.URL.Host
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc") {
		failure := unexpectedResponse(resp, body)
		failure.noGRPC = !failure.missing
		return nil, failure
	}
	code := cmp.Or(resp.Trailer.Get("Grpc-Status"), resp.Header.Get("Grpc-Status"))
	switch code {
	case "0":
		m, err := decodeFrame(body)
		if err != nil {
			return nil, &methodError{message: fmt.Sprintf("%s answered %v", host, err)}
		}
		return m, nil
	case unimplemented:
		return nil, &methodError{unimplemented: true, message: host + " does not implement this call"}
	case "":
		return nil, &methodError{message: host + " answered without a gRPC status"}
	}
	message := cmp.Or(resp.Trailer.Get("Grpc-Message"), resp.Header.Get("Grpc-Message"))
	if plain, err := url.PathUnescape(message); err == nil {
		message = plain
	}
	clean := oauth.Cleaner(resp)
	message = fmt.Sprintf("%s (gRPC status %s)", clean(message), clean(code))
	if code == unauthenticated {
		return nil, &methodError{noGRPC: true, authRequired: true, message: host + " answered " + message}
	}
	return nil, oauth.Temporary("%s cannot say how to log in: %s", host, message)
}

// decodeFrame decodes the one message of an answer.
func decodeFrame(body []byte) (message, error) {
	if len(body) < frameHeader {
		return nil, errors.New("with a truncated message")
	}
	if body[0] != 0 {
		return nil, errors.New("with a compressed message, which was not requested")
	}
	rest := body[frameHeader:]
	if n := binary.BigEndian.Uint32(body[1:frameHeader]); uint64(n) != uint64(len(rest)) {
		return nil, errors.New("with a message whose length is not the one in its header")
	}
	m, ok := decodeMessage(rest)
	if !ok {
		return nil, errors.New("with a message that cannot be decoded")
	}
	return m, nil
}

// maxResponse is the limit in bytes for an answer.
const maxResponse = 1 << 20

// fetch makes a request and reads the whole answer, with its trailers.
func fetch(client *http.Client, req *http.Request) (*http.Response, []byte, error) {
	host := req.URL.Host
	resp, err := client.Do(req)
	if errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, new(tls.RecordHeaderError)) {
		return nil, nil, oauth.ConfigError("endpoint", "%s", host+" does not use TLS: write http://"+host)
	}
	if err != nil {
		return nil, nil, oauth.Unreachable(req.Context(), host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return nil, nil, oauth.Unreachable(req.Context(), host, err)
	}
	if len(body) > maxResponse {
		return nil, nil, oauth.Temporary("the answer of %s is larger than 1 MiB", host)
	}
	return resp, body, nil
}
