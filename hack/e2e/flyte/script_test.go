//go:build unix

package flyte

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.Released, map[string]func(){
		"flyteidl":     flyteidl,
		"flytectl":     flytectl,
		"go-program":   goProgram,
		"test-machine": machineToken,
		"test-proxy":   proxyToken,
	})
}

// TestScripts runs scripts. In them, the command idp is the command server: it is for the
// OpenID provider, at which users of the control plane sign in.
func TestScripts(t *testing.T) { runScripts(t, "testdata/*.txtar") }

// TestPorts has a network of its own, because it uses the ports of a real flyteadmin.
func TestPorts(t *testing.T) {
	if testenv.InNamespace(t, "--net") {
		runScripts(t, "testdata/ports/*.txtar")
	}
}

func runScripts(t *testing.T, files string) {
	testenv.Run(t, testenv.Scripts{Files: files, Setup: setup, Commands: map[string]testenv.Command{
		"admin": adminCommand,
		"idp": func(ts *testscript.TestScript, _ bool, args []string) {
			testenv.ServerCommand(ts, theBed(ts).Server, args)
		},
	}})
}

type bedKey struct{}

func theBed(ts *testscript.TestScript) *bed { return ts.Value(bedKey{}).(*bed) }

func setup(e *testscript.Env) error {
	m, err := testenv.NewForScript(e, oauthtest.Config{TLS: true})
	if err != nil {
		return err
	}
	b, err := newBed(m)
	if b.admin != nil {
		e.Defer(func() { b.admin.Close() }) // the one at the end of the script
	}
	if err != nil {
		return err
	}
	e.Values[bedKey{}] = b
	testenv.Setup(e, m)
	e.Vars = append(e.Vars, b.vars()...)
	return nil
}
