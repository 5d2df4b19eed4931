//go:build unix

package forge

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/forge/front"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// limit is how long a server may take to start.
const limit = 5 * time.Minute

// bed is a machine with clients on it, and the servers that a script has started.
type bed struct {
	*testenv.Machine
	programs
	servers map[string]server // by their commands
}

// newBed installs the clients. The program has no settings from the environment: it finds
// them in a profile.
func newBed(m *testenv.Machine, p programs) (*bed, error) {
	b := &bed{Machine: m, programs: p, servers: map[string]server{}}
	for _, setting := range []string{"issuer", "client-id", "ca-file"} {
		m.Set(setting, "")
	}
	return b, b.install()
}

// install puts the program on PATH under its names, makes all clients trust the servers,
// and writes the clients' settings.
func (b *bed) install() error {
	f := front.New()
	defer f.Close()
	trusted := filepath.Join(b.Dir, "trusted.pem")
	b.Env = append(b.Env, b.settings()...)
	b.Env = append(b.Env, "NEWGIT="+b.newGit, "SSL_CERT_FILE="+trusted, "GIT_SSL_CAINFO="+trusted)
	return errors.Join(
		b.Link("git-credential-flyte", "docker-credential-flyte", "bazel-credential-flyte"),
		os.WriteFile(trusted, append(f.CA, b.Server.CA...), 0o600),
		b.write("storage.conf", "[storage]\ndriver = \"vfs\"\ngraphroot = \""+b.Dir+"/images\"\nrunroot = \""+b.Dir+"/run/images\"\n"),
		b.write("containers.conf", "[engine]\nevents_logger = \"none\"\ncgroup_manager = \"cgroupfs\"\n"),
		b.write("registries.conf", ""),
	)
}

func (b *bed) write(name, text string) error {
	return os.WriteFile(filepath.Join(b.Dir, name), []byte(text), 0o600)
}

// settings are the environment of the clients: git has an author, the container tools
// store images without help of the kernel, and the go command keeps nothing between
// scripts.
func (b *bed) settings() []string {
	return []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Alice", "GIT_AUTHOR_EMAIL=alice@example.com", "GIT_COMMITTER_NAME=Alice", "GIT_COMMITTER_EMAIL=alice@example.com",
		"CONTAINERS_STORAGE_CONF=" + filepath.Join(b.Dir, "storage.conf"), "CONTAINERS_CONF=" + filepath.Join(b.Dir, "containers.conf"),
		"CONTAINERS_REGISTRIES_CONF=" + filepath.Join(b.Dir, "registries.conf"),
		"GOPATH=" + filepath.Join(b.Dir, "go"), "GOCACHE=" + filepath.Join(b.Dir, "go-build"), "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw", "GONOSUMDB=*", "GOVCS=*:off",
	}
}
