// Command demo shows what flyte-credential-helper does: it builds it, logs in
// through a browser, and asks a Kubernetes API server who it is, as kubectl
// would. Everything happens on loopback, in a home directory of its own, and is
// gone at the end. A promise that is not kept is an error.
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
)

const (
	buildLimit = 10 * time.Minute // an empty build cache, a slow machine
	playLimit  = time.Minute
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == openCommand {
		os.Exit(open(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop() // os.Exit runs no deferred function
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// run plays the demo and tells of it on out.
func run(ctx context.Context, out io.Writer) (err error) {
	d, err := newDemo(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.build(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, playLimit, fmt.Errorf("not done after %s", playLimit))
	defer cancel()
	if err := d.setUp(ctx); err != nil {
		return because(ctx, err)
	}
	for _, act := range []func(context.Context) error{d.logIn, d.whoAmI, d.answer, d.again, d.together, d.disk, d.logOut} {
		if err := act(ctx); err != nil {
			return because(ctx, err)
		}
	}
	return nil
}

// because is why something failed: where that is the end of the context, what
// failed with it is of no interest.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
