package flyte

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// jsonClient sends requests with JSON: to Flyte 2 by Connect
// (https://connectrpc.com/docs/protocol/), to Flyte 1 by its gRPC gateway.
type jsonClient struct {
	endpoint Endpoint
	client   *http.Client
}

func (g *jsonClient) post(path string, numbers map[string]int) func(context.Context) (message, error) {
	return g.request(http.MethodPost, path, "{}", numbers)
}

func (g *jsonClient) get(path string, numbers map[string]int) func(context.Context) (message, error) {
	return g.request(http.MethodGet, path, "", numbers)
}

func (g *jsonClient) request(method, path, body string, numbers map[string]int) func(context.Context) (message, error) {
	return func(ctx context.Context) (message, error) {
		req, err := http.NewRequestWithContext(ctx, method, g.endpoint.url(path), strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/json") // exactly this: flyteadmin's gateway answers with lists otherwise
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Connect-Protocol-Version", "1")
		}
		resp, text, err := fetch(g.client, req)
		if oauth.IsTemporary(err) {
			return nil, &noHTTPError{err}
		}
		if err != nil {
			return nil, err
		}
		return decodeJSON(resp, text, numbers)
	}
}

// decodeJSON decodes an answer. Its field names are those of protocol buffers, in snake or
// camel case, or those of a metadata document. Fields of another type count as absent.
func decodeJSON(resp *http.Response, text []byte, numbers map[string]int) (message, error) {
	var fields map[string]json.RawMessage
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	isJSON := err == nil && kind == "application/json" && json.Unmarshal(text, &fields) == nil
	switch {
	case isJSON && resp.StatusCode == http.StatusOK:
		return newMessage(fields, numbers), nil
	case resp.StatusCode == http.StatusNotImplemented, isJSON && isUnimplemented(fields):
		return nil, &methodError{unimplemented: true, message: resp.Request.URL.Host + " does not implement this call"}
	case isJSON && resp.StatusCode >= 500:
		return nil, oauth.Temporary("%s cannot say how to log in: %s", resp.Request.URL.Host, errorMessage(fields, resp))
	}
	failure := unexpectedResponse(resp, text)
	if resp.StatusCode == http.StatusMethodNotAllowed || resp.StatusCode == http.StatusUnsupportedMediaType {
		return nil, &noHTTPError{failure}
	}
	return nil, failure
}

// errorMessage returns the message of a JSON error, or the status if there is none.
func errorMessage(fields map[string]json.RawMessage, resp *http.Response) string {
	var message string
	if json.Unmarshal(fields["message"], &message) != nil || message == "" {
		return statusText(resp)
	}
	return oauth.Cleaner(resp)(message)
}

// statusText returns the status of an answer, without the server's reason phrase.
func statusText(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", http.StatusText(resp.StatusCode)))
}

// isUnimplemented reports whether an error has gRPC's code for it, or Connect's name.
func isUnimplemented(fields map[string]json.RawMessage) bool {
	code := string(fields["code"])
	return code == unimplemented || code == `"unimplemented"`
}

func newMessage(fields map[string]json.RawMessage, numbers map[string]int) message {
	m := message{}
	for name, raw := range fields {
		number, known := numbers[strings.ReplaceAll(strings.ToLower(name), "_", "")]
		if !known {
			continue
		}
		var one string
		var list []string
		if json.Unmarshal(raw, &one) == nil && one != "" {
			list = []string{one}
		} else if json.Unmarshal(raw, &list) != nil {
			continue
		}
		m[number] = list
	}
	return m
}

// metadataNumbers returns the field numbers of GetOAuth2Metadata's answer.
func metadataNumbers() map[string]int {
	return map[string]int{
		"issuer": 1, "authorizationendpoint": 2, "tokenendpoint": 3, "scopessupported": 5, "tokenendpointauthmethodssupported": 6,
		"jwksuri": 7, "codechallengemethodssupported": 8, "deviceauthorizationendpoint": 10,
	}
}

// clientNumbers returns the field numbers of GetPublicClientConfig's answer.
func clientNumbers() map[string]int {
	return map[string]int{"clientid": 1, "redirecturi": 2, "scopes": 3, "authorizationmetadatakey": 4, "audience": 6}
}

// unexpectedResponse describes an answer that is not one of a Flyte endpoint.
func unexpectedResponse(resp *http.Response, text []byte) *methodError {
	host := resp.Request.URL.Host
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	message := fmt.Sprintf("%s answered %s", host, statusText(resp))
	authRequired := slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired}, resp.StatusCode)
	temporary := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests
	clean := oauth.Cleaner(resp)
	switch to, err := resp.Location(); {
	case err == nil && resp.StatusCode/100 == 3 && to.Host != host:
		message = fmt.Sprintf("%s redirects to %s (a captive portal, or an identity-aware proxy?)", host, clean(to.Host))
		temporary = true
	case kind == "text/html":
		message += " with HTML (a captive portal, or an identity-aware proxy?)"
		temporary = true
	case kind == "text/plain" && temporary:
		message += ": " + clean(string(text[:min(len(text), 200)]))
	case resp.StatusCode == http.StatusOK && kind != "":
		message += " with " + clean(kind)
	}
	return &methodError{missing: resp.StatusCode == http.StatusNotFound, authRequired: authRequired, temporary: temporary, message: message}
}
