package oauth_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Log in through the browser, then call a service with the token. Most programs
// want pkg/cache instead, which does this once for all processes.
func ExampleClient_Login() {
	client := &oauth.Client{
		Issuer:   "https://login.example.com",
		ClientID: "my-program",
		Open:     func(_ context.Context, url string) error { return exec.Command("xdg-open", url).Start() },
	}
	token, err := client.Login(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Hello %s, the token ends at %s.\n", token.Account, token.Expiry.Format(time.Kitchen))

	request, err := http.NewRequest(http.MethodGet, "https://api.example.com/", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken.Reveal())
}

// Renew a token that is about to end. Log in again only if the server has refused the
// refresh token.
func ExampleClient_Refresh() {
	client := &oauth.Client{Issuer: "https://login.example.com", ClientID: "my-program"}
	renew := func(ctx context.Context, old *oauth.Token) (*oauth.Token, error) {
		if old.Credential(oauth.Access).ValidAt(time.Now().Add(time.Minute)) {
			return old, nil
		}
		token, err := client.Refresh(ctx, old)
		if e := oauth.AsError(err); e != nil && e.Saved != oauth.LoginUsable {
			return client.Login(ctx)
		}
		return token, err
	}
	_ = renew
}

// Get a token for the program itself, without a user. It needs no refresh: after the token
// has expired, request another one.
func ExampleClient_ClientCredentials() {
	secret, err := os.ReadFile("/run/secrets/my-program")
	if err != nil {
		log.Fatal(err)
	}
	client := &oauth.Client{
		Issuer:       "https://login.example.com",
		ClientID:     "my-program",
		ClientSecret: oauth.Secret(bytes.TrimSpace(secret)),
		Scopes:       []string{"all"},
	}
	token, err := client.ClientCredentials(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("The token is good for %s.\n", time.Until(token.Expiry))
}

// Endpoints, scopes and audience of a server that publishes no metadata, as
// flytekit's AuthorizationClient takes them.
func ExampleClient() {
	client := &oauth.Client{
		Endpoint:                 "flyte.example.com",
		AuthEndpoint:             "https://login.example.com/oauth2/authorize",
		TokenEndpoint:            "https://login.example.com/oauth2/token",
		ClientID:                 "flytectl",
		Scopes:                   []string{"all", "offline"},
		Audience:                 "https://flyte.example.com",
		RedirectURI:              "http://localhost:53593/callback",
		AuthParamsInTokenRequest: true,
	}
	if _, err := client.Discover(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
}

// However a secret is printed, it does not show.
func ExampleSecret() {
	token := oauth.Token{AccessToken: "eyJhbGciOi", Subject: "alice"}
	fmt.Println(token.AccessToken)
	fmt.Printf("%q %x %+v\n", token.AccessToken, token.AccessToken, token.Credential(oauth.Access).Value)
	fmt.Println(len(token.AccessToken.Reveal()))
	// Output:
	// REDACTED
	// REDACTED REDACTED REDACTED
	// 10
}
