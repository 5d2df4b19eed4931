// Command docker-credential-example is a credential helper for docker and one registry.
package main

import (
	"context"
	"log"
	"os"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

func main() {
	process := execcred.Process{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout}
	if err := execcred.Serve(context.Background(), execcred.Docker, process, get); err != nil {
		log.Fatal(err)
	}
}

func get(ctx context.Context, r execcred.Request) (execcred.Credential, error) {
	registry, err := execcred.ParsePattern("registry.example.com")
	if err != nil || !registry.Matches(r.Host) {
		return execcred.Credential{}, execcred.ErrNoCredential
	}
	source, err := cache.New(&oauth.Client{Issuer: os.Getenv("ISSUER"), ClientID: os.Getenv("CLIENT")})
	if err != nil {
		return execcred.Credential{}, err
	}
	token, err := source.TokenSource(ctx).Token()
	if err != nil {
		return execcred.Credential{}, err
	}
	return execcred.Credential{Token: token.AccessToken, Expiry: token.Expiry}, nil
}
