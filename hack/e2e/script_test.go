//go:build unix

package e2e

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.Released, map[string]func(){"kubectl": kubectl})
}

// kubectl is the real one.
func kubectl() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}

func TestScripts(t *testing.T) {
	testenv.Run(t, testenv.Scripts{Files: "testdata/*.txtar", Setup: setup, Commands: map[string]testenv.Command{"api": apiCommand}})
}

type bedKey struct{}

func theBed(ts *testscript.TestScript) *bed { return ts.Value(bedKey{}).(*bed) }

func setup(e *testscript.Env) error {
	m, err := testenv.NewForScript(e, oauthtest.Config{TLS: true})
	if err != nil {
		return err
	}
	b, err := newBed(m)
	if err != nil {
		return err
	}
	e.Values[bedKey{}] = b
	e.Defer(b.api.Close)
	testenv.Setup(e, m)
	return nil
}
