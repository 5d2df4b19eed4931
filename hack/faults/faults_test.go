//go:build linux && faults

// Package faults breaks what surrounds the program and tests what it then does:
// it kills processes, damages the server's answers, fills the disk, damages files
// and lets single system calls fail. Each row logs its cost: processes, browsers,
// requests and logins.
//
//	go test -tags faults -v ./hack/faults                     # the short form: a few minutes
//	go test -tags faults -v -timeout 2h ./hack/faults -long   # everything
//	go test -tags faults -v ./hack/faults -run TestFaults/A6  # the rows with this name
//
// The tests need strace, dbus-daemon and gnome-keyring-daemon. Rows that need root
// are skipped for other users.
package faults

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

var long = flag.Bool("long", false, "run all rows, each with more repetitions")

func TestMain(m *testing.M) {
	testenv.Browse()
	if len(os.Args) > 1 && os.Args[1] == crowdCommand {
		os.Exit(crowd(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// row is a fault, and what must hold in spite of it.
type row struct {
	name     string // begins with the number of its goal
	injected string
	promise  string
	long     bool // takes minutes, and runs with -long only
	play     func(context.Context, *trial)
}

func rows() []row {
	return slices.Concat(concurrency(), leaders(), kills(), network(), hostile(), tlsRows(), files(), keyrings(), states(), systemCalls(), disks(), setups())
}

func TestFaults(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // a row runs the program as another user
		t.Fatal(err)
	}
	program, err := testenv.Build(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows() {
		if r.long && !*long {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			shrink()
			trial := &trial{T: t, dir: dir, program: program}
			t.Cleanup(func() { trial.end(r) })
			r.play(ctx, trial)
		})
	}
}
