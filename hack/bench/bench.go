package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// copies is the number of copies of each binary, which are run in turn. Two copies
// of one binary differ by some percent, because of their places in the page cache.
const copies = 5

// lifetime is that of the tokens. It is so long that no call is in the last fifth
// of it, in which the program starts a refresh.
const lifetime = 12 * time.Hour

// bench is what all measurements share.
type bench struct {
	dir         string
	runtimeDir  string // in memory, as on a desktop: a write to a disk would take most of a warm call
	rounds      int
	pairProgram string   // the program pair
	hello, ours []string // copies of the binaries
	machine     *testenv.Machine
}

// newBench builds the binaries, and logs in with a key in the kernel's keyring.
func newBench(ctx context.Context, dir string, rounds int) (b *bench, err error) {
	var binaries []string
	for _, command := range []string{"hack/bench/pair", "hack/bench/hello", "cmd/flyte-credential-helper"} {
		binary, err := testenv.BuildCommand(ctx, dir, command)
		if err != nil {
			return nil, err
		}
		binaries = append(binaries, binary)
	}
	hello, err := copyBinary(binaries[1])
	if err != nil {
		return nil, err
	}
	ours, err := copyBinary(binaries[2])
	if err != nil {
		return nil, err
	}
	runtimeDir, err := os.MkdirTemp("/dev/shm", "bench")
	if err != nil {
		return nil, err
	}
	m, err := newMachine(dir, ours[0], runtimeDir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(runtimeDir))
	}
	m.Set("store", "kernel")
	b = &bench{dir, runtimeDir, rounds, binaries[0], hello, ours, m}
	if err := runQuiet(m.Command(ctx, "login")); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// newMachine returns a machine without a login.
func newMachine(dir, program, runtimeDir string) (*testenv.Machine, error) {
	m, err := testenv.New(dir, program, oauthtest.Config{AccessLifetime: lifetime, IDLifetime: lifetime, RefreshLifetime: 3 * lifetime})
	if err != nil {
		return nil, err
	}
	m.Env = append(m.Env, "XDG_RUNTIME_DIR="+runtimeDir)
	return m, nil
}

// copyBinary copies a binary into directories of their own, so that it keeps its name.
func copyBinary(program string) (paths []string, err error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	for i := range copies {
		path := filepath.Join(filepath.Dir(program), fmt.Sprint(i), filepath.Base(program))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o700)); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// runQuiet runs a command, and returns its output as a part of the error if it fails.
func runQuiet(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.Join(strings.Fields(string(out)), " "))
	}
	return nil
}

// close logs out, because the kernel would keep the key, and removes all files.
func (b *bench) close() error {
	return errors.Join(runQuiet(b.machine.Command(context.Background(), "logout")), b.machine.Close(), os.RemoveAll(b.runtimeDir))
}
