// Command httpclient makes 50 requests at once with the token of one login.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"sync"

	"golang.org/x/oauth2"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

func main() {
	issuer, clientID, url := os.Args[1], os.Args[2], os.Args[3]
	source, err := cache.New(&oauth.Client{Issuer: issuer, ClientID: clientID, Open: open})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	client := oauth2.NewClient(ctx, source.TokenSource(ctx))
	var requests sync.WaitGroup
	for range 50 {
		requests.Go(func() {
			resp, err := client.Get(url)
			if err != nil {
				log.Fatal(err)
			}
			defer resp.Body.Close()
			fmt.Println(resp.Status)
		})
	}
	requests.Wait()
}

func open(_ context.Context, url string) error { return exec.Command("xdg-open", url).Start() }
