package script

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/machine"
)

// Browser changes the person at m's browser, or asserts how many browsers were
// opened, and how many of those that stay have ended: "browser count 1".
func Browser(ts *testscript.TestScript, m *machine.Machine, args []string) {
	switch args[0] {
	case "count":
		assert(ts, "browser count", m.Browsers(), args[1])
	case "left":
		assert(ts, "browser left", m.BrowsersLeft(), args[1])
	case "release":
		ts.Check(m.Release())
	case "none":
		ts.Setenv("BROWSER", "")
	default:
		ts.Setenv("BROWSER", m.BrowserOf(machine.Habit(args[0])))
	}
}

func assert(ts *testscript.TestScript, what string, got int, wanted string) {
	want, err := strconv.Atoi(wanted)
	ts.Check(err)
	if got != want {
		ts.Fatalf("%s is %d, not %d", what, got, want)
	}
}

// Age makes every login that is kept on m as much older: "age 10m".
func Age(ts *testscript.TestScript, m *machine.Machine, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(m.Age(context.Background(), d))
}

// Runs asserts how many lines a file has, one for each run of the program, and begins
// it anew: "runs 1".
func Runs(ts *testscript.TestScript, file string, args []string) {
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		ts.Check(err)
	}
	assert(ts, "the number of the program's runs", strings.Count(string(text), "\n"), args[0])
	ts.Check(os.RemoveAll(file))
}
