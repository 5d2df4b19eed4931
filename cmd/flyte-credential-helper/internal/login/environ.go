package login

import (
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// WithoutSecrets returns our environment without client secrets and API keys: those that
// settings name, even for another server, and those of Flyte's clients.
func WithoutSecrets(r *config.Resolved, env system.Env) []string {
	names := append(flyte.SecretVariables(env.Environ()), r.SecretVariables...)
	if r.Flyte != nil {
		names = append(names, r.Flyte.SecretEnv, r.Flyte.IgnoredSecret)
	}
	return without(env.Environ(), names)
}

// childEnviron returns the environment of browsers, of the proxy's command and of workers.
// Settings of this program that may contain a secret are not part of it either: a worker
// gets them on fd 0.
func childEnviron(r *config.Resolved, env system.Env) []string {
	return without(WithoutSecrets(r, env), []string{config.Variable("header"), config.Variable("token-param"), config.Variable("refresh-param")})
}

// without returns an environment without the variables of these names.
func without(environ, names []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name != "" && slices.Contains(names, name)
	})
}
