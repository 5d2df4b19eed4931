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

// grpc asks by gRPC over HTTP/2: one frame there, one back.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
type grpc struct {
	endpoint Endpoint
	client   *http.Client
}

// frameHeader is that of each message: a flag for compression, and the length.
const frameHeader = 5

// gRPC's codes that matter here.
const (
	unimplemented   = "12" // nobody knows the method
	unauthenticated = "16"
)

// call is a unary call without a request to speak of.
func (g *grpc) call(path string) func(context.Context) (message, error) {
	return func(ctx context.Context) (message, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, grpcLimit, g.endpoint.silent())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.endpoint.url(path), bytes.NewReader(make([]byte, frameHeader)))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Te", "trailers")
		resp, body, err := fetch(g.client, req)
		if oauth.IsTemporary(err) { // what is wrong for others too, they will tell
			return nil, &elsewhere{deaf: true, words: err.Error()}
		}
		if err != nil {
			return nil, err
		}
		return decodeCall(resp, body)
	}
}

// decodeCall reads what answered a call. Its status stands in the trailers, or among
// the headers where there is nothing else.
func decodeCall(resp *http.Response, body []byte) (message, error) {
	host := resp.Request.URL.Host
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc") {
		at := notFlyte(resp, body)
		at.deaf = !at.missing
		return nil, at
	}
	code := cmp.Or(resp.Trailer.Get("Grpc-Status"), resp.Header.Get("Grpc-Status"))
	switch code {
	case "0":
		m, err := decodeFrame(body)
		if err != nil {
			return nil, &elsewhere{words: fmt.Sprintf("%s answered %v", host, err)}
		}
		return m, nil
	case unimplemented:
		return nil, &elsewhere{unimplemented: true, words: host + " knows no such call"}
	case "":
		return nil, &elsewhere{words: host + " answered without a status"}
	}
	words := cmp.Or(resp.Trailer.Get("Grpc-Message"), resp.Header.Get("Grpc-Message"))
	if plain, err := url.PathUnescape(words); err == nil {
		words = plain
	}
	clean := oauth.Cleaner(resp)
	words = fmt.Sprintf("%s (gRPC status %s)", clean(words), clean(code))
	if code == unauthenticated {
		return nil, &elsewhere{deaf: true, guarded: true, words: host + " answered " + words}
	}
	return nil, oauth.Temporary("%s cannot say how to log in: %s", host, words)
}

// decodeFrame reads the one message of an answer.
func decodeFrame(body []byte) (message, error) {
	if len(body) < frameHeader {
		return nil, errors.New("too little")
	}
	if body[0] != 0 {
		return nil, errors.New("a compressed message, which was not asked for")
	}
	rest := body[frameHeader:]
	if n := binary.BigEndian.Uint32(body[1:frameHeader]); uint64(n) != uint64(len(rest)) {
		return nil, errors.New("a message of another length than it says")
	}
	m, ok := decodeMessage(rest)
	if !ok {
		return nil, errors.New("a broken message")
	}
	return m, nil
}

// maxAnswer is more than any answer has.
const maxAnswer = 1 << 20

// fetch makes a request and reads the whole answer, with its trailers.
func fetch(client *http.Client, req *http.Request) (*http.Response, []byte, error) {
	host := req.URL.Host
	resp, err := client.Do(req)
	if errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, new(tls.RecordHeaderError)) {
		return nil, nil, oauth.ConfigError("endpoint", "%s", host+" does not speak TLS: http://"+host+" names an endpoint without it")
	}
	if err != nil {
		return nil, nil, oauth.Unreachable(req.Context(), host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, nil, oauth.Unreachable(req.Context(), host, err)
	}
	if len(body) > maxAnswer {
		return nil, nil, oauth.Temporary("the answer of %s is larger than 1 MiB", host)
	}
	return resp, body, nil
}
