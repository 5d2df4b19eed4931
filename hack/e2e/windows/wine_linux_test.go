package windows

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/peers"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// The directory of Debian's wine64, which is not on PATH without the package wine.
const wineDir = "/usr/lib/wine"

// TestWine runs TestScripts and TestClients, built for Windows, under wine.
func TestWine(t *testing.T) {
	w := newWine(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	out, _ := w.command(ctx, w.tests, "-test.v").CombinedOutput() // os.RemoveAll fails in wine 8.0, and so does the end of testscript.Main
	results := regexp.MustCompile(`(?m)^    --- (PASS|FAIL|SKIP): Test(?:Scripts|Clients)/(\S+)`).FindAllStringSubmatch(string(out), -1)
	for _, r := range results {
		t.Run(r[2], func(t *testing.T) {
			switch r[1] {
			case "FAIL":
				t.Error("failed under wine")
			case "SKIP":
				t.Skip("wine lacks what it needs")
			}
		})
	}
	scripts, _ := filepath.Glob("testdata/*.txtar")
	clients, _ := filepath.Glob("testdata/clients/*.txtar")
	if len(results) != len(scripts)+len(clients) {
		t.Errorf("%d results of %d scripts", len(results), len(scripts)+len(clients))
	}
	if !regexp.MustCompile(`(?m)^PASS\r?$`).Match(out) {
		t.Error("the tests failed")
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// wine is a prefix with the program, the clients and the tests, which are built for Windows.
type wine struct {
	env            []string
	program, tests string
}

func newWine(t *testing.T) *wine {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	w := &wine{program: filepath.Join(bin, testenv.Program+".exe"), tests: filepath.Join(dir, "windows.test.exe")}
	build(t, "../../..", "build", "-trimpath", "-ldflags", "-s -w", "-o", w.program, "./cmd/"+testenv.Program)
	build(t, ".", "build", "-ldflags", "-s -w", "-o", bin+"/", "./kubectl", "./flyteidl")
	build(t, ".", "build", "-ldflags", "-s -w", "-o", filepath.Join(bin, "sh.exe"), "mvdan.cc/sh/v3/cmd/gosh")
	build(t, ".", "test", "-c", "-ldflags", "-s -w", "-o", w.tests, ".")
	cache, err := peers.Cache()
	if err != nil {
		t.Fatal(err)
	}
	git, err := cache.WindowsGit(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	prefix := filepath.Join(dir, "prefix")
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); name != "DISPLAY" && name != "WAYLAND_DISPLAY" {
			w.env = append(w.env, v)
		}
	}
	w.env = append(w.env, "WINEPREFIX="+prefix, "WINEARCH=win64", "WINEDEBUG=-all", "WINEDLLOVERRIDES=winemenubuilder.exe=d", "WINEPATH="+windowsPath(bin)+";"+windowsPath(git))
	t.Cleanup(func() {
		end := w.tool("wineserver", "--kill")
		if out, err := end.CombinedOutput(); err != nil {
			t.Logf("wineserver --kill: %v: %s", err, out)
		}
		_, _ = w.tool("wineserver", "--wait").CombinedOutput()
	})
	run(t, w.command(t.Context(), "wineboot", "--init"))
	run(t, exec.CommandContext(t.Context(), "x86_64-w64-mingw32-gcc", "-shared", "-o",
		filepath.Join(prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll"), "testdata/bcryptprimitives.c", "-ladvapi32"))
	return w
}

// windowsPath is a path as Windows programs see it.
func windowsPath(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }

// command runs a Windows program.
func (w *wine) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, find("wine64"), append([]string{program}, args...)...)
	cmd.Env = w.env
	testenv.OwnSession(cmd)
	return cmd
}

func (w *wine) tool(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(find(name), args...)
	cmd.Env = w.env
	return cmd
}

// find returns the path of a program of wine.
func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return filepath.Join(wineDir, name)
}

// build runs go for Windows.
func build(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	run(t, cmd)
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(errors.Join(err, errors.New(cmd.String()), errors.New(string(out))))
	}
}
