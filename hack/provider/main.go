// Command provider runs the tests' authorization server on loopback. It prints the
// issuer, and ends when its standard input ends.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "provider: %v\n", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	server, err := oauthtest.NewServer(oauthtest.Config{})
	if err != nil {
		return err
	}
	defer server.Close()
	if _, err := fmt.Fprintln(out, server.URL); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}
