package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// dockerTool is docker's part: an entry of credHelpers for each host, and the link by
// which docker and its kin find us.
type dockerTool struct {
	c     *Run
	link  *link
	path  string // of config.json
	was   []byte
	text  []byte // changed; nil: it is as it is to be
	hosts []string

	patterns []execcred.Pattern
}

func (t *dockerTool) look(_ context.Context, h *hostSetup) (files []string, err error) {
	if t.link, err = t.c.lookLink("docker-credential-flyte"); err != nil {
		return nil, err
	}
	t.path = filepath.Join(t.c.Home, ".docker", "config.json")
	if dir := t.c.Getenv("DOCKER_CONFIG"); dir != "" {
		t.path = filepath.Join(dir, "config.json")
	}
	if t.was, err = edit.Read(t.path); err != nil {
		return nil, err
	}
	for _, s := range h.hosts {
		p := s.Pattern
		name := login.WithoutScheme(p.String())
		if _, exact := p.Host(); !exact {
			return nil, config.Errorf(config.Hint{}, "docker knows no stars: name each registry, and not %s", p)
		}
		if slices.Contains([]string{"docker.io", "index.docker.io", "registry-1.docker.io"}, name) {
			return nil, config.Errorf(config.Command("docker", "login"), "Docker Hub takes no token of another server")
		}
		t.patterns, t.hosts = append(t.patterns, p), append(t.hosts, name)
	}
	changed, err := dockerConfig{t.path, t.was}.with(t.hosts, "flyte")
	if err == nil && !bytes.Equal(changed, t.was) {
		t.text = changed
	}
	return []string{t.path, t.link.path}, err
}

func (t *dockerTool) words() string {
	text := t.link.words()
	if t.text != nil {
		text += fmt.Sprintf("%s, under credHelpers: the helper flyte for %s\n", t.path, strings.Join(t.hosts, ", "))
	}
	return text
}

func (t *dockerTool) change(context.Context) error {
	if err := t.link.make(); err != nil || t.text == nil {
		return err
	}
	return edit.Replace(t.path, t.was, t.text)
}

// registry is the one at host. It may be without TLS on loopback only.
func (t *dockerTool) registry(host, username, secret string) *registry {
	r := &registry{client: &http.Client{Timeout: 10 * time.Second}, url: "https://" + host, username: username, secret: secret}
	for _, p := range t.patterns {
		if strings.HasPrefix(p.String(), "http://") && login.WithoutScheme(p.String()) == host {
			r.url = p.String()
		}
	}
	if transport, err := login.Transport(t.c.Resolved, t.c.policy, t.c.Env); err == nil {
		r.client.Transport = transport
	}
	return r
}

// proof asks as docker does, and then the registry.
func (t *dockerTool) proof(ctx context.Context) (text string, works bool) {
	works = true
	for _, host := range t.hosts {
		cmd := exec.CommandContext(ctx, t.link.path, "get")
		cmd.Env, cmd.Stdin = t.c.Environ(), strings.NewReader(host)
		out, err := cmd.Output()
		var given struct{ Username, Secret string }
		if err != nil || json.Unmarshal(out, &given) != nil {
			text += "docker does not get the token for " + host + ": " + strings.TrimSpace(string(out)) + "\n"
			works = false
			continue
		}
		text += "docker gets the token for " + host
		if given.Username == execcred.DockerIdentityToken {
			text += ".\n"
			continue
		}
		if err := t.registry(host, given.Username, given.Secret).take(ctx); err != nil {
			text += ", and " + host + " does not take it now: " + oauth.Printable(err.Error()) + "\n"
			works = false
			continue
		}
		text += ", and " + host + " takes it.\n"
	}
	return text + t.link.remark(), works
}
