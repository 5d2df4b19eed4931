package cli

import (
	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/caller"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
)

// callerRow is a caller and its setup command.
type callerRow struct {
	caller.Caller
	setup func(a *app) *cobra.Command // nil: it has none
	tools []string                    // other names under which users look for the setup command
}

// names are the names of the caller's command and of its setup command.
func (c callerRow) names() []string {
	if c.Name == "token" {
		return []string{"flyte", "token"} // setup flyte configures Flyte's clients to run token
	}
	return []string{c.Name}
}

// callers is the one table of the programs that ask for credentials.
func callers() []callerRow {
	return []callerRow{
		{caller.Kubernetes(), (*app).setupKubernetes, []string{"kubectl", "k8s", "kubeconfig", "helm"}},
		{caller.Token(), (*app).setupFlyte, []string{"flytectl", "flytekit", "pyflyte", "token", "union"}},
		{caller.Git(), setupHosts("git", "git.example.com", "Log in, and make git use this program for the hosts", setup.Git), nil},
		{caller.Docker(), (*app).setupDocker, []string{"podman", "skopeo", "buildah", "crane", "oras"}},
		{caller.Bazel(), setupHosts("bazel", "cache.example.com", "Log in, and show how Bazel uses this program for the hosts", setup.Bazel), []string{"bazelisk"}},
		{caller.Goauth(), setupHosts("goauth", "go.example.com", "Log in, and make the go command use this program for the hosts", setup.Goauth), []string{"go"}},
	}
}
