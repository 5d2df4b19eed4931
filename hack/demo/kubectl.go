package main

import (
	"os"
	"strings"

	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
)

// newCluster starts as much of a Kubernetes API server as it takes to tell
// people who they are, by tokens of OpenID Connect.
func newCluster(verify func(token string) (map[string]any, error)) *execcredtest.Server {
	return execcredtest.NewServer(func(token string) (string, error) {
		claims, err := verify(token)
		user, _ := claims["email"].(string)
		return user, err
	})
}

// plugin is the "exec" of a kubeconfig's user.
func (d *demo) plugin() *api.ExecConfig {
	return &api.ExecConfig{
		APIVersion:      execcredtest.V1,
		Command:         d.program,
		Args:            d.arguments("kubernetes"),
		Env:             overrides(d.env),
		InteractiveMode: api.IfAvailableExecInteractiveMode,
	}
}

// overrides turns client-go's environment, which is ours with these on top,
// into env: what env does not have is made empty.
func overrides(env []string) (vars []api.ExecEnvVar) {
	has := map[string]bool{}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		vars, has[name] = append(vars, api.ExecEnvVar{Name: name, Value: value}), true
	}
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); name != "" && !has[name] {
			vars = append(vars, api.ExecEnvVar{Name: name})
		}
	}
	return vars
}
