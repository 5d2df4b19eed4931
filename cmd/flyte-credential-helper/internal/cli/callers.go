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
}

// callers is the one table of the programs that ask for credentials.
func callers(r Release) []callerRow {
	return []callerRow{
		{caller.Kubernetes(), (*app).setupKubernetes},
		{caller.Token(), (*app).setupFlyte},
		{caller.Git(), setupHosts("git", "git.example.com", "Log in, and make git use this program for the hosts", setup.Git)},
		{caller.Docker(r.version), setupHosts("docker", "registry.example.com", "Log in, and make docker use this program for the registries", setup.Docker)},
		{caller.Bazel(), setupHosts("bazel", "cache.example.com", "Log in, and show how Bazel uses this program for the hosts", setup.Bazel)},
		{caller.Goauth(), setupHosts("goauth", "go.example.com", "Log in, and make the go command use this program for the hosts", setup.Goauth)},
	}
}
