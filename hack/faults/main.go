//go:build linux

// Command faults builds the program and breaks what is around it: it kills
// processes, spoils the server's answers, fills the disk, damages files and lets
// single system calls fail. It prints what each of that cost: browsers, requests,
// logins. A promise that is not kept is an error.
//
//	go run ./hack/faults           # the short column: a few minutes
//	go run ./hack/faults --long    # everything
//	go run ./hack/faults kill      # the rows whose name has the word
//
// It needs strace, dbus-daemon and gnome-keyring-daemon. What only root may do
// is left out for others, and the table says so.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

func main() {
	testenv.Browse()
	if len(os.Args) > 1 && os.Args[1] == crowdCommand {
		os.Exit(crowd(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	words := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "--long" })
	long := len(words) < len(args)
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // a row runs the program as another user
		return err
	}
	program, err := testenv.Build(ctx, dir)
	if err != nil {
		return err
	}
	var ran, failed int
	start := time.Now()
	fmt.Println(heading())
	for _, r := range chosen(rows(), words, long) {
		t := &trial{dir: dir, program: program, long: long}
		t.play(ctx, r)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		fmt.Println(t.line(r))
		ran++
		if len(t.problems) > 0 {
			failed++
		}
	}
	fmt.Printf("%d rows, %d failed, in %s\n", ran, failed, time.Since(start).Round(time.Second))
	if ran == 0 {
		return fmt.Errorf("no row is called %s", strings.Join(words, " or "))
	}
	if failed > 0 {
		return fmt.Errorf("%d rows failed", failed)
	}
	return nil
}

// row is something that breaks, and what must hold all the same.
type row struct {
	name     string // begins with its number among the goals
	injected string
	promise  string
	long     bool // only with --long: it takes minutes
	play     func(context.Context, *trial)
}

func rows() []row {
	return slices.Concat(concurrency(), leaders(), kills(), network(), hostile(), tlsRows(), files(), keyrings(), states(), systemCalls(), disks())
}

// chosen are the rows that are asked for: one asked for by its name is played
// though it takes minutes.
func chosen(all []row, words []string, long bool) []row {
	return slices.DeleteFunc(all, func(r row) bool {
		if len(words) == 0 {
			return r.long && !long
		}
		return !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(r.name, word) })
	})
}
