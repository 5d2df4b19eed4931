package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// dockerSetup configures docker, podman and the tools that read their configuration: an entry of
// credHelpers for each registry, and the link docker-credential-flyte.
// https://docs.docker.com/reference/cli/docker/login/#credential-helpers
type dockerSetup struct {
	hostSetup
	config string // the file to change; empty: the one that the tools read
}

// Docker sets up docker and podman for registries.
func Docker(ctx context.Context, r *Run, hosts []string, file string) error {
	return r.runForHosts(ctx, "docker", hosts, func(h hostSetup) integration { return dockerSetup{h, file} })
}

const (
	kindDocker   = "docker"
	dockerLink   = "docker-credential-flyte"
	dockerHelper = `"flyte"`
)

func (d dockerSetup) plan(context.Context) (*plan, error) {
	names := hostNames(d.hosts)
	for _, h := range d.hosts {
		name := login.WithoutScheme(h.Pattern.String())
		if _, exact := h.Pattern.Host(); !exact {
			return nil, config.Errorf(config.Hint{}, "docker has no patterns for registries: name each registry instead of %s", h.Pattern)
		}
		if slices.Contains([]string{"docker.io", "index.docker.io", "registry-1.docker.io"}, name) {
			return nil, config.Errorf(config.Command("docker", "login"), "Docker Hub accepts no tokens of other servers")
		}
	}
	p, err := d.hostPlan("docker", d.hosts)
	if err != nil {
		return nil, err
	}
	link, path, err := d.link(dockerLink, names)
	if err != nil {
		return nil, err
	}
	file, note := d.file()
	if d.Getenv("DOCKER_AUTH_CONFIG") != "" {
		note += "DOCKER_AUTH_CONFIG is set: docker uses it before its configuration file. "
	}
	for _, note := range []string{note, d.pathNote(path)} {
		if note != "" {
			p.notes = append(p.notes, strings.TrimSpace(note))
		}
	}
	p.steps = append(p.steps, link, newFile(file, "{}\n", names),
		step{Change: edit.Change{Path: file, Kind: kindDocker, Key: []string{"credHelpers"}, New: "{}", For: names}})
	lines := map[string]map[string]string{"credHelpers": {}}
	for _, name := range names {
		lines["credHelpers"][login.WithoutScheme(name)] = "flyte"
	}
	shown, err := json.MarshalIndent(lines, "", "\t")
	for _, name := range names {
		c := edit.Change{Path: file, Kind: kindDocker, Key: []string{"credHelpers", login.WithoutScheme(name)}, New: dockerHelper, For: []string{name}}
		p.steps = append(p.steps, step{Change: c, lines: string(shown)})
	}
	return p, err
}

// file is the file that the tools read here, with a note for users. If only podman's file
// exists, a new config.json would hide it from crane, ko and cosign.
func (d dockerSetup) file() (path, note string) {
	dir := d.Getenv("DOCKER_CONFIG")
	docker := filepath.Join(d.Home, ".docker", "config.json")
	if dir != "" {
		docker = filepath.Join(d.absolute(dir), "config.json")
	}
	runtime := filepath.Join(d.RuntimeDir, "containers", "auth.json")
	user := filepath.Join(d.configHome(), "containers", "auth.json")
	named := d.Getenv("REGISTRY_AUTH_FILE")
	switch {
	case d.config != "":
		path = d.absolute(d.config)
	case dir != "" || exists(docker):
		return docker, ""
	case named != "":
		path = d.absolute(named)
	case exists(user) || exists(runtime):
		path = user
	default:
		return docker, ""
	}
	if path != docker {
		note = "docker itself does not read " + path + ": for docker, use --config " + docker + ". "
	}
	if rest, err := filepath.Rel(d.RuntimeDir, path); err == nil && filepath.IsLocal(rest) {
		note += path + " is deleted when you log out of this machine or restart it. "
	}
	return path, note
}

// configHome is the directory of the user's configuration files, as podman finds it.
func (r *Run) configHome() string {
	if dir := r.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(r.Home, ".config")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// dockerKeys are the entries of a configuration of docker that run this program.
func dockerKeys(text []byte) (keys [][]string) {
	var f struct{ CredHelpers map[string]string }
	if json.Unmarshal(text, &f) != nil || f.CredHelpers == nil {
		return nil
	}
	keys = append(keys, []string{"credHelpers"})
	for _, host := range slices.Sorted(maps.Keys(f.CredHelpers)) {
		keys = append(keys, []string{"credHelpers", host})
	}
	return keys
}

// verify runs the helper as docker does, and then asks the registry whether it accepts the token.
func (d dockerSetup) verify(ctx context.Context, _ *plan, s *session) (report string, err error) {
	for _, h := range d.hosts {
		host := login.WithoutScheme(h.Pattern.String())
		given, err := d.get(ctx, host)
		if err != nil {
			return report, &VerifyError{"docker is set up, but it does not get the token for " + host + ": " + err.Error() + missing(err)}
		}
		if given.Secret != s.credential.Value.Reveal() {
			return report, &VerifyError{"docker is set up, but it gets another credential than our token for " + host}
		}
		report += "docker gets the token for " + host
		if given.Username == execcred.DockerIdentityToken {
			report += ".\n"
			continue
		}
		err = d.registry(h.Pattern, given.Username, given.Secret).take(ctx)
		var refused *refusedError
		switch {
		case errors.As(err, &refused):
			return report + ".\n", &VerifyError{"docker is set up, but " + host + " does not accept the token: " + oauth.Printable(err.Error())}
		case err != nil:
			report += fmt.Sprintf(". Whether %s accepts it is not known: %s.\n", host, oauth.Printable(err.Error()))
		default:
			report += ", and " + host + " accepts it.\n"
		}
	}
	return report, nil
}

// missing says what to do if a link is not on PATH, as setup has said before.
func missing(err error) string {
	if errors.Is(err, exec.ErrNotFound) {
		return ": add its directory to PATH, and run setup again"
	}
	return ""
}

// dockerCredential is what a helper answers.
type dockerCredential struct{ Username, Secret string }

func (d dockerSetup) get(ctx context.Context, host string) (given dockerCredential, err error) {
	out, err := output(ctx, d.Env, host, dockerLink, "get")
	if errors.As(err, new(*system.ExitError)) { // helpers write errors to stdout
		return given, errors.New(strings.TrimSpace(oauth.Printable(string(out))))
	}
	if err == nil {
		err = json.Unmarshal(out, &given)
	}
	return given, err
}

// registry is the registry of a host. It may be without TLS on loopback only.
func (d dockerSetup) registry(p execcred.Pattern, username, secret string) *registry {
	r := &registry{client: &http.Client{Timeout: 10 * time.Second}, url: hostURL(p.String()), username: username, secret: secret}
	if transport, err := login.Transport(d.Resolved, d.policy, d.Env); err == nil {
		r.client.Transport = transport
	}
	return r
}
