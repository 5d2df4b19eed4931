//go:build unix

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/machine"
)

// apiCommand changes the API server, or asserts how often it was asked: "api count
// pods 1".
func apiCommand(ts *testscript.TestScript, _ bool, args []string) {
	b := theBed(ts)
	switch args[0] {
	case "count":
		want, err := strconv.Atoi(args[2])
		ts.Check(err)
		if got := b.api.Count(args[1]); got != want {
			ts.Fatalf("the API server counts %d of %s, not %d", got, args[1], want)
		}
	case "forget-counts":
		b.api.ResetCounts()
	case "refuse":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		b.api.Refuse(n)
	case "restart":
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ts.Check(b.api.Restart(ctx))
	default:
		ts.Fatalf("api %s?", args[0])
	}
}

// awaitCommand waits until the issuer was asked so often: "await refresh_token 1".
func awaitCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	for range 6000 {
		if theBed(ts).Server.Count(args[0]) >= want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Fatalf("waited in vain for %s", args[0])
}

// browserCommand changes the person at the browser, or asserts how many browsers
// were opened, and how many of those that stay have ended: "browser count 1".
func browserCommand(ts *testscript.TestScript, _ bool, args []string) {
	b := theBed(ts)
	assert := func(got int) {
		want, err := strconv.Atoi(args[1])
		ts.Check(err)
		if got != want {
			ts.Fatalf("browser %s is %d, not %d", args[0], got, want)
		}
	}
	switch args[0] {
	case "count":
		assert(b.Browsers())
	case "left":
		assert(b.BrowsersLeft())
	case "release":
		ts.Check(b.Release())
	case "none":
		ts.Setenv("BROWSER", "")
	default:
		ts.Setenv("BROWSER", b.BrowserOf(machine.Habit(args[0])))
	}
}

// runsCommand asserts how often the program was run since it was last asked.
func runsCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	text, err := os.ReadFile(theBed(ts).runs())
	if err != nil && !os.IsNotExist(err) {
		ts.Check(err)
	}
	if got := strings.Count(string(text), "\n"); got != want {
		ts.Fatalf("the program was run %d times, not %d", got, want)
	}
	ts.Check(os.RemoveAll(theBed(ts).runs()))
}

// ageCommand makes every login that is kept as much older: "age 10m".
func ageCommand(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(theBed(ts).Age(context.Background(), d))
}

// occupyCommand takes a port of loopback and puts its number into a variable, or
// with "!" puts one there that nobody has taken: "occupy BUSY".
func occupyCommand(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
	if neg {
		ts.Check(l.Close())
		return
	}
	ts.Defer(func() { _ = l.Close() })
}

// parallel is a program that runs so many of another at once, says what they all
// say, and then how many succeeded: "parallel 8 COMMAND ARGS".
func parallel() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		os.Exit(2)
	}
	outputs, succeeded := make([]strings.Builder, 2*n), make([]bool, n)
	var all sync.WaitGroup
	for i := range n {
		cmd := exec.Command(os.Args[2], os.Args[3:]...)
		cmd.Stdout, cmd.Stderr = &outputs[i], &outputs[n+i]
		all.Go(func() { succeeded[i] = cmd.Run() == nil })
	}
	all.Wait()
	good := 0
	for i := range n {
		fmt.Fprint(os.Stdout, outputs[i].String())
		fmt.Fprint(os.Stderr, outputs[n+i].String())
		if succeeded[i] {
			good++
		}
	}
	fmt.Printf("%d of %d succeeded\n", good, n)
	os.Exit(0)
}
