// Command demo shows what flyte-credential-helper does: it builds it, logs in through a
// browser, and asks a Kubernetes API server for the user's name, as kubectl would.
// Everything happens on loopback, in a home directory that is removed at the end. The demo
// checks what it says; it fails if something is not so.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

const (
	buildLimit = 10 * time.Minute // with an empty build cache, on a slow computer
	playLimit  = time.Minute
)

func main() {
	testenv.Browse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop() // os.Exit runs no deferred function
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "flyte-demo-")
	if err != nil {
		return err
	}
	d := &demo{out: out}
	defer func() { err = errors.Join(err, d.close(), os.RemoveAll(dir)) }()
	build, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	fmt.Fprintf(out, "Building %s ...\n", testenv.Program)
	program, err := testenv.Build(build, dir)
	if err != nil {
		return because(build, err)
	}
	ctx, cancel = context.WithTimeoutCause(ctx, playLimit, fmt.Errorf("not done after %s", playLimit))
	defer cancel()
	if err := d.setUp(ctx, dir, program); err != nil {
		return because(ctx, err)
	}
	for _, act := range []func(context.Context) error{d.logIn, d.whoAmI, d.answer, d.warm, d.parallel, d.disk, d.logOut} {
		if err := act(ctx); err != nil {
			return because(ctx, err)
		}
	}
	return nil
}

// because returns why the context ended, if it has, because that is the reason of err.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
