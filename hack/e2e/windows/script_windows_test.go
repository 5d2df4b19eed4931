package windows

import (
	"context"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/windows"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestMain(m *testing.M) {
	testenv.Main(m, prepare, map[string]func(){"test-console": console, "test-bazel": bazel, "test-kubernetes": kubernetes})
}

// prepare builds the program. Under wine there is no go command, and [TestWine] has built
// it.
func prepare(ctx context.Context, dir string) error {
	if underWine() {
		return nil
	}
	return testenv.Released(ctx, dir)
}

// underWine reports whether this Windows is wine.
func underWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func TestScripts(t *testing.T) {
	testenv.Run(t, testenv.Scripts{
		Files: "testdata/*.txtar", Setup: setup, Commands: commands,
		Conditions: map[string]func() (bool, error){"wine": func() (bool, error) { return underWine(), nil }},
	})
}

func setup(e *testscript.Env) error {
	m, err := testenv.NewForScript(e, oauthtest.Config{})
	if err != nil {
		return err
	}
	api := newAPI()
	e.Defer(api.Close)
	testenv.Setup(e, m)
	e.Vars = append(e.Vars, "API="+api.URL, "API_CA="+authority(api))
	return nil
}
