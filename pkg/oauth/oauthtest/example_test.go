package oauthtest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// A user signs in at the server as in a browser. The server counts the requests.
func ExampleServer() {
	server, err := oauthtest.NewServer(oauthtest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client := &oauth.Client{Issuer: server.URL, ClientID: oauthtest.PublicClient, Open: func(ctx context.Context, url string) error {
		go oauthtest.SignIn(context.WithoutCancel(ctx), nil, url)
		return nil
	}}
	token, err := client.Login(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Account, server.Count("authorization_code"))
	// Output:
	// alice@example.com 1
}

// A server that has an outage answers with status 503, once.
func ExampleServer_Fail() {
	server, err := oauthtest.NewServer(oauthtest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.Fail("discovery", oauthtest.Fault{Status: 503, Times: 1})
	client := &oauth.Client{Issuer: server.URL, ClientID: oauthtest.PublicClient}
	for range 2 {
		_, err := client.Discover(context.Background())
		fmt.Println(oauth.IsTemporary(err))
	}
	// Output:
	// true
	// false
}
