//go:build unix

package e2e

import (
	"context"
	"log"
	"os"
	"path/filepath"
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
	testscript.Main(suite{script.Away(m)}, map[string]func(){
		"kubectl":       kubectl,
		"test-await":    script.Await,
		"test-parallel": parallel,
		"init":          script.Init,
	})
}

// suite is the tests, for which the program is built and put on PATH.
type suite struct{ testscript.TestingM }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := machine.Build(context.Background(), dir); err != nil {
		log.Print(err)
		return 1
	}
	if err := os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")); err != nil {
		log.Print(err)
		return 1
	}
	return s.TestingM.Run()
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
			"browser": browserCommand,
			"runs":    runsCommand,
			"age":     ageCommand,
			"occupy":  occupyCommand,
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
