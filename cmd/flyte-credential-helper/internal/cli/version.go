package cli

import (
	"cmp"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

// Release is what the linker writes into a released program. Each may be empty.
type Release struct{ Version, Commit string }

// version is the version of this build: the release's, else the one that the go command
// recorded (a tag or a pseudo-version), else (devel).
func (r Release) version() string {
	v, _ := r.build()
	return v
}

// line is what the version command prints after the program's name.
func (r Release) line() string {
	v, commit := r.build()
	return fmt.Sprintf("%s, commit %s", v, commit)
}

// build returns the version and the commit of this build.
func (r Release) build() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return cmp.Or(r.Version, info.Main.Version, "(devel)"), cmp.Or(r.Commit, recordedCommit(info.Settings), "unknown")
}

// recordedCommit is the commit that the go command recorded, or empty. It records one if it
// builds in a clone and -buildvcs is not false.
func recordedCommit(settings []debug.BuildSetting) (commit string) {
	modified := false
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if commit != "" && modified {
		commit += ", modified"
	}
	return commit
}

func (a *app) versionCommand() *cobra.Command {
	c := a.userCommand("version", "Print the version and the commit")
	c.Example = "version"
	c.RunE = func(*cobra.Command, []string) error { return a.showVersion() }
	return c
}

func (a *app) showVersion() error {
	_, err := fmt.Fprintln(a.env.Stdout, config.Program, a.release.line())
	return err
}
