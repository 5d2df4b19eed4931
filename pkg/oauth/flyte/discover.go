// Package flyte holds what Flyte adds to OAuth 2.0: endpoints that say themselves
// how to log in, and the configuration of Flyte's other clients.
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

// Found is what a Flyte endpoint says of how to log in.
type Found struct {
	// Server is GetOAuth2Metadata's answer.
	Server oauth.Metadata
	// The rest is GetPublicClientConfig's. Each may be empty.
	ClientID    string
	RedirectURI string
	Scopes      []string
	Audience    string
	HeaderKey   string // the header that takes the token; empty: Authorization
	// Flyte2 reports whether it answers as Flyte 2 alone.
	Flyte2 bool
}

// ErrNoAuth means that the endpoint wants no tokens.
var ErrNoAuth = errors.New("authentication is switched off there")

// limit is how long discovery may take. With an identity provider of its own
// flyteadmin asks that one each time, five times where it does not answer.
const limit = 15 * time.Second

// grpcLimit leaves time for the other ways.
const grpcLimit = 10 * time.Second

// Network is how an endpoint is reached.
type Network struct {
	// Transport says how connections are made. It is not used itself: it may speak
	// another HTTP than a call needs.
	Transport *http.Transport
	// Wrap adds to each request what it must carry. Nil: nothing.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Discover asks an endpoint how to log in: by gRPC, as Flyte's clients do, then by
// HTTP, which passes through proxies that know no gRPC. It returns [ErrNoAuth], or an
// [oauth.Error], which is of class config if the endpoint is not one of Flyte.
func Discover(ctx context.Context, e Endpoint, n Network) (*Found, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, e.silent())
	defer cancel()
	f, err := tryAll(ctx, e, n)
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
	h := &gateway{endpoint: e, client: n.client(nil)}
	m, err := h.get("/.well-known/openid-configuration", metadataNumbers())(ctx)
	if err != nil {
		return ""
	}
	return m.text(1)
}

// tlsLimit is how long it may take to find out whether a server speaks TLS.
const tlsLimit = 5 * time.Second

