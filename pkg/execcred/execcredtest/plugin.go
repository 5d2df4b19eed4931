// Package execcredtest tests a credential plugin: it runs it by client-go, as the clients
// of Kubernetes do, and reports what such a client sees. It works with any plugin.
package execcredtest

import (
	"crypto/rand"
	"os"
	"strings"

	"k8s.io/client-go/tools/clientcmd/api"
)

// The versions of the protocol that client-go speaks.
const (
	group   = "client.authentication.k8s.io/"
	V1      = group + "v1"
	V1Beta1 = group + "v1beta1"
)

// infoVariable is the environment variable with client-go's request.
const infoVariable = "KUBERNETES_EXEC_INFO"

// Plugin is a command that prints ExecCredentials, as in the "exec" of a kubeconfig's user.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
type Plugin struct {
	Command string
	Args    []string
	Env     []string // NAME=VALUE, on top of this process's environment
}

// ExecConfig returns the plugin's configuration for a version of the protocol, without
// cluster information and never interactive. Each one is unique, because client-go caches
// the answer of a plugin by its configuration as long as the process runs.
func (p Plugin) ExecConfig(version string) *api.ExecConfig {
	c := &api.ExecConfig{
		APIVersion: version, Command: p.Command, Args: p.Args,
		Env:             []api.ExecEnvVar{{Name: "EXECCREDTEST", Value: rand.Text()}},
		InteractiveMode: api.NeverExecInteractiveMode,
	}
	for _, pair := range p.Env {
		name, value, _ := strings.Cut(pair, "=")
		c.Env = append(c.Env, api.ExecEnvVar{Name: name, Value: value})
	}
	return c
}

// environ returns the environment in which client-go runs the plugin, without the request.
func (p Plugin) environ() (env []string) {
	for _, pair := range append(os.Environ(), p.Env...) {
		if !strings.HasPrefix(pair, infoVariable+"=") {
			env = append(env, pair)
		}
	}
	return env
}
