package oauthtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func start(t *testing.T, c oauthtest.Config) *oauthtest.Server {
	t.Helper()
	s, err := oauthtest.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// app is a program that wants tokens: golang.org/x/oauth2 and a callback.
type app struct {
	*oauth2.Config
	ctx      context.Context
	server   *oauthtest.Server
	callback chan url.Values
	verifier string
}

func newApp(t *testing.T, s *oauthtest.Server) *app {
	t.Helper()
	callback := make(chan url.Values, 1)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		callback <- r.URL.Query()
		io.WriteString(w, "you may close this tab")
	}))
	t.Cleanup(listener.Close)
	metadata := metadata(t, s)
	return &app{
		Config: &oauth2.Config{
			ClientID:    oauthtest.PublicClient,
			RedirectURL: listener.URL + "/callback",
			Scopes:      []string{"openid", "offline_access"},
			Endpoint: oauth2.Endpoint{
				AuthURL:       metadata["authorization_endpoint"].(string),
				TokenURL:      metadata["token_endpoint"].(string),
				DeviceAuthURL: metadata["device_authorization_endpoint"].(string),
				AuthStyle:     oauth2.AuthStyleInParams,
			},
		},
		ctx:      context.WithValue(t.Context(), oauth2.HTTPClient, s.Client()),
		server:   s,
		callback: callback,
		verifier: oauth2.GenerateVerifier(),
	}
}

// authorize opens the authorization URL and gives what came to the callback.
func (a *app) authorize(t *testing.T, options ...oauth2.AuthCodeOption) url.Values {
	t.Helper()
	page, err := oauthtest.SignIn(a.ctx, a.server.Client(), a.AuthCodeURL("st", options...))
	if err != nil {
		t.Fatal(err, page)
	}
	if page != "you may close this tab" {
		t.Fatalf("the last page is %q, want the callback's", page)
	}
	return <-a.callback
}

func (a *app) login(t *testing.T, options ...oauth2.AuthCodeOption) *oauth2.Token {
	t.Helper()
	code := a.authorize(t, append(options, oauth2.S256ChallengeOption(a.verifier))...).Get("code")
	token, err := a.Exchange(a.ctx, code, oauth2.VerifierOption(a.verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (a *app) refresh(refreshToken string) (*oauth2.Token, error) {
	return a.TokenSource(a.ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
}

// mustRefresh is a refresh that works, and its new refresh token.
func (a *app) mustRefresh(t *testing.T, refreshToken string) string {
	t.Helper()
	token, err := a.refresh(refreshToken)
	if err != nil {
		t.Fatal(err)
	}
	return token.RefreshToken
}

// wantRefused wants an OAuth error with a status.
func wantRefused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response.StatusCode != status || refused.ErrorCode != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

func wantCount(t *testing.T, s *oauthtest.Server, kind string, want int) {
	t.Helper()
	if got := s.Count(kind); got != want {
		t.Errorf("%d requests of kind %s, want %d", got, kind, want)
	}
}

func metadata(t *testing.T, s *oauthtest.Server) map[string]any {
	t.Helper()
	return getJSON(t, s, s.URL+"/.well-known/openid-configuration", "")
}

func getJSON(t *testing.T, s *oauthtest.Server, url, bearer string) map[string]any {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil
	}
	var object map[string]any
	if err := json.NewDecoder(response.Body).Decode(&object); err != nil {
		t.Fatal(err)
	}
	return object
}
