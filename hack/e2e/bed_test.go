//go:build unix

package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/apiserver"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// bed is a machine with a kubeconfig, and the API server that it names.
type bed struct {
	*testenv.Machine
	api *apiserver.Server
}

// newBed starts an API server for m and writes the kubeconfig. The program is found on
// PATH behind a script that counts its runs.
func newBed(m *testenv.Machine) (*bed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := apiserver.New(ctx, m.Server)
	if err != nil {
		return nil, err
	}
	b := &bed{Machine: m, api: s}
	err = errors.Join(m.CountRuns(),
		os.WriteFile(filepath.Join(m.Dir, "api.pem"), s.CA, 0o600),
		clientcmd.WriteToFile(*b.kubeconfig(), filepath.Join(m.Dir, ".kube", "config")))
	return b, err
}

// kubeconfig has a user for each way to name the program.
func (b *bed) kubeconfig() *api.Config {
	c := api.NewConfig()
	c.Clusters["test"] = &api.Cluster{Server: b.api.URL, CertificateAuthorityData: b.api.CA}
	c.AuthInfos["alice"] = b.user(func(*api.ExecConfig) {})
	c.AuthInfos["bob"] = b.user(func(e *api.ExecConfig) { e.Args = append(e.Args, "--account", "bob") })
	c.AuthInfos["v1beta1"] = b.user(func(e *api.ExecConfig) { e.APIVersion = "client.authentication.k8s.io/v1beta1" })
	c.AuthInfos["informed"] = b.user(func(e *api.ExecConfig) { e.ProvideClusterInfo = true })
	c.AuthInfos["interactive"] = b.user(func(e *api.ExecConfig) { e.InteractiveMode = api.IfAvailableExecInteractiveMode })
	c.AuthInfos["relative"] = b.user(func(e *api.ExecConfig) { e.Command = "../bin/" + testenv.Program })
	c.AuthInfos["absolute"] = b.user(func(e *api.ExecConfig) { e.Command = filepath.Join(b.Dir, "bin", testenv.Program) })
	c.AuthInfos["password"] = b.user(func(e *api.ExecConfig) { e.Args = append(e.Args, "--grant", "password") })
	c.AuthInfos["v1alpha1"] = b.user(func(e *api.ExecConfig) { e.APIVersion = "client.authentication.k8s.io/v1alpha1" })
	c.AuthInfos["trusting"] = b.user(func(e *api.ExecConfig) { e.Args = append(e.Args, "--ca-file", filepath.Join(b.Dir, "ca.pem")) })
	c.AuthInfos["endpoints"] = b.user(func(e *api.ExecConfig) {
		e.Args = []string{"kubernetes", "--auth-endpoint", b.Server.URL + "/authorize", "--token-endpoint", b.Server.URL + "/oauth/token",
			"--client-id", oauthtest.PublicClient, "--scope", "openid", "--scope", "offline_access"}
	})
	c.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "alice"}
	c.CurrentContext = "test"
	return c
}

func (b *bed) user(change func(*api.ExecConfig)) *api.AuthInfo {
	e := &api.ExecConfig{
		APIVersion:      "client.authentication.k8s.io/v1",
		Command:         testenv.Program,
		Args:            []string{"kubernetes", "--issuer", b.Server.URL, "--client-id", oauthtest.PublicClient},
		InteractiveMode: api.NeverExecInteractiveMode,
	}
	change(e)
	return &api.AuthInfo{Exec: e}
}
