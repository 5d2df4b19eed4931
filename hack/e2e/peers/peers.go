// Package peers builds programs of other projects that scripts run. Each is built with
// its own go.mod and not linked.
package peers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// Dir is the directory with the built programs, for later runs. It has one directory
// for each program and version.
type Dir string

// Cache returns the directory of this package in the user's cache.
func Cache() (Dir, error) {
	base, err := os.UserCacheDir()
	return Dir(filepath.Join(base, "flyte-credential-helper-e2e")), err
}

// Program is a program that go install builds.
type Program struct{ Package, Version string }

// The programs.
var (
	crane    = Program{"github.com/google/go-containerregistry/cmd/crane", "v0.22.1"}
	oras     = Program{"oras.land/oras/cmd/oras", "v1.3.6"}
	registry = Program{"github.com/distribution/distribution/v3/cmd/registry", "v3.1.2"}
)

// Crane returns the path of crane.
func (d Dir) Crane(ctx context.Context) (string, error) { return d.install(ctx, crane) }

// Oras returns the path of oras.
func (d Dir) Oras(ctx context.Context) (string, error) { return d.install(ctx, oras) }

// Registry returns the path of distribution's registry.
func (d Dir) Registry(ctx context.Context) (string, error) { return d.install(ctx, registry) }

func (d Dir) install(ctx context.Context, p Program) (string, error) {
	name := path.Base(p.Package)
	dir, err := d.make(name+"-"+p.Version, func(dir string) error {
		cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags", "-s -w", p.Package+"@"+p.Version)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir, "GOFLAGS=")
		return run(cmd)
	})
	return filepath.Join(dir, name), err
}

// make returns the directory with a name. If it does not exist, build fills it. If two
// processes build the same one, both return the directory of the one that is done
// first.
func (d Dir) make(name string, build func(dir string) error) (string, error) {
	made := filepath.Join(string(d), name)
	if _, err := os.Stat(made); err == nil {
		return made, nil
	}
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(string(d), name+".")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }() // if it is still there
	if err := build(dir); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(dir, made); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return made, nil
}

// run runs a command. An error contains the command's output.
func run(cmd *exec.Cmd) error {
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, said)
	}
	return nil
}
