package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// apiserverCommand starts a Kubernetes API server that trusts the script's server, and writes
// a kubeconfig whose current context, test, runs the program:
//
//	apiserver start AUDIENCE CLAIM ARG...   it wants AUDIENCE, and takes the user name from
//	                                        CLAIM; the program gets the arguments ARG
//	apiserver count N                       fail unless it received N requests
func apiserverCommand(ts *testscript.TestScript, _ bool, args []string) {
	f := theFixture(ts)
	switch args[0] {
	case "start":
		f.apiserver = execcredtest.NewServer(authenticator(serverOf(ts), args[1], args[2]))
		ts.Defer(f.apiserver.Close)
		path := ts.MkAbs("kubeconfig")
		ts.Check(os.WriteFile(path, []byte(kubeconfig(f.apiserver, args[3:])), 0o600))
		ts.Setenv("KUBECONFIG", path)
	case "count":
		testenv.Want(ts, "requests to the API server", len(f.apiserver.Tokens()), args[1])
	default:
		ts.Fatalf("unknown command: apiserver %s", args[0])
	}
}

// authenticator judges tokens as an API server with --oidc-client-id=audience and
// --oidc-username-claim=claim does.
func authenticator(s *oauthtest.Server, audience, claim string) func(string) (string, error) {
	return func(token string) (string, error) {
		claims, err := s.Verify(token)
		if err != nil {
			return "", err
		}
		if !slices.Contains(strings.Fields(strings.Trim(fmt.Sprint(claims["aud"]), "[]")), audience) {
			return "", errors.New("wrong audience")
		}
		user, _ := claims[claim].(string)
		return user, nil
	}
}

func kubeconfig(s *execcredtest.Server, args []string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts:
- {name: test, context: {cluster: test, user: me}}
clusters:
- {name: test, cluster: {server: %q, certificate-authority-data: %s}}
users:
- name: me
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: flyte-credential-helper, args: [%s], interactiveMode: Never}
`, s.URL, base64.StdEncoding.EncodeToString(s.CA), strings.Join(args, ", "))
}
