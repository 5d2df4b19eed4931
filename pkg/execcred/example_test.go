package execcred_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// get returns the credential of one host. A real plugin gets the token from a source of
// pkg/cache.
func get(_ context.Context, r execcred.Request) (execcred.Credential, error) {
	pattern, err := execcred.ParsePattern("*.example.com")
	if err != nil {
		return execcred.Credential{}, err
	}
	if r.Cluster == nil && !pattern.Matches(r.Host) {
		return execcred.Credential{}, execcred.ErrNoCredential
	}
	return execcred.Credential{Token: "eyJhbGciOi", Username: "alice"}, nil
}

// process is a process with these arguments and this input. A real plugin uses os.Args[1:],
// os.Getenv, os.Stdin and os.Stdout.
func process(stdin string, args ...string) execcred.Process {
	return execcred.Process{Args: args, Getenv: func(string) string { return "" }, Stdin: strings.NewReader(stdin), Stdout: os.Stdout}
}

// A plugin for kubectl and other programs with client-go.
func ExampleServe_kubernetes() {
	if err := execcred.Serve(context.Background(), execcred.Kubernetes, process(""), get); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"eyJhbGciOi"}}
}

// A credential helper for git.
func ExampleServe_git() {
	request := "protocol=https\nhost=git.example.com\n"
	if err := execcred.Serve(context.Background(), execcred.Git, process(request, "get"), get); err != nil {
		log.Fatal(err)
	}
	// Output:
	// username=alice
	// password=eyJhbGciOi
}

// A credential helper for docker. It exits with status 1 after an error, whose text is on
// stdout.
func ExampleServe_docker() {
	for _, registry := range []string{"registry.example.com", "registry.example.org"} {
		err := execcred.Serve(context.Background(), execcred.Docker, process(registry, "get"), get)
		fmt.Println(err == nil)
	}
	// Output:
	// {"ServerURL":"registry.example.com","Username":"alice","Secret":"eyJhbGciOi"}
	// true
	// credentials not found in native keychain
	// false
}

// A credential helper for Bazel.
func ExampleServe_bazel() {
	request := `{"uri": "https://cache.example.com/action"}`
	if err := execcred.Serve(context.Background(), execcred.Bazel, process(request, "get"), get); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"headers":{"Authorization":["Bearer eyJhbGciOi"]}}
}

// A command for GOAUTH has another form: its argument is a URL, or none.
func ExampleGoauthRequest() {
	request, err := execcred.DecodeGoauth("https://go.example.com/module", nil)
	if err != nil {
		log.Fatal(err)
	}
	answer, err := request.Encode(execcred.Credential{Token: "eyJhbGciOi"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", answer)
	// Output:
	// https://go.example.com
	//
	// Authorization: Bearer eyJhbGciOi
}

// The forms for scripts.
func ExampleEncodeToken() {
	for _, form := range []execcred.Form{execcred.FormToken, execcred.FormHeader, execcred.FormCurl} {
		line, err := execcred.EncodeToken(form, "", execcred.Credential{Token: "eyJhbGciOi"})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s", line)
	}
	// Output:
	// eyJhbGciOi
	// Authorization: Bearer eyJhbGciOi
	// header = "Authorization: Bearer eyJhbGciOi"
}

// A pattern says which hosts get a token. A star stands for one label.
func ExamplePattern() {
	pattern, err := execcred.ParsePattern("*.example.com")
	if err != nil {
		log.Fatal(err)
	}
	for _, address := range []string{"git.example.com", "example.com", "a.b.example.com"} {
		host, err := execcred.ParseHost("https", address)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(address, pattern.Matches(host))
	}
	// Output:
	// git.example.com true
	// example.com false
	// a.b.example.com false
}
