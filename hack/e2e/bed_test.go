//go:build unix

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/apiserver"
	"github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

const program = "flyte-credential-helper"

// bed is a machine with a kubeconfig, and the API server that it names.
type bed struct {
	*machine.Machine
	api *apiserver.Server
}

// newBed makes a bed in dir.
func newBed(dir string) (*bed, error) {
	binary, err := exec.LookPath(program)
	if err != nil {
		return nil, err
	}
	m, err := machine.New(dir, binary, oauthtest.Config{TLS: true})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b := &bed{Machine: m}
	if b.api, err = apiserver.New(ctx, m.Server); err != nil {
		return nil, err
	}
	return b, b.furnish()
}

func (b *bed) close() error {
	b.api.Close()
	return b.Close()
}

// furnish lays out the kubeconfig, and puts the program on PATH behind a shell
// that notes each run and becomes the program: kubectl is its parent all the
// same.
func (b *bed) furnish() error {
	bin := filepath.Join(b.Dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	b.Env = append(b.Env, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "STATE="+b.State(), "RUNS="+b.runs(), "ISSUER="+b.Server.URL)
	front := "#!/bin/sh\necho \"$1\" >>\"$RUNS\"\nexec \"" + b.Program + "\" \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, program), []byte(front), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.Dir, "api.pem"), b.api.CA, 0o600); err != nil {
		return err
	}
	return clientcmd.WriteToFile(*b.kubeconfig(), filepath.Join(b.Dir, ".kube", "config"))
}

func (b *bed) runs() string { return filepath.Join(b.Dir, "runs") }

// kubeconfig has a user for each way to name the program.
func (b *bed) kubeconfig() *api.Config {
	c := api.NewConfig()
	c.Clusters["test"] = &api.Cluster{Server: b.api.URL, CertificateAuthorityData: b.api.CA}
	c.AuthInfos["alice"] = b.user(func(*api.ExecConfig) {})
	c.AuthInfos["bob"] = b.user(func(e *api.ExecConfig) { e.Args = append(e.Args, "--account", "bob") })
	c.AuthInfos["v1beta1"] = b.user(func(e *api.ExecConfig) { e.APIVersion = "client.authentication.k8s.io/v1beta1" })
	c.AuthInfos["informed"] = b.user(func(e *api.ExecConfig) { e.ProvideClusterInfo = true })
	c.AuthInfos["interactive"] = b.user(func(e *api.ExecConfig) { e.InteractiveMode = api.IfAvailableExecInteractiveMode })
	c.AuthInfos["relative"] = b.user(func(e *api.ExecConfig) { e.Command = "../bin/" + program })
	c.AuthInfos["absolute"] = b.user(func(e *api.ExecConfig) { e.Command = filepath.Join(b.Dir, "bin", program) })
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
		Command:         program,
		Args:            []string{"kubernetes", "--issuer", b.Server.URL, "--client-id", oauthtest.PublicClient},
		InteractiveMode: api.NeverExecInteractiveMode,
	}
	change(e)
	return &api.AuthInfo{Exec: e}
}
