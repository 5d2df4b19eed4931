// Command bench measures what a call of the program costs, in Go hello worlds:
// times change with the machine and with what else it does, how many hello
// worlds a call costs hardly does.
//
//	go run ./hack/bench                   # everything, against every peer on PATH
//	go run ./hack/bench -rounds 50 token  # the rows whose name has the word
//	go run ./hack/bench -svg bench.svg    # draws them, too
//
// It is no test: nothing in it fails for being slow.
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
	rounds := flag.Int("rounds", 200, "how often each row is measured, after a tenth as many for warming up")
	svg := flag.String("svg", "", "draw the rows into this `FILE`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, max(*rounds, 1), flag.Arg(0), *svg)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, word, svg string) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	b := &bench{dir: dir, rounds: rounds, word: word}
	defer func() { err = errors.Join(err, b.close()) }()
	b.inMemory()
	if err := b.build(ctx); err != nil {
		return err
	}
	results, err := b.measure(ctx)
	if err != nil {
		return err
	}
	if err := printTable(os.Stdout, results); err != nil {
		return err
	}
	for _, line := range b.notes {
		fmt.Println(line)
	}
	if svg == "" {
		return nil
	}
	return draw(svg, results)
}
