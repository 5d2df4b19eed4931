//go:build unix

package examples

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestMain(m *testing.M) { testenv.Main(m, prepare, nil) }

// prepare builds the program and, with the race detector, the examples.
func prepare(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-race", "-o", dir, "./...")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return errors.Join(err, testenv.Released(ctx, dir))
}

func TestScripts(t *testing.T) {
	testenv.Run(t, testenv.Scripts{Files: "testdata/*.txtar", Setup: func(e *testscript.Env) error {
		m, err := testenv.NewForScript(e, oauthtest.Config{})
		if err != nil {
			return err
		}
		testenv.Setup(e, m)
		return m.Install("xdg-open", "#!/bin/sh\neval \"exec $BROWSER '$1'\"\n")
	}})
}

// The examples stay short enough to be read at once.
func TestLength(t *testing.T) {
	files, err := filepath.Glob("*/main.go")
	if err != nil || len(files) != 2 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > 40 {
			t.Errorf("%s has %d lines", file, n)
		}
	}
}
