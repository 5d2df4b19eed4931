package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Fifty goroutines find nothing: one browser, one exchange, one token. Half of them use a
// source of their own.
func TestNewConcurrently(t *testing.T) {
	server, err := oauthtest.NewServer(oauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	dir := cache.DirIn(t.TempDir())
	client := &oauth.Client{Issuer: server.URL, ClientID: oauthtest.PublicClient, Open: func(ctx context.Context, url string) error {
		go oauthtest.SignIn(context.WithoutCancel(ctx), nil, url)
		return nil
	}}
	newSource := func() *cache.Source {
		s, err := cache.New(client, cache.WithDir(dir), cache.WithStore(cache.StoreFile))
		if err != nil {
			t.Error(err)
		}
		return s
	}
	shared := newSource()
	var all sync.WaitGroup
	var tokens sync.Map
	for i := range 50 {
		all.Go(func() {
			s := shared
			if i%2 == 0 {
				s = newSource()
			}
			token, err := s.TokenSource(t.Context()).Token()
			if err != nil {
				t.Error(err)
				return
			}
			tokens.Store(token.AccessToken, true)
		})
	}
	all.Wait()
	n := 0
	tokens.Range(func(any, any) bool { n++; return true })
	if exchanges := server.Count("authorization_code"); n != 1 || exchanges != 1 {
		t.Errorf("%d tokens, %d exchanges", n, exchanges)
	}
}

// New refuses a client that cannot work, and has a default for everything else.
func TestNew(t *testing.T) {
	for name, c := range map[string]struct {
		client  oauth.Client
		setting string // of the error
	}{
		"no server":   {oauth.Client{ClientID: "c"}, "token-endpoint"},
		"no client":   {oauth.Client{Issuer: "https://a"}, "client-id"},
		"not https":   {oauth.Client{Issuer: "http://a.example.com", ClientID: "c"}, "issuer"},
		"the minimum": {oauth.Client{Issuer: "https://a", ClientID: "c"}, ""},
	} {
		s, err := cache.New(&c.client)
		var e *oauth.Error
		if errors.As(err, &e) != (c.setting != "") || e != nil && e.Setting != c.setting || (s == nil) != (c.setting != "") {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	s, err := cache.New(&oauth.Client{Issuer: "https://a", ClientID: "c"}, cache.WithDir(cache.DirIn(t.TempDir())))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.TokenSource(t.Context()).Token()
	if needed := (*cache.LoginNeededError)(nil); !errors.As(err, &needed) || needed.Server != "https://a" {
		t.Errorf("without a way to show a login: %v", err)
	}
}

// The servers of a login are those that its client names.
func TestKeyOf(t *testing.T) {
	metadata := &oauth.Metadata{Issuer: "https://a", AuthorizationEndpoint: "https://a/x", TokenEndpoint: "https://a/t"}
	issuer := cache.Key{Server: []string{"https://a"}, Client: "c", Grant: cache.GrantUser}
	for name, c := range map[string]struct {
		client oauth.Client
		want   cache.Key
	}{
		"issuer":           {oauth.Client{Issuer: "https://a", ClientID: "c"}, issuer},
		"issuer with name": {oauth.Client{Issuer: "https://a", Endpoint: "shown", ClientID: "c"}, issuer},
		"metadata":         {oauth.Client{Server: metadata, ClientID: "c"}, issuer},
		"network": {oauth.Client{Issuer: "https://a", ClientID: "c", RedirectURI: "http://localhost:1/", LoginTimeout: 1, ClientSecret: "s"},
			issuer},
		"flyte":     {oauth.Client{Endpoint: "f"}, cache.Key{Server: []string{"f"}, Grant: cache.GrantUser}},
		"endpoints": {oauth.Client{AuthEndpoint: "https://a/x", TokenEndpoint: "https://a/t"}, cache.Key{Server: []string{"https://a/x", "https://a/t"}, Grant: cache.GrantUser}},
		"client credentials": {oauth.Client{Issuer: "https://a", Grant: oauth.GrantClientCredentials, ClientSecret: "s"},
			cache.Key{Server: []string{"https://a"}, Grant: cache.GrantClient}},
	} {
		if got := cache.KeyOf(&c.client); got.ID() != c.want.ID() {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
