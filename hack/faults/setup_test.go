//go:build linux && faults

package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func setups() []row {
	const promise = "the next setup finishes, the next undo restores each file byte for byte, and no replaced value is lost"
	return []row{
		{name: "S1 git", injected: "kill -9 of setup git, and of its undo, at each change of a file and each child", promise: promise, play: setupKilled("git", "git.example.com", "--profile", "new")},
		{name: "S1 docker", injected: "the same for setup docker", promise: promise, play: setupKilled("docker", "127.0.0.1:9", "--profile", "new")},
		{name: "S1 goauth", injected: "the same for setup goauth", promise: promise, play: setupKilled("goauth", "go.example.com", "--profile", "new")},
		{name: "S1 kubernetes", injected: "the same for setup kubernetes", promise: promise, play: setupKilled("kubernetes")},
	}
}

// settledFiles are the files that setup changes, as they are before it. Each has a value that setup
// replaces or has to keep.
func settledFiles() map[string]string {
	return map[string]string{
		"gitconfig":                          "[credential]\n\thelper = store\n[user]\n\tname = Ann\n",
		"docker/config.json":                 "{\n\t\"credHelpers\": {\n\t\t\"127.0.0.1:9\": \"pass\"\n\t}\n}\n",
		"kubeconfig":                         kubeconfig,
		"goenv":                              "GOAUTH=git /src\nGOPRIVATE=example.com\n",
		"config/" + program + "/config.yaml": "# mine\nprofiles:\n  other:\n    issuer: https://other.example.com\n    client-id: x\n",
	}
}

const program = testenv.Program

// kubeconfig has a user with a token, which setup replaces.
const kubeconfig = `apiVersion: v1
kind: Config
current-context: one
clusters:
- name: one
  cluster:
    server: https://127.0.0.1:9
contexts:
- name: one
  context:
    cluster: one
    user: ann
users:
- name: ann # mine
  user:
    token: old
`

// setupMachine is a machine with the files, a login and the program on PATH.
func (t *trial) setupMachine(ctx context.Context) *testenv.Machine {
	m := t.loggedIn(ctx, oauthtest.Config{})
	if err := m.Link(program); err != nil {
		t.Fatal(err)
	}
	m.Env = append(m.Env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+filepath.Join(m.Dir, "gitconfig"),
		"DOCKER_CONFIG="+filepath.Join(m.Dir, "docker"), "GOENV="+filepath.Join(m.Dir, "goenv"), "KUBECONFIG="+filepath.Join(m.Dir, "kubeconfig"))
	for name, text := range settledFiles() {
		path := filepath.Join(m.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// unchanged fails unless each file is as it was before setup.
func (t *trial) unchanged(m *testenv.Machine, after string) {
	for name, want := range settledFiles() {
		if got, err := os.ReadFile(filepath.Join(m.Dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %s is %q, %v", after, name, got, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(m.State(), "setup.*")); len(left) > 1 { // setup.lock stays
		t.Errorf("%s: left behind: %v", after, left)
	}
	err := filepath.WalkDir(m.Dir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".setup") || filepath.Base(path) == "kubeconfig.lock" {
			t.Errorf("%s: left behind: %s", after, path)
		}
		return err
	})
	if err != nil {
		t.Errorf("%v", err)
	}
}

// setupKilled kills a setup and its undo at each of the calls that change a file or start a
// program. After each kill, one machine undoes at once, and another first sets up again.
func setupKilled(caller string, words ...string) func(context.Context, *trial) {
	return func(ctx context.Context, t *trial) {
		t.needsRoot()
		set := append([]string{"setup", caller, "--yes"}, words...)
		undo := []string{"setup", caller, "--undo"}
		m := t.setupMachine(ctx)
		killed := 0
		for _, call := range []string{"renameat,renameat2,rename", "execve", "unlinkat", "symlinkat", "write", "fsync"} {
			for when := 1; ctx.Err() == nil; when++ {
				what := fmt.Sprintf("%s %d", call, when)
				if !t.killedAt(ctx, m, call, when, set) {
					break
				}
				killed++
				t.succeeds(ctx, m, undo)
				t.unchanged(m, "undo after a setup that was killed at "+what)
				t.killedAt(ctx, m, call, when, set)
				t.succeeds(ctx, m, set)
				if t.killedAt(ctx, m, call, when, undo) {
					killed++
				}
				t.succeeds(ctx, m, undo)
				t.unchanged(m, "undo after a setup and an undo that were killed at "+what)
				if t.Failed() {
					return
				}
			}
		}
		t.Logf("%d kills", killed)
		if killed < 20 {
			t.Errorf("strace kills too little")
		}
	}
}

// killedAt runs the program, and kills the process of it, or of a child, that makes the call for
// that time. It reports whether there was one.
func (t *trial) killedAt(ctx context.Context, m *testenv.Machine, call string, when int, args []string) bool {
	file := filepath.Join(m.Dir, "trace")
	words := []string{"-f", "-qq", "-o", file, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, when)}
	cmd := exec.CommandContext(ctx, "strace", append(append(words, m.Program), args...)...)
	cmd.Env = m.Env
	testenv.OwnSession(cmd)
	t.wait(t.launch(cmd))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("strace: %v", err)
	}
	return bytes.Contains(text, []byte("+++ killed by SIGKILL"))
}

func (t *trial) succeeds(ctx context.Context, m *testenv.Machine, args []string) {
	if p := t.run(ctx, m, args...); p.code != 0 {
		t.Errorf("%s", p)
	}
}
