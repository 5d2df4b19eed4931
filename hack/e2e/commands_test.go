//go:build unix

package e2e

import (
	"context"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
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
