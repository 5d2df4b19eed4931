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

// gateway asks by JSON: of Flyte 2 by Connect, https://connectrpc.com/docs/protocol/,
// of Flyte 1 by the gateway before its gRPC.
type gateway struct {
	endpoint Endpoint
	client   *http.Client
}

func (g *gateway) post(path string, numbers map[string]int) func(context.Context) (message, error) {
	return g.ask(http.MethodPost, path, "{}", numbers)
}

func (g *gateway) get(path string, numbers map[string]int) func(context.Context) (message, error) {
	return g.ask(http.MethodGet, path, "", numbers)
}

func (g *gateway) ask(method, path, body string, numbers map[string]int) func(context.Context) (message, error) {
	return func(ctx context.Context) (message, error) {
		req, err := http.NewRequestWithContext(ctx, method, g.endpoint.url(path), strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/json") // to the letter: flyteadmin's gateway answers lists otherwise
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Connect-Protocol-Version", "1")
		}
		resp, text, err := fetch(g.client, req)
		if oauth.IsTemporary(err) {
			return nil, &unspokenError{err}
		}
		if err != nil {
			return nil, err
		}
		return decodeJSON(resp, text, numbers)
	}
}

// decodeJSON reads what answered, whose fields are in either of protocol buffers'
// cases, or in a metadata document's. Fields of another type count as absent.
func decodeJSON(resp *http.Response, text []byte, numbers map[string]int) (message, error) {
	var fields map[string]json.RawMessage
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	isJSON := err == nil && kind == "application/json" && json.Unmarshal(text, &fields) == nil
	switch {
	case isJSON && resp.StatusCode == http.StatusOK:
		return messageOf(fields, numbers), nil
	case resp.StatusCode == http.StatusNotImplemented, isJSON && saysUnimplemented(fields):
		return nil, &elsewhere{unimplemented: true, words: resp.Request.URL.Host + " has nothing there"}
	case isJSON && resp.StatusCode >= 500:
		return nil, oauth.Temporary("%s cannot say how to log in: %s", resp.Request.URL.Host, said(fields, resp))
	}
	at := notFlyte(resp, text)
	if resp.StatusCode == http.StatusMethodNotAllowed || resp.StatusCode == http.StatusUnsupportedMediaType {
		return nil, &unspokenError{at}
	}
	return nil, at
}

// said are a JSON error's own words.
func said(fields map[string]json.RawMessage, resp *http.Response) string {
	var words string
	if json.Unmarshal(fields["message"], &words) != nil || words == "" {
		return statusOf(resp)
	}
	return oauth.Cleaner(resp)(words)
}

// statusOf is the status of an answer, without the server's own words for it.
func statusOf(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", http.StatusText(resp.StatusCode)))
}

// saysUnimplemented reports whether an error has the code of gRPC, or Connect's name of it.
func saysUnimplemented(fields map[string]json.RawMessage) bool {
	code := string(fields["code"])
	return code == unimplemented || code == `"unimplemented"`
}

func messageOf(fields map[string]json.RawMessage, numbers map[string]int) message {
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

// metadataNumbers are those of GetOAuth2Metadata's fields.
func metadataNumbers() map[string]int {
	return map[string]int{
		"issuer": 1, "authorizationendpoint": 2, "tokenendpoint": 3, "scopessupported": 5, "tokenendpointauthmethodssupported": 6,
		"jwksuri": 7, "codechallengemethodssupported": 8, "deviceauthorizationendpoint": 10,
	}
}

// clientNumbers are those of GetPublicClientConfig's.
func clientNumbers() map[string]int {
	return map[string]int{"clientid": 1, "redirecturi": 2, "scopes": 3, "authorizationmetadatakey": 4, "audience": 6}
}

// notFlyte says in a person's words what answered instead.
func notFlyte(resp *http.Response, text []byte) *elsewhere {
	host := resp.Request.URL.Host
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	words := fmt.Sprintf("%s answered %s", host, statusOf(resp))
	guarded := slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired}, resp.StatusCode)
	passing := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests
	clean := oauth.Cleaner(resp)
	switch to, err := resp.Location(); {
	case err == nil && resp.StatusCode/100 == 3 && to.Host != host:
		words = fmt.Sprintf("%s sends us to %s (a captive portal, or an identity-aware proxy?)", host, clean(to.Host))
		passing = true
	case kind == "text/html":
		words += " with HTML (a captive portal, or an identity-aware proxy?)"
		passing = true
	case kind == "text/plain" && passing:
		words += ": " + clean(string(text[:min(len(text), 200)]))
	case resp.StatusCode == http.StatusOK && kind != "":
		words += " with " + clean(kind)
	}
	return &elsewhere{missing: resp.StatusCode == http.StatusNotFound, guarded: guarded, passing: passing, words: words}
}
