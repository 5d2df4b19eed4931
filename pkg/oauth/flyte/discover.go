package flyte

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// LoginConfig is what a Flyte endpoint answers when it is asked how to log in.
type LoginConfig struct {
	// Server is the answer of GetOAuth2Metadata.
	Server oauth.Metadata
	// The next fields are the answer of GetPublicClientConfig. Each may be empty.
	ClientID    string
	RedirectURI string
	Scopes      []string
	Audience    string
	HeaderKey   string // the header that takes the token; empty: Authorization
	// Flyte2 reports whether the endpoint answered by a service of Flyte 2 only.
	Flyte2 bool
}

// ErrNoAuth means that authentication is disabled on the endpoint: it needs no tokens.
var ErrNoAuth = errors.New("authentication is disabled on the endpoint")

// discoveryTimeout is the time limit of Discover. A flyteadmin with an external identity
// provider asks the provider on each request, and retries five times if it does not answer.
const discoveryTimeout = 15 * time.Second

// grpcTimeout is the time limit of one call by gRPC. It leaves time for the other methods.
const grpcTimeout = 10 * time.Second

// Network is how an endpoint is reached.
type Network struct {
	// Transport is cloned for each client, because a call by gRPC needs other HTTP
	// versions. Nil: that of [oauth.NewTransport].
	Transport *http.Transport
	// Wrap returns a transport that adds headers to each request. Nil: none are added.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Discover asks an endpoint how to log in: by gRPC, as Flyte's clients do, then by
// HTTP, which also passes through proxies without gRPC support. It returns [ErrNoAuth], a
// [ProxyAuthRequiredError] or an [oauth.Error]. The class of the latter is config if the
// endpoint is not a Flyte endpoint.
func Discover(ctx context.Context, e Endpoint, n Network) (*LoginConfig, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, discoveryTimeout, e.timeoutError())
	defer cancel()
	f, err := tryMethods(ctx, e, n)
	switch {
	case err == nil || errors.Is(err, ErrNoAuth) || ctx.Err() != nil:
		return f, err
	case e.Plaintext && speaksTLS(ctx, e, n):
		return nil, oauth.ConfigError("endpoint", "%s speaks TLS: leave out http://", e.Host)
	case oauth.ClassOf(err) == oauth.ClassConfig:
		if issuer := issuerAt(ctx, e, n); issuer != "" {
			return nil, identityProvider(e, issuer)
		}
	}
	return nil, err
}

// identityProvider is the error of an endpoint that is the authorization server itself.
func identityProvider(e Endpoint, issuer string) *oauth.Error {
	return oauth.ConfigError("endpoint", "%s is an authorization server and not a Flyte endpoint: use --issuer %s", e, oauth.Printable(issuer))
}

// issuerAt returns the issuer of an OpenID provider at e, or "".
func issuerAt(ctx context.Context, e Endpoint, n Network) string {
	h := &jsonClient{endpoint: e, client: n.client(nil)}
	m, err := h.get("/.well-known/openid-configuration", metadataNumbers())(ctx)
	if err != nil {
		return ""
	}
	return m.text(1)
}

// tlsTimeout is how long it may take to find out whether a server speaks TLS.
const tlsTimeout = 5 * time.Second

// speaksTLS reports whether e, which is configured without TLS, uses TLS. The answer to a
// plaintext request does not tell: some servers close the connection, others answer.
func speaksTLS(ctx context.Context, e Endpoint, n Network) bool {
	ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "https://"+e.Host+"/", nil)
	if err != nil {
		return false
	}
	resp, err := n.client(nil).Do(req)
	if err == nil {
		resp.Body.Close()
		return true
	}
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(tls.AlertError))
}

// tryMethods tries the discovery methods in order and returns the first answer.
func tryMethods(ctx context.Context, e Endpoint, n Network) (*LoginConfig, error) {
	var failures []*methodError
	noGRPC, grpcOnly := false, false
	for _, m := range methods(e, n) {
		if m.grpc && noGRPC {
			continue
		}
		f, err := m.discover(ctx)
		if err == nil {
			f.Server.Plaintext = e.Plaintext || e.loopback()
			return f, nil
		}
		var failure *methodError
		switch noHTTP := (*noHTTPError)(nil); {
		case errors.As(err, &noHTTP) && grpcOnly:
			failure = &methodError{unimplemented: true, message: e.Host + " supports only gRPC"}
		case errors.As(err, &noHTTP) && !errors.As(err, &failure):
			return nil, noHTTP.error
		case failure == nil && !errors.As(err, &failure):
			return nil, err
		}
		failures = append(failures, failure)
		noGRPC, grpcOnly = noGRPC || failure.noGRPC, grpcOnly || m.grpc && failure.unimplemented
	}
	return nil, discoveryError(e, failures)
}

// method is one way to request the two messages.
type method struct {
	grpc, flyte2     bool
	wellKnown        bool // the metadata is that of RFC 8414, which authorization servers have too, without the client configuration
	endpoint         Endpoint
	metadata, client func(context.Context) (message, error)
}

