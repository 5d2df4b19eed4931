package flyte_test

import (
	"fmt"
	"log"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// A program shares the login of: flyte-credential-helper login --endpoint flyte.example.com
func ExampleRequests() {
	client := &oauth.Client{Endpoint: "flyte.example.com"}
	source, err := cache.New(client, cache.WithRequests(flyte.Requests{Client: client}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(source.Store().Header.Server) // source.Token(ctx) returns the token
	// Output:
	// flyte.example.com
}

// An endpoint is written as in the configuration of Flyte's clients.
func ExampleParseEndpoint() {
	for _, address := range []string{"flyte.example.com", "dns:///flyte.example.com:443", "http://localhost:30080"} {
		endpoint, err := flyte.ParseEndpoint(address)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(endpoint)
	}
	// Output:
	// flyte.example.com
	// flyte.example.com:443
	// http://localhost:30080
}
