//go:build unix

package flyte

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/hack/script"
)

func TestMain(m *testing.M) {
	machine.Browse()
	testscript.Main(script.Built(m), map[string]func(){
		"flyteidl":      flyteidl,
		"flytectl":      flytectl,
		"go-program":    goProgram,
		"test-machine":  machineToken,
		"test-proxy":    proxyToken,
		"test-await":    script.Await,
		"test-parallel": script.Parallel,
	})
}

func TestScripts(t *testing.T) { runScripts(t, "testdata") }

// TestPorts is apart, since flyteadmin's own redirect ports are there once a machine:
// it has one script, and is not parallel to the others.
func TestPorts(t *testing.T) { runScripts(t, "testdata/ports") }

func runScripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"admin":   adminCommand,
			"idp":     func(ts *testscript.TestScript, _ bool, args []string) { script.Server(ts, theBed(ts).Server, args) },
			"pass":    func(ts *testscript.TestScript, _ bool, args []string) { script.Pass(ts, args) },
			"browser": func(ts *testscript.TestScript, _ bool, args []string) { script.Browser(ts, theBed(ts).Machine, args) },
			"runs":    func(ts *testscript.TestScript, _ bool, args []string) { script.Runs(ts, theBed(ts).runs(), args) },
			"age":     func(ts *testscript.TestScript, _ bool, args []string) { script.Age(ts, theBed(ts).Machine, args) },
			"hold":    holdCommand,
		},
	})
}

type bedKey struct{}

func theBed(ts *testscript.TestScript) *bed { return ts.Value(bedKey{}).(*bed) }

func setup(e *testscript.Env) error {
	b, err := newBed(e.WorkDir)
	if err != nil {
		return err
	}
	e.Values[bedKey{}] = b
	e.Defer(func() { _ = b.close() })
	e.Vars = append(e.Vars, b.Env...)
	e.Vars = append(e.Vars, "OPENED="+b.Log())
	e.Vars = append(e.Vars, b.vars()...)
	return nil
}
