//go:build unix

package forge

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/gitea"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/peers"
	"github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/hack/script"
)

func TestMain(m *testing.M) {
	machine.Browse()
	gitea.Browse()
	testscript.Main(suite{script.Away(m)}, map[string]func(){
		"kubectl":    kubectl,
		"test-await": script.Await,
	})
}

// suite is the tests, for which the program is built, and the small ones of its
// peers, and put on PATH.
type suite struct{ testscript.TestingM }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "forge-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := build(context.Background(), dir); err != nil {
		log.Print(err)
		return 1
	}
	return s.TestingM.Run()
}

func build(ctx context.Context, dir string) error {
	if _, err := machine.Build(ctx, dir); err != nil {
		return err
	}
	cache, err := peers.Cache()
	if err != nil {
		return err
	}
	path := []string{dir}
	for _, tool := range []func(context.Context) (string, error){cache.Crane, cache.Oras} {
		file, err := tool(ctx)
		if err != nil {
			return err
		}
		path = append(path, filepath.Dir(file))
	}
	return os.Setenv("PATH", strings.Join(append(path, os.Getenv("PATH")), string(filepath.ListSeparator)))
}

// kubectl is the real one.
func kubectl() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}

// programs are the large ones of the program's peers, each built by the test that
// needs it.
type programs struct {
	gitea    string // a directory with it
	registry string // distribution's
	newGit   string // a directory with a git of 2.46 or later
}

// TestScripts has servers that trust the authorization server of the other tests.
func TestScripts(t *testing.T) {
	var p programs
	p.registry = built(t, peers.Dir.Registry)
	p.newGit = built(t, peers.Dir.NewGit)
	run(t, "testdata", p)
}

// TestGitea has a forge, which takes minutes to build the first time.
func TestGitea(t *testing.T) {
	var p programs
	p.gitea = built(t, peers.Dir.Gitea)
	p.newGit = built(t, peers.Dir.NewGit)
	run(t, filepath.Join("testdata", "gitea"), p)
}

func built(t *testing.T, peer func(peers.Dir, context.Context) (string, error)) string {
	t.Helper()
	cache, err := peers.Cache()
	if err != nil {
		t.Fatal(err)
	}
	file, err := peer(cache, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func run(t *testing.T, dir string, p programs) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		Setup:               func(e *testscript.Env) error { return setup(e, p) },
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":       func(ts *testscript.TestScript, _ bool, args []string) { script.Server(ts, theBed(ts).Server, args) },
			"gitea":        serverCommand("gitea", startGitea),
			"registry":     serverCommand("registry", startRegistry),
			"repositories": serverCommand("repositories", startRepositories),
			"modules":      serverCommand("modules", startModules),
			"cluster":      clusterCommand,
			"age":          ageCommand,
			"browser":      browserCommand,
			"fill":         fillCommand,
		},
		Condition: func(name string) (bool, error) {
			if name != "oldgit" {
				return false, fmt.Errorf("no condition %s", name)
			}
			return peers.OldGit(t.Context())
		},
	})
}

type bedKey struct{}

func theBed(ts *testscript.TestScript) *bed { return ts.Value(bedKey{}).(*bed) }

func setup(e *testscript.Env, p programs) error {
	b, err := newBed(e.WorkDir, p)
	if err != nil {
		return err
	}
	e.Values[bedKey{}] = b
	e.Defer(func() { _ = b.Close() })
	e.Vars = append(e.Vars, b.Env...)
	return nil
}
