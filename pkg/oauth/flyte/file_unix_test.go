//go:build unix

package flyte

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pipe makes a pipe without a writer at path.
func pipe(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// atOnce fails if f does not return: reading a pipe without a writer would wait forever.
func atOnce(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for a pipe's other end")
	}
}

// A pipe in place of a file does not make the search wait.
func TestPipe(t *testing.T) {
	for _, place := range []string{"work/sub/flytekit.config", "work/sub/config.yaml", "home/.flyte/config"} {
		root := tree(t, map[string]string{"home/.flyte/config.yaml": "admin: {endpoint: x}\n"})
		pipe(t, filepath.Join(root, place))
		atOnce(t, func() {
			if s, err := FindSource(at(root)); err != nil || s.Endpoint != "x" {
				t.Errorf("%s: found %q, %v", place, s.Endpoint, err)
			}
		})
	}
	root := t.TempDir()
	pipe(t, filepath.Join(root, "secret"))
	atOnce(t, func() {
		s, err := FindSource(at(root, "FLYTE_PLATFORM_URL=x", "FLYTE_CREDENTIALS_CLIENT_SECRET_LOCATION=ROOT/secret"))
		if err != nil {
			t.Error(err)
			return
		}
		c, err := s.Config()
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := c.Secret(); err == nil || !strings.Contains(err.Error(), "is not a file") {
			t.Errorf("the secret is of a pipe: %v", err)
		}
	})
}
