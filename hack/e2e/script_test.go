//go:build unix

package e2e

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	"github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/hack/script"
)

func TestMain(m *testing.M) {
	machine.Browse()
	testscript.Main(script.Built(m), map[string]func(){
		"kubectl":       kubectl,
		"test-await":    script.Await,
		"test-parallel": script.Parallel,
		"init":          script.Init,
	})
}

// kubectl is the real one.
func kubectl() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":  func(ts *testscript.TestScript, _ bool, args []string) { script.Server(ts, theBed(ts).Server, args) },
			"pass":    func(ts *testscript.TestScript, _ bool, args []string) { script.Pass(ts, args) },
			"api":     apiCommand,
			"await":   awaitCommand,
			"browser": func(ts *testscript.TestScript, _ bool, args []string) { script.Browser(ts, theBed(ts).Machine, args) },
			"runs":    func(ts *testscript.TestScript, _ bool, args []string) { script.Runs(ts, theBed(ts).runs(), args) },
			"age":     func(ts *testscript.TestScript, _ bool, args []string) { script.Age(ts, theBed(ts).Machine, args) },
			"occupy":  script.Occupy,
		},
		Condition: func(name string) (bool, error) { return name == "root" && os.Geteuid() == 0, nil },
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
	return nil
}
