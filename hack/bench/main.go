// Command bench measures what a call of the program costs, as a multiple of a Go
// hello world on the same machine. Absolute times depend on the machine and on its
// load; the ratio hardly does.
//
//	go run ./hack/bench
//	go run ./hack/bench -rounds 50
//
// It needs the kernel's keyring. kubelogin is measured for comparison if it is on
// PATH. The command is no test: it reports a missed limit, and does not fail.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

func main() {
	testenv.Browse()
	rounds := flag.Int("rounds", 200, "number of measurements of each row, after a tenth as many to warm up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, max(*rounds, 1))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := newBench(ctx, dir, rounds)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.warm(ctx); err != nil {
		return err
	}
	if err := b.storms(ctx); err != nil {
		return err
	}
	return b.cold(ctx)
}
