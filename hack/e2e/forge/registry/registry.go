// Package registry is the container registry of the project distribution, and the token server to which it sends clients, both at one address. The token server trusts an issuer.
package registry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/front"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Server is a registry. Repositories below public/ can be pulled without a token.
// Everything else needs a token.
type Server struct {
	*front.Front
	dir     string
	program *front.Program
}

// Start starts a registry with its files in dir. program is the path of the registry's
// binary. The caller closes it.
func Start(ctx context.Context, program string, issuer *oauthtest.Server, dir string) (*Server, error) {
	s := &Server{Front: front.New(), dir: dir}
	if err := s.start(ctx, program, issuer); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, program string, issuer *oauthtest.Server) error {
	k, err := newKey()
	if err != nil {
		return err
	}
	keys, err := json.Marshal(k.public())
	if err != nil {
		return err
	}
	err = errors.Join(os.WriteFile(s.file("keys.json"), keys, 0o600), os.WriteFile(s.file("config.yml"), []byte(s.settings()), 0o600))
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "serve", s.file("config.yml"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "OTEL_TRACES_EXPORTER=none"}
	if s.program, err = s.Run(ctx, cmd, s.file("socket"), "/v2/", http.StatusUnauthorized); err != nil {
		return err
	}
	s.Beside("/token", &tokens{key: k, issuer: issuer})
	return nil
}

// Close stops the registry.
func (s *Server) Close() {
	if s.program != nil {
		s.program.Stop()
	}
	s.Front.Close()
}

func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) settings() string {
	return strings.NewReplacer("$DIR", s.dir, "$HOST", s.Host(), "$NAME", name).Replace(`
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $DIR/blobs}}
http: {net: unix, addr: $DIR/socket, host: https://$HOST}
auth:
  token: {realm: https://$HOST/token, service: $NAME, issuer: $NAME, jwks: $DIR/keys.json}
`)
}
