//go:build unix

package forge

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/apiserver"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/gitea"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/githttp"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/modules"
	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/registry"
	"github.com/flyteorg/flyte-credential-helper/hack/machine"
)

// server is one that a script has started.
type server interface {
	Host() string // and port
	Revoke()
	Count(kind string) int
	ResetCounts()
}

// serverCommand is the command of a server: it starts it, by start, makes tokens
// useless that the server has seen, ends what a person has granted, or asserts how
// often the server was asked: "gitea count 401 1".
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
			assert(ts, args[1], b.servers[name].Count(args[1]), args[2])
		default:
			ts.Fatalf("%s %s?", name, args[0])
		}
	}
}

func assert(ts *testscript.TestScript, what string, got int, want string) {
	n, err := strconv.Atoi(want)
	ts.Check(err)
	if got != n {
		ts.Fatalf("%s is %d, not %d", what, got, n)
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
	b.onClose(s.Close)
	ts.Setenv("GITEA_CLIENT", s.ClientID)
	browser, err := gitea.Browser(b.Log())
	if err != nil {
		return nil, err
	}
	ts.Setenv("BROWSER", browser)
	if err := s.AddRepository(ctx, "notes"); err != nil {
		return nil, err
	}
	s.ResetCounts() // of what we have asked for
	return s, nil
}

func startRegistry(b *bed, _ *testscript.TestScript, _ []string) (server, error) {
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
	b.onClose(func() error { s.Close(); return nil })
	return s, nil
}

// startRepositories starts a git server with an empty repository, notes, that takes
// tokens in the schemes that are named.
func startRepositories(b *bed, _ *testscript.TestScript, schemes []string) (server, error) {
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
	b.onClose(func() error { s.Close(); return nil })
	return s, nil
}

func startModules(b *bed, _ *testscript.TestScript, _ []string) (server, error) {
	s, err := modules.Start(b.Server)
	if err != nil {
		return nil, err
	}
	b.onClose(func() error { s.Close(); return nil })
	return s, nil
}

// clusterCommand starts an API server.
func clusterCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	b := theBed(ts)
	s, err := apiserver.New(ctx, b.Server)
	ts.Check(err)
	b.onClose(func() error { s.Close(); return nil })
	ts.Setenv("CLUSTER", s.URL)
}

func (b *bed) folder(name string) (string, error) {
	dir := filepath.Join(b.Dir, name)
	return dir, os.Mkdir(dir, 0o700)
}

// ageCommand makes every login that is kept as much older: "age 10m".
func ageCommand(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(theBed(ts).Age(context.Background(), d))
}

// browserCommand changes the person at the browser, or asserts how many browsers
// were opened: "browser count 1".
func browserCommand(ts *testscript.TestScript, _ bool, args []string) {
	b := theBed(ts)
	switch args[0] {
	case "count":
		assert(ts, "browser count", b.Browsers(), args[1])
	case "release":
		ts.Check(b.Release())
	case "none":
		ts.Setenv("BROWSER", "")
	default:
		ts.Setenv("BROWSER", b.BrowserOf(machine.Habit(args[0])))
	}
}

// fillCommand writes a file of the script's somewhere else. In it $NAME is what that
// variable says: "fill config.yaml $CONFIG".
func fillCommand(ts *testscript.TestScript, _ bool, args []string) {
	to := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(to), 0o700))
	ts.Check(os.WriteFile(to, []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}
