// Command provider runs the tests' authorization server on loopback. It prints the
// issuer, and ends when its standard input ends.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

const usage = `Usage: go run ./hack/provider

Runs an authorization server for tests on loopback. It prints the issuer, and ends when its
standard input ends.

The client ID is flytectl, without a secret. The sign-in page accepts any user name, without a
password. To log in:
  flyte-credential-helper login --issuer ISSUER --client-id flytectl
`

func main() {
	flags := flag.NewFlagSet("provider", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	err := flags.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
		return
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("there are no arguments: %q", flags.Args())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "provider: %v\n\n%s", err, usage)
		os.Exit(2)
	}
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
