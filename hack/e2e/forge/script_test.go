//go:build unix

package forge

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/gitea"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/peers"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestMain(m *testing.M) {
	testenv.Main(m, prepare, map[string]func(){"kubectl": kubectl, giteaBrowserName: giteaBrowser})
}

// prepare builds the program, and those of its peers that are small, and puts them on PATH.
func prepare(ctx context.Context, dir string) error {
	if err := testenv.Released(ctx, dir); err != nil {
		return err
	}
	cache, err := peers.Cache()
	if err != nil {
		return err
	}
	var path []string
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
	testenv.Run(t, testenv.Scripts{
		Files: filepath.Join(dir, "*.txtar"),
		Setup: func(e *testscript.Env) error { return setup(e, p) },
		Commands: map[string]testenv.Command{
			"gitea":        serverCommand("gitea", startGitea),
			"registry":     serverCommand("registry", startRegistry),
			"repositories": serverCommand("repositories", startRepositories),
			"modules":      serverCommand("modules", startModules),
			"cluster":      clusterCommand,
		},
		Conditions: map[string]func() (bool, error){"oldgit": func() (bool, error) { return peers.OldGit(t.Context()) }},
	})
}

type bedKey struct{}

func theBed(ts *testscript.TestScript) *bed { return ts.Value(bedKey{}).(*bed) }

func setup(e *testscript.Env, p programs) error {
	m, err := testenv.NewForScript(e, oauthtest.Config{TLS: true})
	if err != nil {
		return err
	}
	b, err := newBed(m, p)
	if err != nil {
		return err
	}
	e.Values[bedKey{}] = b
	testenv.Setup(e, m)
	return nil
}

const giteaBrowserName = "gitea-browser"

// giteaBrowser is "gitea-browser ADDRESS", the browser in which Alice signs in at Gitea.
func giteaBrowser() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := testenv.LogBrowser(os.Args[1])
	if err == nil {
		err = gitea.SignIn(ctx, nil, os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
}
