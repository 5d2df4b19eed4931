// Command execcheck runs a Kubernetes credential plugin as client-go does, and reports
// for each case what a client sees:
//
//	go run ./hack/execcheck -- ANY-PLUGIN ARGS
//
// The plugin must be able to print a token without a user. It runs in the environment
// of this command. The exit status is 1 if a requirement of clients is not met.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop() // os.Exit runs no deferred function
	os.Exit(status)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		_, _ = fmt.Fprintln(stderr, "usage: go run ./hack/execcheck -- ANY-PLUGIN ARGS")
		return 2
	}
	counts := check(ctx, stdout, execcredtest.Plugin{Command: args[0], Args: args[1:]})
	if counts[execcredtest.Differs] > 0 || ctx.Err() != nil {
		return 1
	}
	return 0
}

// check tries all cases and prints each result to w.
func check(ctx context.Context, w io.Writer, p execcredtest.Plugin) map[execcredtest.Verdict]int {
	counts := map[execcredtest.Verdict]int{}
	for _, c := range execcredtest.Cases() {
		if ctx.Err() != nil {
			break
		}
		f := c.Check(ctx, p)
		counts[f.Verdict]++
		_, _ = fmt.Fprintf(w, "%-9s  %-22s  %s\n", f.Verdict, c.Name, f.Detail)
		if f.Verdict == execcredtest.Differs {
			_, _ = fmt.Fprintf(w, "%35s%s\n%35s%s\n", "but ", c.Requirement, "", c.Source)
		}
	}
	_, _ = fmt.Fprintf(w, "%d ok, %d differ, %d not tried\n", counts[execcredtest.OK], counts[execcredtest.Differs], counts[execcredtest.NotTried])
	return counts
}
