//go:build unix

package forge

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/apiserver"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/gitea"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/githttp"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/modules"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/registry"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// server is one that a script has started.
type server interface {
	Host() string // and port
	Revoke()
	Count(kind string) int
	ResetCounts()
}

// serverCommand is the command of a server, NAME: gitea, registry, repositories or modules.
//
//	NAME start [ARG...]    start it; $NAME, in upper case, is its address. Repositories
//	                       accept tokens in the schemes that are the arguments.
//	NAME revoke            reject the tokens that it has seen
//	NAME end-grants        end the user's grants (gitea)
//	NAME count KIND N      fail unless it received N requests of KIND
//	NAME forget-counts     count from zero
func serverCommand(name string, start func(b *bed, ts *testscript.TestScript, args []string) (server, error)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		b := theBed(ts)
		switch args[0] {
		case "start":
			s, err := start(b, ts, args[1:])
			ts.Check(err)
			b.servers[name] = s
			ts.Setenv(strings.ToUpper(name), s.Host())
		case "revoke":
			b.servers[name].Revoke()
		case "end-grants":
			ts.Check(b.servers[name].(*gitea.Server).EndGrants(context.Background()))
		case "forget-counts":
			b.servers[name].ResetCounts()
		case "count":
			testenv.Want(ts, "requests of kind "+args[1], b.servers[name].Count(args[1]), args[2])
		default:
			ts.Fatalf("unknown command: %s %s", name, args[0])
		}
	}
}

// startGitea starts a Gitea with a private repository, alice/notes. The browser is
// Alice's from now on.
func startGitea(b *bed, ts *testscript.TestScript, _ []string) (server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	s, err := gitea.Start(ctx, b.gitea)
	if err != nil {
		return nil, err
	}
	ts.Defer(func() { _ = s.Close() })
	ts.Setenv("GITEA_CLIENT", s.ClientID)
	ts.Setenv("BROWSER", giteaBrowserName)
	if err := s.AddRepository(ctx, "notes"); err != nil {
		return nil, err
	}
	s.ResetCounts() // of what we have asked for
	return s, nil
}

func startRegistry(b *bed, ts *testscript.TestScript, _ []string) (server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir, err := b.folder("registry")
	if err != nil {
		return nil, err
	}
	s, err := registry.Start(ctx, b.registry, b.Server, dir)
	if err != nil {
		return nil, err
	}
	ts.Defer(s.Close)
	return s, nil
}

// startRepositories starts a git server with an empty repository, notes, that takes
// tokens in the schemes that are named.
func startRepositories(b *bed, ts *testscript.TestScript, schemes []string) (server, error) {
	dir, err := b.folder("repositories")
	if err != nil {
		return nil, err
	}
	if err := githttp.Create(dir, "notes"); err != nil {
		return nil, err
	}
	s, err := githttp.Start(b.Server, dir, schemes...)
	if err != nil {
		return nil, err
	}
	ts.Defer(s.Close)
	return s, nil
}

func startModules(b *bed, ts *testscript.TestScript, _ []string) (server, error) {
	s, err := modules.Start(b.Server)
	if err != nil {
		return nil, err
	}
	ts.Defer(s.Close)
	return s, nil
}

// clusterCommand starts an API server, $CLUSTER.
func clusterCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	b := theBed(ts)
	s, err := apiserver.New(ctx, b.Server)
	ts.Check(err)
	ts.Defer(s.Close)
	ts.Setenv("CLUSTER", s.URL)
}

func (b *bed) folder(name string) (string, error) {
	dir := filepath.Join(b.Dir, name)
	return dir, os.Mkdir(dir, 0o700)
}