// methods returns all methods in the order in which they are tried.
func methods(e Endpoint, n Network) []method {
	const v1, v2 = "flyteidl.service.AuthMetadataService", "flyteidl2.auth.AuthMetadataService"
	g := &grpcClient{endpoint: e, client: n.client(e.grpcProtocol())}
	h := &jsonClient{endpoint: e, client: n.client(nil)}
	const metadata, client = "/GetOAuth2Metadata", "/GetPublicClientConfig"
	return []method{
		{true, false, false, e, g.call("/" + v1 + metadata), g.call("/" + v1 + client)},
		{true, true, false, e, g.call("/" + v2 + metadata), g.call("/" + v2 + client)},
		{false, true, false, e, h.post("/"+v2+metadata, metadataNumbers()), h.post("/"+v2+client, clientNumbers())},
		{false, false, true, e, h.get("/.well-known/oauth-authorization-server", metadataNumbers()), h.get("/config/v1/flyte_client", clientNumbers())},
	}
}

// client returns a client that does not follow redirects. protocols are the HTTP versions
// that it may use; nil: any.
func (n Network) client(protocols *http.Protocols) *http.Client {
	t := n.Transport
	if t == nil {
		t = oauth.NewTransport(nil)
	}
	t = t.Clone()
	t.Protocols = protocols
	c := &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if n.Wrap != nil {
		c.Transport = n.Wrap(t)
	}
	return c
}

func (m method) discover(ctx context.Context) (*LoginConfig, error) {
	metadata, err := m.metadata(ctx)
	if err != nil {
		return nil, err
	}
	f := &LoginConfig{Flyte2: m.flyte2, Server: oauth.Metadata{
		Issuer:                metadata.text(1),
		AuthorizationEndpoint: metadata.text(2),
		TokenEndpoint:         metadata.text(3),
		Scopes:                metadata[5],
		TokenAuthMethods:      metadata[6],
		KeysURI:               metadata.text(7),
		Challenges:            metadata[8],
		DeviceEndpoint:        metadata.text(10),
	}}
	c, err := m.client(ctx)
	failure := (*methodError)(nil)
	if err != nil && !errors.As(err, &failure) { // a server without public clients may have no such call
		return nil, err
	}
	if m.wellKnown && failure != nil && failure.missing && f.Server.Issuer != "" {
		return nil, identityProvider(m.endpoint, f.Server.Issuer)
	}
	f.ClientID, f.RedirectURI, f.Scopes, f.HeaderKey, f.Audience = c.text(1), c.text(2), c[3], c.text(4), c.text(6)
	return f, nil
}

// IsFlyteadmin reports whether m is the metadata of the authorization server that is
// built into flyteadmin.
func IsFlyteadmin(m oauth.Metadata) bool {
	u, err := url.Parse(m.TokenEndpoint)
	return err == nil && strings.HasSuffix(u.Path, "/oauth2/token") && strings.HasSuffix(m.AuthorizationEndpoint, "/oauth2/authorize")
}

// ProxyAuthRequiredError means that a proxy in front of a Flyte endpoint lets requests
// through only with a token for the proxy itself.
type ProxyAuthRequiredError struct {
	Endpoint Endpoint
	Message  string // the proxy's answer
}

func (e *ProxyAuthRequiredError) Error() string {
	return fmt.Sprintf("a proxy in front of %s requires its own authentication: %s", e.Endpoint, e.Message)
}

// methodError is the failure of one discovery method. Another method may succeed.
type methodError struct {
	unimplemented bool // the server says that it does not implement the call
	missing       bool // status 404, which may come from a proxy
	noGRPC        bool // the server does not support gRPC
	authRequired  bool // the server or a proxy requires authentication
	temporary     bool // a later attempt may succeed
	message       string
}

func (e *methodError) Error() string { return e.message }

// noHTTPError is the failure of a request by plain HTTP that a server with gRPC only would
// cause too. It does not count if the server is known to support gRPC.
type noHTTPError struct{ error }

func (e *noHTTPError) Unwrap() error { return e.error }

// discoveryError returns the error of a discovery in which all methods failed. It is
// ErrNoAuth if both methods of Flyte 1, the first and the last, are unimplemented by the
// server itself: some proxies turn a bare 404 into gRPC's unimplemented. The methods in
// between are those of Flyte 2, which a server need not implement.
func discoveryError(e Endpoint, failures []*methodError) error {
	first, last := failures[0], failures[len(failures)-1]
	undecided := func(f *methodError) bool { return f.authRequired || !f.unimplemented && !f.missing && !f.noGRPC }
	unimplemented := (first.unimplemented || first.noGRPC) && last.unimplemented // a proxy may pass HTTP only
	if unimplemented && !slices.ContainsFunc(failures, undecided) {
		return ErrNoAuth
	}
	if i := slices.IndexFunc(failures, func(f *methodError) bool { return f.authRequired }); i >= 0 {
		return &ProxyAuthRequiredError{Endpoint: e, Message: failures[i].message}
	}
	problem := last.message
	if first.message != problem {
		problem += "; by gRPC: " + first.message
	}
	problem = fmt.Sprintf("%s does not say how to log in: %s", e, problem)
	if last.temporary {
		return oauth.Temporary("%s", problem)
	}
	return oauth.ConfigError("endpoint", "%s", problem)
}
