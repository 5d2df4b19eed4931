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
		{caller.Git(), setupHosts("git", "Have git ask this program for a host, and log in", setup.Git)},
		{caller.Docker(r.version), setupHosts("docker", "Have docker and its kin ask this program for registries, and log in", setup.Docker)},
		{caller.Bazel(), setupHosts("bazel", "Let Bazel ask this program for hosts, and log in", setup.Bazel)},
		{caller.Goauth(), setupHosts("goauth", "Have the go command ask this program for hosts, and log in", setup.Goauth)},
	}
}
