package flyteadmin_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/admin"
	"github.com/flyteorg/flyte/flyteidl/gen/pb-go/flyteidl/service"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin/authserver"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// peer is a client of a server, over gRPC and over HTTP.
type peer struct {
	*flyteadmin.Server
	idp  *oauthtest.Server
	conn *grpc.ClientConn
	http *http.Client
}

func start(t *testing.T, c flyteadmin.Config) *peer {
	t.Helper()
	idp, err := oauthtest.NewServer(oauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(idp.Close)
	s, err := flyteadmin.New(idp, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA)
	secure := &tls.Config{RootCAs: roots}
	transport := insecure.NewCredentials()
	if s.CA != nil {
		transport = credentials.NewTLS(secure)
	}
	conn, err := grpc.NewClient("passthrough:"+strings.TrimPrefix(s.Endpoint, "http://"), grpc.WithTransportCredentials(transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &peer{s, idp, conn, &http.Client{Transport: &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: true}}}
}

// login returns the token of a user, from the authorization server or the OpenID provider.
func (p *peer) login(t *testing.T, endpoint oauth2.Endpoint, scopes ...string) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	config := &oauth2.Config{ClientID: authserver.PublicClient, RedirectURL: authserver.Redirects()[0], Scopes: scopes, Endpoint: endpoint}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, p.http)
	var code string
	browser := &http.Client{Transport: caught{p.http.Transport, &code}}
	if page, err := oauthtest.SignIn(ctx, browser, config.AuthCodeURL("a-long-state", oauth2.S256ChallengeOption(verifier))); err != nil {
		t.Fatal(err, page)
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// caught stores the redirect to the client, at which no server listens.
type caught struct {
	http.RoundTripper
	code *string
}

func (c caught) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Host, "localhost:") {
		return c.RoundTripper.RoundTrip(r)
	}
	*c.code = r.URL.Query().Get("code")
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

func (p *peer) person(t *testing.T) string {
	t.Helper()
	endpoint := oauth2.Endpoint{AuthURL: p.URL + authserver.AuthorizePath, TokenURL: p.URL + authserver.TokenPath}
	return p.login(t, endpoint, "all", "offline").AccessToken
}

func (p *peer) outsider(t *testing.T) *oauth2.Token {
	t.Helper()
	return p.login(t, oauth2.Endpoint{AuthURL: p.idp.URL + "/authorize", TokenURL: p.idp.URL + "/oauth/token"}, "openid")
}

func (p *peer) whoami(ctx context.Context, pairs ...string) (*service.UserInfoResponse, error) {
	return service.NewIdentityServiceClient(p.conn).UserInfo(metadata.AppendToOutgoingContext(ctx, pairs...), &service.UserInfoRequest{})
}

func wantCode(t *testing.T, err error, want codes.Code, says string) {
	t.Helper()
	if status.Code(err) != want || !strings.Contains(status.Convert(err).Message(), says) {
		t.Errorf("got %v, want %v with %q", err, want, says)
	}
}

// get gives the status, the content type and, if it is JSON, the answer.
func (p *peer) get(t *testing.T, path string, header ...string) (int, string, map[string]any) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, p.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.send(t, request, header...)
}

func (p *peer) send(t *testing.T, request *http.Request, header ...string) (int, string, map[string]any) {
	t.Helper()
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer, err := p.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var object map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&object) // a body that is not JSON has no fields; the test checks that
	return answer.StatusCode, answer.Header.Get("Content-Type"), object
}

func keys(object map[string]any) map[string]bool {
	all := map[string]bool{}
	for key := range object {
		all[key] = true
	}
	return all
}

