//go:build unix

package forge

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/front"
	"github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

const program = "flyte-credential-helper"

// limit is for what is started.
const limit = 5 * time.Minute

// bed is a machine with clients on it, and the servers that a script has started.
type bed struct {
	*machine.Machine
	programs
	servers map[string]server // by the names of scripts
	close   []func() error
}

// newBed makes a bed in dir. The program has no settings from the environment: it
// finds them in a profile.
func newBed(dir string, p programs) (*bed, error) {
	binary, err := exec.LookPath(program)
	if err != nil {
		return nil, err
	}
	m, err := machine.New(dir, binary, oauthtest.Config{TLS: true})
	if err != nil {
		return nil, err
	}
	b := &bed{Machine: m, programs: p, servers: map[string]server{}}
	b.onClose(m.Close)
	for _, setting := range []string{"issuer", "client-id", "ca-file"} {
		b.Set(setting, "")
	}
	return b, b.furnish()
}

func (b *bed) onClose(f func() error) { b.close = append(b.close, f) }

// Close ends what was started, the last first.
func (b *bed) Close() (err error) {
	for i := range b.close {
		err = errors.Join(err, b.close[len(b.close)-1-i]())
	}
	return err
}

// furnish puts the program on PATH under its names, has everybody trust the
// servers, and gives the clients their settings.
func (b *bed) furnish() error {
	bin := filepath.Join(b.Dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	for _, name := range []string{program, "git-credential-flyte", "docker-credential-flyte", "bazel-credential-flyte"} {
		if err := os.Symlink(b.Program, filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	f := front.New()
	defer f.Close()
	trusted := filepath.Join(b.Dir, "trusted.pem")
	b.Env = append(b.Env, b.settings()...)
	b.Env = append(b.Env,
		"PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "STATE="+b.State(), "OPENED="+b.Log(),
		"CONFIG="+filepath.Join(b.Dir, "config", program, "config.yaml"), "ISSUER="+b.Server.URL, "NEWGIT="+b.newGit,
		"SSL_CERT_FILE="+trusted, "GIT_SSL_CAINFO="+trusted)
	return errors.Join(
		os.WriteFile(trusted, append(f.CA, b.Server.CA...), 0o600),
		b.write("storage.conf", "[storage]\ndriver = \"vfs\"\ngraphroot = \""+b.Dir+"/images\"\nrunroot = \""+b.Dir+"/run/images\"\n"),
		b.write("containers.conf", "[engine]\nevents_logger = \"none\"\ncgroup_manager = \"cgroupfs\"\n"),
		b.write("registries.conf", ""),
	)
}

func (b *bed) write(name, text string) error {
	return os.WriteFile(filepath.Join(b.Dir, name), []byte(text), 0o600)
}

// settings are what the clients find in the environment: git knows who commits, the
// container tools need no kernel's help to keep an image, and the go command keeps
// nothing from one script to the next.
func (b *bed) settings() []string {
	return []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Alice", "GIT_AUTHOR_EMAIL=alice@example.com", "GIT_COMMITTER_NAME=Alice", "GIT_COMMITTER_EMAIL=alice@example.com",
		"CONTAINERS_STORAGE_CONF=" + filepath.Join(b.Dir, "storage.conf"), "CONTAINERS_CONF=" + filepath.Join(b.Dir, "containers.conf"),
		"CONTAINERS_REGISTRIES_CONF=" + filepath.Join(b.Dir, "registries.conf"),
		"GOPATH=" + filepath.Join(b.Dir, "go"), "GOCACHE=" + filepath.Join(b.Dir, "go-build"), "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw", "GONOSUMDB=*", "GOVCS=*:off",
	}
}
