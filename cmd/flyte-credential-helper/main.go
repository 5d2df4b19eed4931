// Nobody waits here for so long that the number of processors changes. The
// goroutine that looks for that is 2 % of a warm answer.
//
//go:debug updatemaxprocs=0

// Command flyte-credential-helper logs a person in once, in their browser, and
// from then on hands a valid token to every program that shells out for one.
package main

import (
	"os"
	"time"

	"github.com/adrg/xdg"
)

func main() {
	os.Exit(run(interruptible(), theWorld()))
}

func theWorld() world {
	return world{
		args: os.Args, stdin: os.Stdin, stdout: stream(os.Stdout), stderr: stream(os.Stderr),
		stdoutClosed:   func() bool { return closedAtStart(os.Stdout) },
		stderrTerminal: func() bool { return isTerminal(os.Stderr) },
		getenv:         os.Getenv, environ: os.Environ, executable: os.Executable, getwd: os.Getwd, now: time.Now,
		configHome: xdg.ConfigHome, stateHome: stateHome(), home: xdg.Home,
		runtimeDir: xdg.RuntimeDir, tempDir: os.TempDir(), parent: parent,
	}
}

// stateHome is where state belongs, or nothing for who has no home: xdg takes /
// for it then.
func stateHome() string {
	if xdg.Home == "/" && os.Getenv("HOME") == "" && os.Getenv("XDG_STATE_HOME") == "" {
		return ""
	}
	return xdg.StateHome
}
