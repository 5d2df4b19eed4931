//go:build unix

package e2e

import (
	"context"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// apiCommand is for the API server:
//
//	api count KIND N     fail unless it received N requests of KIND
//	api forget-counts    count from zero
//	api refuse N         refuse the next N requests
//	api restart          restart it, so that it fetches the keys of the issuer again
func apiCommand(ts *testscript.TestScript, _ bool, args []string) {
	b := theBed(ts)
	switch args[0] {
	case "count":
		testenv.Want(ts, "requests for "+args[1], b.api.Count(args[1]), args[2])
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
		ts.Fatalf("unknown command: api %s", args[0])
	}
}
