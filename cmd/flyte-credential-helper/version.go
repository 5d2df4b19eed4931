package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

// The linker sets both in a release: -ldflags "-X main.releaseVersion=v0.1.0 -X main.releaseCommit=...".
// The program never changes them.
var releaseVersion, releaseCommit string

// version is the version of this build: the release's, else the one that the go
// command recorded (a tag or a pseudo-version), else (devel).
func version() string {
	v, _ := build()
	return v
}

// versionLine is what the version command prints after the program's name.
func versionLine() string {
	v, commit := build()
	return fmt.Sprintf("%s, commit %s", v, commit)
}

// build returns the version and the commit of this build.
func build() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return cmp.Or(releaseVersion, info.Main.Version, "(devel)"), cmp.Or(releaseCommit, recordedCommit(info.Settings), "unknown")
}

// recordedCommit is the commit that the go command recorded, or empty. It records
// one if it builds in a clone and -buildvcs is not false.
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
