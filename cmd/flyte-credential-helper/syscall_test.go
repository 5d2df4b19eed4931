//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// A warm call opens no socket, takes no lock, starts no process and writes only the
// answer, so that nothing can make it wait. The test reads its system calls and measures
// no time.
func TestWarmSystemCalls(t *testing.T) {
	for _, store := range []string{"file", "kernel"} {
		for _, command := range []string{"kubernetes", "token", "git get"} {
			t.Run(store+"/"+command, func(t *testing.T) {
				m := testenv.NewForTest(t, oauthtest.Config{})
				serves(t, m, "git.example.com")
				m.Env = append(m.Env, config.Variable("store")+"="+store)
				if p := m.Run(t, "login", "--profile", "work"); p.Status() != 0 {
					t.Fatalf("%s", p.Stderr.String())
				}
				t.Cleanup(func() { m.Run(t, "logout") })
				calls := trace(t, m, "protocol=https\nhost=git.example.com\n", strings.Fields(command)...)
				for _, forbidden := range []string{
					`\b(socket|connect|bind|listen|flock|fork|vfork|execve|fsync|fdatasync|ftruncate)\(`,
					`\b(rename|unlink|mkdir|link|symlink|chmod|fchmod|utimensat|mknod)(at2?)?\(`,
					`\bopenat\(.*(O_WRONLY|O_RDWR|O_CREAT|O_TRUNC)`,
					`\bfcntl\(.*F_(OFD_)?SETLK`,
				} {
					for _, call := range regexp.MustCompile(`(?m)^.*`+forbidden+`.*$`).FindAllString(calls, -1) {
						t.Errorf("it calls %s", call)
					}
				}
				if n := len(regexp.MustCompile(`(?m)\bwrite\(1, `).FindAllString(calls, -1)); n != 1 {
					t.Errorf("it writes the answer by %d calls", n)
				}
				if !strings.Contains(calls, "openat(") || m.Server.Count("token") != 1 {
					t.Errorf("that was no warm answer: %d token requests", m.Server.Count("token"))
				}
			})
		}
	}
}

// serves writes a configuration with the profile work, which serves a host.
func serves(t *testing.T, m *testenv.Machine, host string) {
	t.Helper()
	path := filepath.Join(m.Dir, "config", config.Program, "config.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("profiles:\n  work:\n    issuer: %s\n    client-id: %s\n    serves: [%s]\n", m.Server.URL, oauthtest.PublicClient, host)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// trace returns the system calls of a call of the program from its start on, without those
// of the runtime and the loader.
func trace(t *testing.T, m *testenv.Machine, stdin string, args ...string) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("needs strace: run hack/check")
	}
	out := filepath.Join(m.Dir, "calls")
	cmd := m.Command(t.Context(), args...)
	cmd.Args = append([]string{strace, "-f", "-qq", "-o", out, cmd.Path}, args...)
	cmd.Path, cmd.Stdin = strace, strings.NewReader(stdin)
	p := testenv.Start(t, cmd)
	if p.Await(t); p.Status() != 0 || p.Stdout.Len() == 0 {
		t.Fatalf("status %d: %s", p.Status(), p.Stderr.String())
	}
	calls, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(calls), "\n") // its own execve
	if !found {
		t.Fatalf("%s", calls)
	}
	return after
}
