// Package execcredtest runs a credential plugin as Kubernetes' clients do, with
// client-go itself, and tells what such a client sees. It knows no plugin, ours
// included.
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

// infoVariable carries client-go's request.
const infoVariable = "KUBERNETES_EXEC_INFO"

// Plugin is a command that gives out ExecCredentials, as the "exec" of a
// kubeconfig's user names it.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
type Plugin struct {
	Command string
	Args    []string
	Env     []string // NAME=VALUE, on top of this process's environment
}

// ExecConfig is the plugin as a kubeconfig has it that asks for a version of the
// protocol, without cluster information and never interactive. client-go has run
// none like it before: it keeps what a plugin said as long as the process lives,
// for all who have the same configuration.
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

// environ is the environment in which client-go runs the plugin, without its
// request.
func (p Plugin) environ() (env []string) {
	for _, pair := range append(os.Environ(), p.Env...) {
		if !strings.HasPrefix(pair, infoVariable+"=") {
			env = append(env, pair)
		}
	}
	return env
}
