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

// newSource returns the tokens of a client from the login that flyte-credential-helper
// saves too: a user who logs in with either is logged in for both.
func newSource(client oauth.Client, kind string) *cache.Source {
	dir := cache.Dir(filepath.Join(xdg.StateHome, "flyte-credential-helper"))
	key := cache.Key{Server: []string{client.Issuer}, Client: client.ClientID, Grant: cache.GrantUser, Scopes: client.Scopes}
	keyring := &cache.Keyring{Attended: func() bool { return true }, Getenv: os.Getenv}
	return &cache.Source{
		Store: cache.NewStore(dir, kind, keyring, key),
		Kind:  oauth.Access,
		PrepareRefresh: func(ctx context.Context, old *oauth.Token) (*oauth.TokenRequest, error) {
			return client.PrepareRefresh(ctx, old, oauth.Access)
		},
		PrepareLogin: func(ctx context.Context, _ *oauth.Token, _ error) (oauth.PreparedLogin, error) {
			return client.PrepareLogin(ctx, oauth.Access)
		},
		Redeem:      client.Redeem,
		ReuseWindow: time.Minute,
		LockTimeout: 3 * time.Minute,
		Now:         time.Now,
		Log:         slog.New(slog.DiscardHandler),
	}
}

// tokenSource makes an oauth2.TokenSource of a Source.
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

// credentials makes gRPC's credentials.PerRPCCredentials of a Source.
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

// A user logs in once, in the browser. From then on each call of each process returns the
// saved token, or refreshes it once for all.
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

	client := oauth.Client{
		Issuer:   server.URL,
		ClientID: oauthtest.PublicClient,
		Open: func(_ context.Context, url string) error { // yours starts a browser
			fmt.Println("the browser opens")
			go oauthtest.SignIn(context.Background(), nil, url)
			return nil
		},
	}
	ctx := context.Background()
	source := newSource(client, cache.StoreFile) // yours: cache.StoreAuto
	for range 2 {
		token, err := source.Token(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("hello", token.Account)
	}

	// The same for code that takes an oauth2.TokenSource, or gRPC's credentials.
	var tokens oauth2.TokenSource = tokenSource{ctx, source}
	token, err := tokens.Token()
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := credentials{source}.GetRequestMetadata(ctx)
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
