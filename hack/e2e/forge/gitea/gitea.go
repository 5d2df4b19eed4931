// Package gitea runs a Gitea, and acts as a user who logs in to it.
package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/front"
)

// Alice is the user with an account there.
const (
	Alice    = "alice"
	password = "correct horse battery"
)

// Server is a Gitea. All requests go through Front.
type Server struct {
	*front.Front
	ClientID string // of a public client with the redirect URI http://127.0.0.1

	dir     string
	program *front.Program
}

// Start starts a Gitea with its files in a new directory in the system's temporary one:
// it runs as an ordinary user, who has no access to a test's own directory. program is
// the result of peers.Gitea. Start returns when there is an account and a client. The
// caller closes the server.
func Start(ctx context.Context, program string) (*Server, error) {
	dir, err := os.MkdirTemp("", "gitea-")
	if err != nil {
		return nil, err
	}
	s := &Server{Front: front.New(), dir: dir}
	if err := s.start(ctx, program); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, program string) error {
	if err := os.CopyFS(s.dir, os.DirFS(program)); err != nil {
		return err
	}
	if err := os.WriteFile(s.config(), []byte(s.settings()), 0o600); err != nil {
		return err
	}
	if err := giveAway(s.dir); err != nil {
		return err
	}
	if err := s.run(ctx, "migrate"); err != nil {
		return err
	}
	if err := s.run(ctx, "admin", "user", "create", "--username", Alice, "--password", password, "--email", Alice+"@example.com", "--must-change-password=false"); err != nil {
		return err
	}
	var err error
	if s.program, err = s.Run(ctx, s.command("web"), s.socket(), "/api/healthz", http.StatusOK); err != nil {
		return err
	}
	return s.register(ctx)
}

// Revoke makes every access token invalid that was sent until now: see
// [front.Front.Revoke]. Gitea issues the same token for a grant within one second, so
// Revoke waits until the second is over.
func (s *Server) Revoke() {
	s.Front.Revoke()
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
}

// Close stops the server and removes its files.
func (s *Server) Close() error {
	if s.program != nil {
		s.program.Stop()
	}
	s.Front.Close()
	return os.RemoveAll(s.dir)
}

func (s *Server) config() string { return filepath.Join(s.dir, "app.ini") }
func (s *Server) socket() string { return filepath.Join(s.dir, "socket") }

// settings returns the settings of Gitea. A refresh token can be used once.
func (s *Server) settings() string {
	return strings.NewReplacer("$DIR", s.dir, "$HOST", s.Host(), "$SOCKET", s.socket(), "$USER", ordinary()).Replace(`
RUN_USER = $USER
RUN_MODE = prod
WORK_PATH = $DIR
[server]
PROTOCOL = http+unix
HTTP_ADDR = $SOCKET
ROOT_URL = https://$HOST/
STATIC_ROOT_PATH = $DIR
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = $DIR/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = secret
[oauth2]
JWT_SECRET = c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I
INVALIDATE_REFRESH_TOKENS = true
[session]
PROVIDER = memory
[actions]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
LEVEL = Warn
[other]
SHOW_FOOTER_VERSION = false
`)
}

// command returns the command gitea with args. It runs as an ordinary user, because
// Gitea refuses to run as root.
func (s *Server) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.dir, "gitea"), append([]string{"--config", s.config()}, args...)...)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir, "USER=" + ordinary()}
	asOrdinary(cmd)
	return cmd
}

func (s *Server) run(ctx context.Context, args ...string) error {
	cmd := s.command(args...)
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gitea %s: %w\n%s", args[0], err, said)
	}
	return nil
}
