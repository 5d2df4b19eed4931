package cache_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/adrg/xdg"
	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// newSource is where a Go program gets a client's token from: the login that
// flyte-credential-helper keeps, renewed under the lock that it takes. Who logs in by
// either is logged in for both.
func newSource(client *oauth.Client, kind string) *cache.Source {
	dir := cache.Dir(filepath.Join(xdg.StateHome, "flyte-credential-helper"))
	key := cache.Key{Server: []string{client.Issuer}, Client: client.ClientID, Grant: cache.Person, Scopes: client.Scopes}
	keyring := &cache.Keyring{Attended: func() bool { return true }, Getenv: os.Getenv}
	return &cache.Source{
		Store: cache.NewStore(dir, kind, keyring, key),
		Kind:  oauth.Access,
		Renew: func(ctx context.Context, old *oauth.Token) (cache.Renewal, error) {
			if old == nil || !old.Refreshable(oauth.Access) {
				return client.PrepareLogin(ctx)
			}
			refresh, err := client.PrepareRefresh(ctx, old)
			return func(ctx context.Context, spend oauth.Spender) (*oauth.Token, error) {
				token, err := spend(ctx, refresh)
				if !oauth.LoggedOut(err) {
					return token, err
				}
				login, err := client.PrepareLogin(ctx)
				if err != nil {
					return nil, err
				}
				return login(ctx, spend)
			}, err
		},
		Spend:       client.Spend,
		ReuseWindow: time.Minute,
		Patience:    3 * time.Minute,
		Now:         time.Now,
		Log:         slog.New(slog.DiscardHandler),
	}
}

// tokenSource is a Source for all that takes x/oauth2's.
type tokenSource struct {
	ctx context.Context
	*cache.Source
}

func (s tokenSource) Token() (*oauth2.Token, error) {
	t, err := s.Source.Token(s.ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: t.AccessToken.Reveal(), TokenType: "Bearer", Expiry: t.Expiry}, nil
}

// credentials are a Source for gRPC: credentials.PerRPCCredentials.
type credentials struct{ *cache.Source }

func (c credentials) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	t, err := c.Token(ctx)
	if err != nil {
		return nil, err
	}
	header := "authorization"
	if t.Server.HeaderKey != "" {
		header = t.Server.HeaderKey // Flyte's servers name it
	}
	return map[string]string{header: "Bearer " + t.AccessToken.Reveal()}, nil
}

func (credentials) RequireTransportSecurity() bool { return true }

// A Go program has the person log in once, in the browser, and every call of every
// process gets the token from then on.
func ExampleSource() {
	server, err := oauthtest.NewServer(oauthtest.Config{}) // yours is https://login.example.com
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	home, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(home)
	xdg.StateHome = home // yours stays as it is

	client := &oauth.Client{
		Issuer:   server.URL,
		ClientID: oauthtest.PublicClient,
		Open: func(_ context.Context, url string) error { // yours starts a browser
			fmt.Println("the browser opens")
			go oauthtest.SignIn(context.Background(), nil, url)
			return nil
		},
	}
	ctx := context.Background()
	for range 2 {
		token, err := newSource(client, cache.InFile).Token(ctx) // yours: cache.Auto
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("hello", token.Account)
	}

	// The same for whatever takes x/oauth2's TokenSource, or gRPC's credentials.
	var source oauth2.TokenSource = tokenSource{ctx, newSource(client, cache.InFile)}
	token, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := credentials{newSource(client, cache.InFile)}.GetRequestMetadata(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(metadata["authorization"] == "Bearer "+token.AccessToken)
	// Output:
	// the browser opens
	// hello alice@example.com
	// hello alice@example.com
	// true
}
