package windows

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/windows"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/apiserver"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestMain(m *testing.M) {
	testenv.Main(m, prepare, map[string]func(){"test-console": console, "test-bazel": bazel})
}

// prepare builds the program and the clients. Under wine there is no go command, and
// [TestWine] has built them.
func prepare(ctx context.Context, dir string) error {
	if underWine() {
		return nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./kubectl", "./flyteidl")
	cmd.Stderr = os.Stderr
	return errors.Join(testenv.Released(ctx, dir), cmd.Run())
}

// underWine reports whether this Windows is wine.
func underWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func TestScripts(t *testing.T) { runScripts(t, "testdata/*.txtar", setup) }

// TestClients runs scripts with clients and an API server of Kubernetes, which trusts the
// authorization server.
func TestClients(t *testing.T) { runScripts(t, "testdata/clients/*.txtar", setupWithAPI) }

func runScripts(t *testing.T, files string, setup func(*testscript.Env) error) {
	testenv.Run(t, testenv.Scripts{
		Files: files, Setup: setup, Commands: commands,
		Conditions: map[string]func() (bool, error){"wine": func() (bool, error) { return underWine(), nil }},
	})
}

func setup(e *testscript.Env) error {
	m, err := testenv.NewForScript(e, oauthtest.Config{})
	if err != nil {
		return err
	}
	testenv.Setup(e, m)
	return nil
}

func setupWithAPI(e *testscript.Env) error {
	m, err := testenv.NewForScript(e, oauthtest.Config{TLS: true})
	if err != nil {
		return err
	}
	api, err := apiserver.New(context.Background(), m.Server)
	if err != nil {
		return err
	}
	e.Defer(api.Close)
	testenv.Setup(e, m)
	e.Vars = append(e.Vars, "API="+api.URL, "API_CA="+base64.StdEncoding.EncodeToString(api.CA))
	return nil
}

// startFlyte starts a Flyte control plane.
func startFlyte(ts *testscript.TestScript, _ bool, _ []string) {
	m := testenv.MachineOf(ts)
	port, err := testenv.FreePort()
	ts.Check(err)
	s, err := flyteadmin.New(m.Server, flyteadmin.Config{Redirects: []string{"http://localhost:" + port + "/callback"}})
	ts.Check(err)
	ts.Defer(s.Close)
	ts.Check(os.WriteFile(m.CAFile(), slices.Concat(m.Server.CA, s.CA), 0o600))
	ts.Setenv("FLYTE", s.Endpoint)
	ts.Setenv("CA", m.CAFile())
}
