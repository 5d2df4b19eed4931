// Package machine is a place of its own to run the program in: a home directory,
// an authorization server on loopback, and a person with a browser. It is for
// programs that measure flyte-credential-helper, or break what is around it.
package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

const (
	module = "github.com/flyteorg/flyte-credential-helper"
	name   = "flyte-credential-helper"
)

// ErrNoKey means that the kernel has no key of a login to forget.
var ErrNoKey = errors.New("the kernel has no key to forget")

// Machine is such a place. Env may be changed before a command is made.
type Machine struct {
	Program string // the binary
	Server  *oauthtest.Server
	Env     []string // of every process; the last value of a name counts
	Dir     string   // holds all that is left behind
}

// Build builds the program as it is released and returns its path, in dir. It
// does so in the program's own module, whose go.mod says with which libraries,
// for a caller in another module too.
func Build(ctx context.Context, dir string) (program string, err error) {
	return BuildCommand(ctx, dir, "cmd/"+name)
}

// BuildCommand builds a command of this module, by its directory, in the same way.
func BuildCommand(ctx context.Context, dir, command string) (program string, err error) {
	if program, err = filepath.Abs(filepath.Join(dir, path.Base(command))); err != nil {
		return "", err
	}
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", program, "./"+command)
	cmd.Dir, cmd.Env = strings.TrimSpace(string(root)), append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, said)
	}
	return program, nil
}

// New makes a machine in a new directory inside dir. Its environment begins with
// an empty one, so that CI, a proxy or a person's own settings do not matter.
// There is no OS keyring on it, and tokens are kept in a file. With c.TLS all
// trust the server's certificate. Whoever calls it must call [Browse] first thing
// in main.
func New(dir, program string, c oauthtest.Config) (*Machine, error) {
	if _, err := os.Executable(); err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(dir, "machine-")
	if err != nil {
		return nil, err
	}
	s, err := oauthtest.NewServer(c)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(own))
	}
	m := &Machine{Program: program, Server: s, Dir: own}
	if s.CA != nil {
		if err := os.WriteFile(m.ca(), s.CA, 0o600); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	m.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + own, "TMPDIR=" + own, "DBUS_SESSION_BUS_ADDRESS=disabled:",
		"XDG_CONFIG_HOME=" + filepath.Join(own, "config"), "XDG_CACHE_HOME=" + filepath.Join(own, "cache"),
		"XDG_STATE_HOME=" + filepath.Join(own, "state"), "XDG_RUNTIME_DIR=" + filepath.Join(own, "run"),
		"BROWSER=" + m.Browser(),
		Variable("issuer") + "=" + s.URL, Variable("client-id") + "=" + oauthtest.PublicClient, Variable("store") + "=" + cache.InFile,
	}
	if s.CA != nil {
		m.Set("ca-file", m.ca())
	}
	if root := os.Getenv("SYSTEMROOT"); root != "" { // without it Windows opens no socket
		m.Env = append(m.Env, "SYSTEMROOT="+root)
	}
	return m, os.MkdirAll(filepath.Join(own, "run"), 0o700)
}

// Close stops the server and removes all that is left.
func (m *Machine) Close() error {
	m.Server.Close()
	return os.RemoveAll(m.Dir)
}

// Set sets a setting of the program for every process, by its variable.
func (m *Machine) Set(setting, value string) {
	m.Env = append(m.Env, Variable(setting)+"="+value)
}

// Get returns a setting as every process has it from its variable.
func (m *Machine) Get(setting string) (value string) {
	for _, pair := range m.Env {
		if v, found := strings.CutPrefix(pair, Variable(setting)+"="); found {
			value = v
		}
	}
	return value
}

// Variable is a setting's name in the environment.
func Variable(setting string) string {
	return "FLYTE_CREDENTIAL_HELPER_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// Command is the program with args, in a session of its own: it finds no
// terminal, and a Ctrl-C is not meant for it.
func (m *Machine) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, m.Program, args...)
	cmd.Env = m.Env
	OwnSession(cmd)
	return cmd
}

func (m *Machine) ca() string { return filepath.Join(m.Dir, "ca.pem") }

// State is the directory that holds what is kept of logins.
func (m *Machine) State() string { return filepath.Join(m.Dir, "state", name) }

// Age makes every login that is kept older by d. Nobody may renew one meanwhile.
func (m *Machine) Age(ctx context.Context, d time.Duration) error {
	return Age(ctx, cache.Dir(m.State()), &cache.Keyring{}, d)
}

// Age makes every login that is kept in dir, with its key in k, older by d.
func Age(ctx context.Context, dir cache.Dir, k *cache.Keyring, d time.Duration) error {
	stores, err := cache.List(dir, k)
	if err == nil && len(stores) == 0 {
		err = errors.New("no login is kept")
	}
	for _, s := range stores {
		err = errors.Join(err, age(ctx, s, d))
	}
	return err
}

func age(ctx context.Context, s *cache.Store, d time.Duration) error {
	t, err := s.Load(ctx)
	if err != nil || t == nil {
		return fmt.Errorf("%s cannot be opened: %w", s.ID, err)
	}
	for _, at := range []*time.Time{&t.Expiry, &t.Obtained, &t.Renewed, &t.IDExpiry, &t.IDObtained} {
		if !at.IsZero() {
			*at = at.Add(-d)
		}
	}
	draft, err := s.Prepare(ctx)
	if err != nil {
		return err
	}
	return draft.Save(t)
}
