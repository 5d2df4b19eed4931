package windows

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// commands are these, besides those of testenv:
//
//	same N      fail unless the last stdout has N lines, which are all equal
var commands = map[string]testenv.Command{"same": same}

func same(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n")
	testenv.Want(ts, "lines", len(lines), args[0])
	for _, line := range lines {
		if line != lines[0] {
			ts.Fatalf("%q differs from %q", line, lines[0])
		}
	}
}