func TestMetadata(t *testing.T) {
	for name, ports := range map[string]flyteadmin.Ports{"TLS": flyteadmin.TLS, "plaintext": flyteadmin.Plaintext, "two ports": flyteadmin.Two} {
		t.Run(name, func(t *testing.T) {
			p := start(t, flyteadmin.Config{Ports: ports})
			c := service.NewAuthMetadataServiceClient(p.conn)
			m, err := c.GetOAuth2Metadata(t.Context(), &service.OAuth2MetadataRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Issuer != p.URL || m.AuthorizationEndpoint != p.URL+"/oauth2/authorize" || m.TokenEndpoint != p.URL+"/oauth2/token" || m.DeviceAuthorizationEndpoint != "" ||
				!cmp.Equal(m.ScopesSupported, []string{"all"}) || !cmp.Equal(m.CodeChallengeMethodsSupported, []string{"S256"}) {
				t.Errorf("%v", m)
			}
			config, err := c.GetPublicClientConfig(t.Context(), &service.PublicClientAuthConfigRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if config.ClientId != "flytectl" || config.RedirectUri != "http://localhost:53593/callback" || !cmp.Equal(config.Scopes, []string{"all", "offline"}) ||
				config.AuthorizationMetadataKey != "flyte-authorization" || config.Audience != "" {
				t.Errorf("%v", config)
			}
			if p.Count("GetOAuth2Metadata") != 1 || p.Count("GetPublicClientConfig") != 1 || p.Count("unauthenticated") != 0 {
				t.Error("the counts are wrong")
			}
		})
	}
}

func TestGatewayCasing(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	for accept, want := range map[string]string{
		"application/json":                   "authorization_endpoint",
		"":                                   "authorizationEndpoint",
		"*/*":                                "authorizationEndpoint",
		"application/json, text/plain":       "authorizationEndpoint",
		"application/json; charset=utf-8":    "authorizationEndpoint",
		"text/html,application/json;q=0.9":   "authorizationEndpoint",
		"application/json;q=0.5, */*;q=0.05": "authorizationEndpoint",
	} {
		code, _, answer := p.get(t, "/.well-known/oauth-authorization-server", "Accept", accept)
		if code != http.StatusOK || answer[want] != p.URL+"/oauth2/authorize" {
			t.Errorf("Accept %q: %d %v", accept, code, keys(answer))
		}
	}
	code, _, answer := p.get(t, "/config/v1/flyte_client", "Accept", "application/json")
	if code != http.StatusOK || answer["client_id"] != "flytectl" || answer["authorization_metadata_key"] != "flyte-authorization" {
		t.Errorf("%d %v", code, answer)
	}
	request, err := http.NewRequest(http.MethodPost, p.URL+"/config/v1/flyte_client", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if code, _, _ := p.send(t, request); code != http.StatusNotImplemented {
		t.Errorf("POST: %d, want 501", code)
	}
}

func TestBearer(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	token := p.person(t)
	for _, pair := range [][]string{
		{"flyte-authorization", "Bearer " + token}, {"authorization", "Bearer " + token},
		{"flyte-authorization", "bearer " + token}, {"authorization", "BEARER " + token},
	} {
		who, err := p.whoami(t.Context(), pair...)
		if err != nil || who.Subject != "alice" || who.Email != "alice@example.com" {
			t.Errorf("%s: %v, %v", pair[0], who, err)
		}
		if code, _, who := p.get(t, "/me", append(pair, "Accept", "application/json")...); code != http.StatusOK || who["subject"] != "alice" {
			t.Errorf("/me with %s: %d %v", pair[0], code, who)
		}
	}
	if _, err := service.NewAdminServiceClient(p.conn).GetVersion(t.Context(), &admin.GetVersionRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("GetVersion without a token: %v", err)
	}
	if p.Count("UserInfo") != 8 || p.Count("unauthenticated") != 1 {
		t.Errorf("%d answers, %d refusals", p.Count("UserInfo"), p.Count("unauthenticated"))
	}
}

func TestBearerRefused(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	endpoint := oauth2.Endpoint{AuthURL: p.URL + authserver.AuthorizePath, TokenURL: p.URL + authserver.TokenPath}
	refresh := p.login(t, endpoint, "all", "offline").RefreshToken
	unscoped := p.login(t, endpoint).AccessToken
	p.Configure(func(s *flyteadmin.Settings) { s.Lifetimes.Access = -time.Second })
	expired := p.person(t)
	other := start(t, flyteadmin.Config{}).person(t) // for another URL, by the same key
	for name, test := range map[string]struct{ token, says string }{
		"none":            {"", "no bearer token"},
		"garbage":         {"garbage", ""},
		"expired":         {expired, "Token is expired"},
		"a refresh token": {refresh, "doesn't have required scope"},
		"no scope":        {unscoped, "doesn't have required scope"},
		"for another":     {other, "invalid audience"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.whoami(t.Context(), "flyte-authorization", "Bearer "+test.token)
			wantCode(t, err, codes.Unauthenticated, test.says)
			code, _, answer := p.get(t, "/me", "Flyte-Authorization", "Bearer "+test.token, "Accept", "application/json")
			if code != http.StatusUnauthorized || answer["code"] != 16.0 {
				t.Errorf("/me answers %d %v", code, answer)
			}
		})
	}
}

func TestHeaderKey(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	p.Configure(func(s *flyteadmin.Settings) { s.HeaderKey = "x-company-token" })
	config, err := service.NewAuthMetadataServiceClient(p.conn).GetPublicClientConfig(t.Context(), &service.PublicClientAuthConfigRequest{})
	if err != nil || config.AuthorizationMetadataKey != "x-company-token" {
		t.Errorf("%v, %v", config, err)
	}
	token := p.person(t)
	if _, err := p.whoami(t.Context(), "x-company-token", "Bearer "+token); err != nil {
		t.Error(err)
	}
	if code, _, _ := p.get(t, "/me", "X-Company-Token", "Bearer "+token); code != http.StatusOK {
		t.Errorf("/me answers %d", code)
	}
	_, err = p.whoami(t.Context(), "flyte-authorization", "Bearer "+token)
	wantCode(t, err, codes.Unauthenticated, "")
}

func TestNoAuth(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	p.Configure(func(s *flyteadmin.Settings) { s.NoAuth = true })
	_, err := service.NewAuthMetadataServiceClient(p.conn).GetOAuth2Metadata(t.Context(), &service.OAuth2MetadataRequest{})
	wantCode(t, err, codes.Unimplemented, "unknown service flyteidl.service.AuthMetadataService")
	wantCode(t, p.flyte2(t.Context(), "GetOAuth2Metadata", &service.OAuth2MetadataResponse{}), codes.Unimplemented, "")
	for path, want := range map[string]int{"/config/v1/flyte_client": 501, "/.well-known/oauth-authorization-server": 501, "/oauth2/authorize": 404} {
		if code, _, _ := p.get(t, path); code != want {
			t.Errorf("%s answers %d, want %d", path, code, want)
		}
	}
	if _, err := service.NewAdminServiceClient(p.conn).GetVersion(t.Context(), &admin.GetVersionRequest{}); err != nil {
		t.Error(err)
	}
}

func (p *peer) flyte2(ctx context.Context, method string, answer any) error {
	return p.conn.Invoke(ctx, "/flyteidl2.auth.AuthMetadataService/"+method, &service.OAuth2MetadataRequest{}, answer)
}

func (p *peer) connect(t *testing.T, method string) (int, string, map[string]any) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, p.URL+"/flyteidl2.auth.AuthMetadataService/"+method, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return p.send(t, request, "Content-Type", "application/json")
}

func TestFlyte2(t *testing.T) {
	p := start(t, flyteadmin.Config{Flyte2: true})
	_, err := service.NewAuthMetadataServiceClient(p.conn).GetOAuth2Metadata(t.Context(), &service.OAuth2MetadataRequest{})
	wantCode(t, err, codes.Unimplemented, "unknown service")
	config := &service.PublicClientAuthConfigResponse{}
	if err := p.flyte2(t.Context(), "GetPublicClientConfig", config); err != nil {
		t.Fatal(err)
	}
	if config.ClientId != "flytectl" || config.AuthorizationMetadataKey != "authorization" || len(config.ProtoReflect().GetUnknown()) == 0 {
		t.Errorf("%v", config)
	}
	for _, accept := range []string{"application/json", "*/*"} {
		if code, _, answer := p.get(t, "/.well-known/oauth-authorization-server", "Accept", accept); code != http.StatusOK || answer["tokenEndpoint"] != p.URL+"/oauth2/token" {
			t.Errorf("Accept %s: %d %v", accept, code, answer)
		}
	}
	if code, _, _ := p.get(t, "/config/v1/flyte_client"); code != http.StatusNotFound {
		t.Errorf("Flyte v1's URL answers %d", code)
	}
	code, kind, answer := p.connect(t, "GetPublicClientConfig")
	if code != http.StatusOK || kind != "application/json" || answer["clientId"] != "flytectl" {
		t.Errorf("Connect: %d %s %v", code, kind, answer)
	}
	if code, _, answer := p.connect(t, "GetNothing"); code != http.StatusNotImplemented || answer["code"] != "unimplemented" {
		t.Errorf("Connect: %d %v", code, answer)
	}
	p.Configure(func(s *flyteadmin.Settings) { s.NoClient = true })
	if _, _, answer := p.connect(t, "GetPublicClientConfig"); !cmp.Equal(keys(answer), map[string]bool{"authorizationMetadataKey": true}) {
		t.Errorf("without a client: %v", answer)
	}
	who, err := p.whoami(t.Context(), "authorization", "Bearer "+p.person(t))
	if err != nil || who.Subject != "alice" {
		t.Errorf("%v, %v", who, err)
	}
}

func TestExternal(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	p.Configure(func(s *flyteadmin.Settings) { s.External, s.RetryDelay = true, time.Millisecond })
	c := service.NewAuthMetadataServiceClient(p.conn)
	m, err := c.GetOAuth2Metadata(t.Context(), &service.OAuth2MetadataRequest{})
	if err != nil || m.Issuer != p.idp.URL || m.TokenEndpoint != p.idp.URL+"/oauth/token" {
		t.Errorf("%v, %v", m, err)
	}
	who, err := p.whoami(t.Context(), "flyte-authorization", "Bearer "+p.outsider(t).AccessToken)
	if err != nil || who.Subject != "alice" {
		t.Errorf("%v, %v", who, err)
	}
	if code, _, _ := p.get(t, "/oauth2/authorize"); code != http.StatusNotFound {
		t.Errorf("flyteadmin's own server answers %d", code)
	}

	p.idp.ResetCounts()
	p.idp.Fail("discovery", oauthtest.Fault{Status: 503})
	_, err = c.GetOAuth2Metadata(t.Context(), &service.OAuth2MetadataRequest{})
	wantCode(t, err, codes.Internal, "Failed to get oauth metadata")
	if p.idp.Count("discovery") != 6 {
		t.Errorf("%d tries", p.idp.Count("discovery"))
	}
	p.idp.Close()
	_, err = c.GetOAuth2Metadata(t.Context(), &service.OAuth2MetadataRequest{})
	wantCode(t, err, codes.Unknown, "refused")
}

func TestTroubles(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	p.Configure(func(s *flyteadmin.Settings) { s.Trouble = flyteadmin.HTML })
	_, err := p.whoami(t.Context())
	wantCode(t, err, codes.Unknown, "text/html")
	if code, kind, _ := p.get(t, "/config/v1/flyte_client"); code != http.StatusOK || !strings.HasPrefix(kind, "text/html") {
		t.Errorf("%d %s", code, kind)
	}
	p.Configure(func(s *flyteadmin.Settings) { s.Trouble = flyteadmin.Unavailable })
	_, err = p.whoami(t.Context())
	wantCode(t, err, codes.Unavailable, "no healthy upstream")
	if code, _, _ := p.get(t, "/config/v1/flyte_client"); code != http.StatusServiceUnavailable {
		t.Errorf("%d", code)
	}
	p.Configure(func(s *flyteadmin.Settings) { s.Trouble = flyteadmin.NoTrouble })
	_, err = p.whoami(t.Context())
	wantCode(t, err, codes.Unauthenticated, "")
}

func TestWebOnly(t *testing.T) {
	for name, ports := range map[string]flyteadmin.Ports{"TLS": flyteadmin.WebTLS, "plaintext": flyteadmin.Web} {
		t.Run(name, func(t *testing.T) {
			p := start(t, flyteadmin.Config{Ports: ports})
			if _, err := p.whoami(t.Context()); err == nil {
				t.Error("there is gRPC")
			}
			if code, _, answer := p.get(t, "/config/v1/flyte_client"); code != http.StatusOK || answer["clientId"] != "flytectl" {
				t.Errorf("%d %v", code, answer)
			}
		})
	}
}

// With two ports, gRPC is at one and HTTP at the other, and not the other way round.
func TestTwoPorts(t *testing.T) {
	p := start(t, flyteadmin.Config{Ports: flyteadmin.Two})
	if p.URL == p.Endpoint {
		t.Fatal("there is one port")
	}
	if answer, err := p.http.Get(p.Endpoint + "/config/v1/flyte_client"); err == nil && answer.StatusCode == http.StatusOK {
		t.Error("HTTP/1.1 is answered where gRPC is")
	}
	wrong, err := grpc.NewClient("passthrough:"+strings.TrimPrefix(p.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	if _, err := service.NewIdentityServiceClient(wrong).UserInfo(t.Context(), &service.UserInfoRequest{}); status.Code(err) == codes.Unauthenticated {
		t.Error("gRPC is answered where HTTP is")
	}
}

func TestPrivateAuthority(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	if _, err := http.Get(p.URL + "/config/v1/flyte_client"); err == nil {
		t.Error("a client without the certificate trusts it")
	}
}

func TestProxy(t *testing.T) {
	p := start(t, flyteadmin.Config{})
	token := p.person(t)
	pass := p.outsider(t)
	p.Configure(func(s *flyteadmin.Settings) { s.Proxy = true })
	_, err := p.whoami(t.Context(), "flyte-authorization", "Bearer "+token)
	wantCode(t, err, codes.Unauthenticated, "401")
	_, err = p.whoami(t.Context(), "flyte-authorization", "Bearer "+token, "proxy-authorization", "Bearer "+token)
	wantCode(t, err, codes.Unauthenticated, "401")
	_, err = p.whoami(t.Context(), "proxy-authorization", "Bearer "+pass.AccessToken)
	wantCode(t, err, codes.Unauthenticated, "no bearer token")
	for _, id := range []string{pass.AccessToken, pass.Extra("id_token").(string)} {
		who, err := p.whoami(t.Context(), "flyte-authorization", "Bearer "+token, "proxy-authorization", "Bearer "+id)
		if err != nil || who.Subject != "alice" {
			t.Errorf("%v, %v", who, err)
		}
	}
	request, err := http.NewRequest(http.MethodPost, p.URL+authserver.TokenPath, strings.NewReader(url.Values{"grant_type": {"refresh_token"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if code, kind, _ := p.send(t, request); code != http.StatusUnauthorized || !strings.HasPrefix(kind, "text/html") {
		t.Errorf("a token call without: %d %s", code, kind)
	}
	if p.Count("proxy-refused") != 3 {
		t.Errorf("%d requests were refused", p.Count("proxy-refused"))
	}
	if _, kind, _ := p.get(t, authserver.AuthorizePath); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("a browser, which has a cookie: %s", kind)
	}
}
