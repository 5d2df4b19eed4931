package cache_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// newSource returns a source for the examples: in a directory of its own, with a user who
// signs in as soon as the browser opens.
func newSource() (source *cache.Source, remove func()) {
	server, err := oauthtest.NewServer(oauthtest.Config{}) // yours is https://login.example.com
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	client := &oauth.Client{
		Issuer:   server.URL,
		ClientID: oauthtest.PublicClient,
		Open: func(_ context.Context, url string) error { // yours starts a browser
			fmt.Println("the browser opens")
			go oauthtest.SignIn(context.Background(), nil, url)
			return nil
		},
	}
	// You need neither option: the defaults are those of flyte-credential-helper.
	source, err = cache.New(client, cache.WithDir(cache.Dir(dir)), cache.WithStore(cache.StoreFile))
	if err != nil {
		log.Fatal(err)
	}
	return source, func() { server.Close(); os.RemoveAll(dir) }
}

// A user logs in once, in the browser. From then on each call of each process returns the
// saved token, or refreshes it once for all of them.
func ExampleNew() {
	source, remove := newSource()
	defer remove()
	for range 2 {
		token, err := source.Token(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("hello", token.Account)
	}
	// Output:
	// the browser opens
	// hello alice@example.com
	// hello alice@example.com
}

// An HTTP client sends the token with each request.
func ExampleSource_TokenSource() {
	source, remove := newSource()
	defer remove()
	ctx := context.Background()
	client := oauth2.NewClient(ctx, source.TokenSource(ctx))
	api := newAPI()
	defer api.Close()
	resp, err := client.Get(api.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output:
	// the browser opens
	// 200 OK
}

// A program that cannot show a login uses the saved one, or says which command to run.
func ExampleLoginNeededError() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	client := &oauth.Client{Issuer: "https://login.example.com", ClientID: "my-program"}
	source, err := cache.New(client, cache.WithDir(cache.Dir(dir)))
	if err != nil {
		log.Fatal(err)
	}
	_, err = source.Token(context.Background())
	if needed := (*cache.LoginNeededError)(nil); errors.As(err, &needed) {
		fmt.Println("run: flyte-credential-helper login --issuer", needed.Server, "--client-id", client.ClientID)
	}
	// Output:
	// run: flyte-credential-helper login --issuer https://login.example.com --client-id my-program
}

// A server may reject a token before it expires. The next call then refreshes it.
func ExampleSource_TokenAfterRejection() {
	source, remove := newSource()
	defer remove()
	ctx := context.Background()
	first, err := source.Token(ctx)
	if err != nil {
		log.Fatal(err)
	}
	rejected := func(c oauth.Credential) bool { return c.Value == first.AccessToken }
	second, err := source.TokenAfterRejection(ctx, rejected, false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(second.AccessToken == first.AccessToken) // within the reuse window
	// Output:
	// the browser opens
	// true
}

// perRPC has the methods of the interface PerRPCCredentials in
// google.golang.org/grpc/credentials: grpc.WithPerRPCCredentials(perRPC{source}).
type perRPC struct{ source *cache.Source }

func (c perRPC) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	t, err := c.source.Token(ctx)
	if err != nil {
		return nil, err
	}
	header := cmp.Or(t.Server.HeaderKey, "authorization") // Flyte endpoints name it
	return map[string]string{header: "Bearer " + t.AccessToken.Reveal()}, nil
}

func (perRPC) RequireTransportSecurity() bool { return true }

// gRPC gets the token for each call, in the header that the server names.
func ExampleSource_Token_grpc() {
	source, remove := newSource()
	defer remove()
	metadata, err := perRPC{source}.GetRequestMetadata(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for header := range metadata {
		fmt.Println(header)
	}
	// Output:
	// the browser opens
	// authorization
}

// newAPI is a service that accepts any bearer token.
func newAPI() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
}
