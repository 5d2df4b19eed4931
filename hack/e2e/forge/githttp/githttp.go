// Package githttp serves git repositories to clients with a token of an issuer, by
// git's own http-backend.
package githttp

import (
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/front"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Server is a git server.
type Server struct {
	*front.Front
	issuer  *oauthtest.Server
	schemes []string
	backend http.Handler
}

// Start starts a server for the repositories in dir. It accepts tokens in the given
// schemes, "Bearer" or "Basic", and offers them in this order.
func Start(issuer *oauthtest.Server, dir string, schemes ...string) (*Server, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, err
	}
	s := &Server{Front: front.New(), issuer: issuer, schemes: schemes}
	s.backend = &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Dir: dir, Stderr: os.Stderr,
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + dir, "REMOTE_USER=alice"},
	}
	s.Place(http.HandlerFunc(s.serve))
	return s, nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.allowed(r) {
		s.backend.ServeHTTP(w, r)
		return
	}
	for _, scheme := range s.schemes {
		w.Header().Add("WWW-Authenticate", scheme+` realm="repositories"`)
	}
	http.Error(w, "who are you?", http.StatusUnauthorized)
}

func (s *Server) allowed(r *http.Request) bool {
	if !slices.Contains(s.schemes, front.Scheme(r)) {
		return false
	}
	_, err := s.issuer.Verify(front.Token(r))
	return err == nil
}

// Create creates an empty repository in dir.
func Create(dir, name string) error {
	return exec.Command("git", "init", "--quiet", "--bare", "--initial-branch", "main", filepath.Join(dir, name+".git")).Run()
}
