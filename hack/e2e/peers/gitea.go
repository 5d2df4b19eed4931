package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// giteaModule is the module of Gitea. go install refuses it, because its go.mod
// replaces modules.
const giteaModule, giteaVersion = "code.gitea.io/gitea", "v1.26.0"

// giteaTags add SQLite, which needs cgo. They leave out the scripts and styles of the
// pages, which go does not build: the forms work without them.
const giteaTags = "sqlite sqlite_unlock_notify"

// Gitea returns a directory with the program gitea, and the files it reads at run
// time.
func (d Dir) Gitea(ctx context.Context) (string, error) {
	return d.make("gitea-"+giteaVersion, func(dir string) error {
		source, err := module(ctx, giteaModule+"@"+giteaVersion)
		if err != nil {
			return err
		}
		// A main module is built in its own directory, and the module cache must not be
		// changed.
		folder := filepath.Join(dir, "source")
		if err := os.CopyFS(folder, os.DirFS(source)); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", giteaTags, "-ldflags", "-s -w", "-o", filepath.Join(dir, "gitea"), ".")
		cmd.Dir, cmd.Env = folder, append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=")
		if err := run(cmd); err != nil {
			return err
		}
		for _, name := range []string{"templates", "options", "public"} {
			if err := os.Rename(filepath.Join(folder, name), filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return os.RemoveAll(folder)
	})
}

// module downloads a module, as NAME@VERSION, and returns its directory in the module cache.
func module(ctx context.Context, name string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", name)
	cmd.Dir = os.TempDir() // in no module
	said, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if e := json.Unmarshal(said, &answer); err == nil {
		err = e
	}
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w %s", name, err, answer.Error)
	}
	return answer.Dir, nil
}
