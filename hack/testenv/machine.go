package testenv

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
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

const (
	module = "github.com/flyteorg/flyte-credential-helper"

	// Program is the name of the program under test.
	Program = "flyte-credential-helper"
)

// ErrNoKey means that the kernel has no key of a stored login.
var ErrNoKey = errors.New("the kernel has no key of a stored login")

// Machine is a home directory with an authorization server and a browser. Env may be
// extended before a command is made.
type Machine struct {
	Program string // path of the binary
	Server  *oauthtest.Server
	Env     []string // environment of each process; the last value of a name counts
	Dir     string   // the home directory
}

// Build builds the program as it is released and returns its path, in dir. It builds in
// the program's own module, whose go.mod determines the libraries, even if the caller
// belongs to another module.
func Build(ctx context.Context, dir string) (program string, err error) {
	return BuildCommand(ctx, dir, "cmd/"+Program)
}

// BuildCommand is Build for a command of the program's module, named by its directory.
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
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
}

// New makes a machine in a new directory inside dir. From the environment of the test it
// takes only PATH: CI, a proxy or a developer's own settings have no effect. It has no OS
// keyring, and logins are stored in plain files. With c.TLS, the program and the browser
// trust the server's certificate. The caller's main function must begin with [Browse].
func New(dir, program string, c oauthtest.Config) (*Machine, error) {
	home, err := os.MkdirTemp(dir, "machine-")
	if err != nil {
		return nil, err
	}
	s, err := oauthtest.NewServer(c)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	m := &Machine{Program: program, Server: s, Dir: home}
	m.Env = []string{
		"PATH=" + m.bin() + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + home, "TMPDIR=" + home, "DBUS_SESSION_BUS_ADDRESS=disabled:",
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "XDG_DATA_HOME=" + filepath.Join(home, "data"),
		"XDG_CONFIG_DIRS=" + filepath.Join(home, "etc"), "XDG_STATE_HOME=" + filepath.Join(home, "state"), "XDG_RUNTIME_DIR=" + filepath.Join(home, "run"),
		"BROWSER=" + m.Browser(), "BROWSER_LOG=" + m.Log(), "GORACE=atexit_sleep_ms=0",
		Variable("issuer") + "=" + s.URL, Variable("client-id") + "=" + oauthtest.PublicClient, Variable("store") + "=" + string(cache.StoreFile),
	}
	if s.CA != nil {
		m.Set("ca-file", m.CAFile())
		m.Env = append(m.Env, "BROWSER_CA="+m.CAFile())
		err = os.WriteFile(m.CAFile(), s.CA, 0o600)
	}
	if root := os.Getenv("SYSTEMROOT"); root != "" { // Windows opens no socket without it
		m.Env = append(m.Env, "SYSTEMROOT="+root, "USERPROFILE="+home, "TMP="+home, "TEMP="+home)
	}
	if err := errors.Join(err, os.MkdirAll(filepath.Join(home, "run"), 0o700)); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// NewForTest makes a machine that is closed when the test ends. The program is the one on
// PATH.
func NewForTest(t testing.TB, c oauthtest.Config) *Machine {
	t.Helper()
	program, err := exec.LookPath(Program)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(t.TempDir(), program, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// Close stops the server and the browsers, waits for worker processes, which still write,
// and removes Dir.
func (m *Machine) Close() error {
	m.Server.Close()
	_ = appendLine(m.Log()+closed, "")
	locks, _ := filepath.Glob(filepath.Join(m.State(), "*.spend"))
	for _, path := range locks {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		l := flock.New(path)
		_, _ = l.TryLockContext(ctx, 10*time.Millisecond)
		_ = l.Unlock()
		cancel()
	}
	return desktop.RemoveAll(m.Dir)
}

// Set sets a setting of the program by its environment variable.
func (m *Machine) Set(setting, value string) {
	m.Env = append(m.Env, Variable(setting)+"="+value)
}

// Get returns a setting that Set has set.
func (m *Machine) Get(setting string) (value string) {
	for _, pair := range m.Env {
		if v, found := strings.CutPrefix(pair, Variable(setting)+"="); found {
			value = v
		}
	}
	return value
}

// Variable is the environment variable of a setting.
func Variable(setting string) string {
	return "FLYTE_CREDENTIAL_HELPER_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// Command is the program with args, in a session without a terminal: it cannot prompt, and
// Ctrl-C at the terminal of the test does not reach it.
func (m *Machine) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, m.Program, args...)
	cmd.Env = m.Env
	OwnSession(cmd)
	return cmd
}

// Install writes an executable script that is found first on PATH.
func (m *Machine) Install(name, text string) error {
	return errors.Join(os.MkdirAll(m.bin(), 0o700), os.WriteFile(filepath.Join(m.bin(), name), []byte(text), 0o700))
}

// Link puts the program on PATH under more names.
func (m *Machine) Link(names ...string) error {
	err := os.MkdirAll(m.bin(), 0o700)
	for _, name := range names {
		err = errors.Join(err, os.Symlink(m.Program, filepath.Join(m.bin(), name)))
	}
	return err
}

// CountRuns installs the program behind a shell script that counts each run, for
// [Machine.Runs]. The script becomes the program, whose parent process is still the caller.
func (m *Machine) CountRuns() error {
	return m.Install(Program, "#!/bin/sh\necho \"$1\" >>'"+m.runs()+"'\nexec '"+m.Program+"' \"$@\"\n")
}

// Runs returns how often the program was run since the last call.
func (m *Machine) Runs() (int, error) {
	n := lines(m.runs())
	return n, os.RemoveAll(m.runs())
}

func (m *Machine) bin() string  { return filepath.Join(m.Dir, "bin") }
func (m *Machine) runs() string { return filepath.Join(m.Dir, "runs") }

// CAFile has the certificate of the server's authority, if it uses TLS.
func (m *Machine) CAFile() string { return filepath.Join(m.Dir, "ca.pem") }

// State is the directory of stored logins.
func (m *Machine) State() string { return filepath.Join(m.Dir, "state", Program) }

// Age makes each stored login older by d. No process may refresh one meanwhile.
func (m *Machine) Age(ctx context.Context, d time.Duration) error {
	return age(ctx, m.State(), &cache.Keyring{}, d)
}

func age(ctx context.Context, dir string, k *cache.Keyring, d time.Duration) error {
	stores, err := cache.List(cache.Dir(dir), k)
	if err == nil && len(stores) == 0 {
		err = errors.New("no login is stored")
	}
	for _, s := range stores {
		err = errors.Join(err, ageStore(ctx, s, d))
	}
	return err
}

func ageStore(ctx context.Context, s *cache.Store, d time.Duration) error {
	// A worker may still be saving. This lock is taken on the caller's thread, which may have
	// a mount namespace of its own.
	worker := flock.New(filepath.Join(string(s.Dir), s.ID+".spend"))
	if _, err := worker.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return err
	}
	defer worker.Unlock()
	t, err := s.Load(ctx)
	if err != nil || t == nil {
		return fmt.Errorf("cannot load %s: %w", s.ID, err)
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