// speaksTLS reports whether e, which is configured without TLS, speaks it: servers that do
// close a plaintext connection, or answer in many ways.
func speaksTLS(ctx context.Context, e Endpoint, n Network) bool {
	ctx, cancel := context.WithTimeout(ctx, tlsLimit)
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

// tryAll asks in each way until one leads to an answer.
func tryAll(ctx context.Context, e Endpoint, n Network) (*Found, error) {
	var failed []*elsewhere
	deaf, speaks := false, false // to gRPC; nothing for us, but gRPC
	for _, w := range ways(e, n) {
		if w.grpc && deaf {
			continue
		}
		f, err := w.discover(ctx)
		if err == nil {
			f.Server.Plaintext = e.Plaintext || e.loopback()
			return f, nil
		}
		var at *elsewhere
		switch unspoken := (*unspokenError)(nil); {
		case errors.As(err, &unspoken) && speaks:
			at = &elsewhere{unimplemented: true, words: e.Host + " speaks nothing but gRPC"}
		case errors.As(err, &unspoken) && !errors.As(err, &at):
			return nil, unspoken.error
		case at == nil && !errors.As(err, &at):
			return nil, err
		}
		failed = append(failed, at)
		deaf, speaks = deaf || at.deaf, speaks || w.grpc && at.unimplemented
	}
	return nil, nowhere(e, failed)
}

// way is one way to ask for the two messages.
type way struct {
	grpc, flyte2     bool
	provider         bool // authorization servers too have its metadata (RFC 8414), and no client's configuration
	endpoint         Endpoint
	metadata, client func(context.Context) (message, error)
}

// ways are all there are, in the order in which they are tried.
func ways(e Endpoint, n Network) []way {
	const v1, v2 = "flyteidl.service.AuthMetadataService", "flyteidl2.auth.AuthMetadataService"
	g := &grpc{endpoint: e, client: n.client(e.protocol())}
	h := &gateway{endpoint: e, client: n.client(nil)}
	const metadata, client = "/GetOAuth2Metadata", "/GetPublicClientConfig"
	return []way{
		{true, false, false, e, g.call("/" + v1 + metadata), g.call("/" + v1 + client)},
		{true, true, false, e, g.call("/" + v2 + metadata), g.call("/" + v2 + client)},
		{false, true, false, e, h.post("/"+v2+metadata, metadataNumbers()), h.post("/"+v2+client, clientNumbers())},
		{false, false, true, e, h.get("/.well-known/oauth-authorization-server", metadataNumbers()), h.get("/config/v1/flyte_client", clientNumbers())},
	}
}

// client makes requests as n says, with no other HTTP than protocols; nil: any.
func (n Network) client(protocols *http.Protocols) *http.Client {
	t := n.Transport.Clone()
	t.Protocols = protocols
	c := &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if n.Wrap != nil {
		c.Transport = n.Wrap(t)
	}
	return c
}

func (w way) discover(ctx context.Context) (*Found, error) {
	m, err := w.metadata(ctx)
	if err != nil {
		return nil, err
	}
	f := &Found{Flyte2: w.flyte2, Server: oauth.Metadata{
		Issuer:                m.text(1),
		AuthorizationEndpoint: m.text(2),
		TokenEndpoint:         m.text(3),
		Scopes:                m[5],
		TokenAuthMethods:      m[6],
		KeysURI:               m.text(7),
		Challenges:            m[8],
		DeviceEndpoint:        m.text(10),
	}}
	c, err := w.client(ctx)
	at := (*elsewhere)(nil)
	if err != nil && !errors.As(err, &at) { // a server without public clients need not have it
		return nil, err
	}
	if w.provider && at != nil && at.missing && f.Server.Issuer != "" {
		return nil, identityProvider(w.endpoint, f.Server.Issuer)
	}
	f.ClientID, f.RedirectURI, f.Scopes, f.HeaderKey, f.Audience = c.text(1), c.text(2), c[3], c.text(4), c.text(6)
	return f, nil
}

// OwnServer reports whether m is of the authorization server that is a part of
// flyteadmin.
func OwnServer(m oauth.Metadata) bool {
	u, err := url.Parse(m.TokenEndpoint)
	return err == nil && strings.HasSuffix(u.Path, "/oauth2/token") && strings.HasSuffix(m.AuthorizationEndpoint, "/oauth2/authorize")
}

// GuardedError is a proxy that lets nobody through to a Flyte endpoint without a
// token of its own.
type GuardedError struct {
	Endpoint Endpoint
	Words    string // what it answered
}

func (e *GuardedError) Error() string {
	return fmt.Sprintf("a proxy before %s wants to know who asks how to log in: %s", e.Endpoint, e.Words)
}

// elsewhere is an answer that says nothing of Flyte by one way: another may do.
type elsewhere struct {
	unimplemented bool // what answers knows the way, and has nothing there
	missing       bool // 404, which is a proxy's word too
	deaf          bool // it does not speak gRPC
	guarded       bool // it lets nobody in who is not known to it
	passing       bool // it may be another answer soon
	words         string
}

func (e *elsewhere) Error() string { return e.words }

// unspokenError is why HTTP led to no answer, or to none that a server gives which
// speaks it: that of one which speaks gRPC only is no matter.
type unspokenError struct{ error }

func (e *unspokenError) Unwrap() error { return e.error }

// nowhere is the outcome where no way leads to an answer. Some proxies make gRPC's
// unimplemented of a bare 404: by Flyte 1's two ways it must be the server's word. In
// between are Flyte 2's, which nothing need know.
func nowhere(e Endpoint, failed []*elsewhere) error {
	last := failed[len(failed)-1]
	unknown := func(at *elsewhere) bool { return at.guarded || !at.unimplemented && !at.missing && !at.deaf }
	first := failed[0].unimplemented || failed[0].deaf // HTTP alone may be let through
	if first && last.unimplemented && !slices.ContainsFunc(failed, unknown) {
		return ErrNoAuth
	}
	if i := slices.IndexFunc(failed, func(at *elsewhere) bool { return at.guarded }); i >= 0 {
		return &GuardedError{Endpoint: e, Words: failed[i].words}
	}
	words := last.words
	if first := failed[0].words; first != words {
		words += "; by gRPC: " + first
	}
	words = fmt.Sprintf("%s does not say how to log in: %s", e, words)
	if last.passing {
		return oauth.Temporary("%s", words)
	}
	return oauth.ConfigError("endpoint", "%s", words)
}
