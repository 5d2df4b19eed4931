//go:build unix

package execcredtest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
)

// client-go runs a plugin and sends its token to an API server.
func ExampleWhoAmI() {
	server := execcredtest.NewServer(func(token string) (user string, err error) { return "user of " + token, nil })
	defer server.Close()
	plugin := execcredtest.Plugin{Command: "sh", Args: []string{"-c", `
		echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "eyJhbGciOi"}}'
	`}}
	user, err := execcredtest.WhoAmI(context.Background(), server.Config(plugin.ExecConfig(execcredtest.V1)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user)
	// Output:
	// user of eyJhbGciOi
}

// Check one promise of the protocol. In a test, call [execcredtest.Test] for all of them.
func ExampleCase_Check() {
	plugin := execcredtest.Plugin{Command: "sh", Args: []string{"-c", `
		echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "eyJhbGciOi"}}'
	`}}
	for _, c := range execcredtest.Cases() {
		if c.Name == "v1-plain" || c.Name == "v1beta1-plain" {
			fmt.Println(c.Name, c.Check(context.Background(), plugin).Verdict)
		}
	}
	// Output:
	// v1-plain ok
	// v1beta1-plain differs
}
