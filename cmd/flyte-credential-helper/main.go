// Disable GOMAXPROCS updates: the process is short-lived, and the updater costs 2 % of the
// time of a warm answer.
//
//go:debug updatemaxprocs=0

// Command flyte-credential-helper logs a user in once, in the browser, and then gives a
// valid token to every program that runs an external command for credentials.
package main

import (
	"os"
	"time"

	"github.com/adrg/xdg"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/cli"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
)

// The linker sets both in a release: -ldflags "-X main.releaseVersion=v0.1.0 -X main.releaseCommit=...".
var releaseVersion, releaseCommit string

func main() {
	release := cli.Release{Version: releaseVersion, Commit: releaseCommit}
	os.Exit(cli.Main(system.Interruptible(cli.Interrupted), environment(), release))
}

func environment() system.Env {
	return system.Env{
		Args: os.Args, Stdin: os.Stdin, Stdout: system.Stream(os.Stdout), Stderr: system.Stream(os.Stderr),
		StdoutClosed:   func() bool { return system.ClosedAtStart(os.Stdout) },
		StderrTerminal: func() bool { return system.IsTerminal(os.Stderr) },
		Getenv:         os.Getenv, Environ: os.Environ, Executable: os.Executable, Getwd: os.Getwd, Now: time.Now,
		ConfigHome: xdg.ConfigHome, ConfigDirs: xdg.ConfigDirs, StateHome: cache.StateHome(), Home: home(),
		RuntimeDir: xdg.RuntimeDir, TempDir: os.TempDir(), ParentID: system.ParentID, Terminal: &system.Terminal{},
	}
}

// home is the home directory as other programs find it. xdg does not read %USERPROFILE%.
func home() string {
	if dir, err := os.UserHomeDir(); err == nil {
		return dir
	}
	return xdg.Home
}
