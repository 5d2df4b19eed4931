package cache

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// roleVariable makes of this test binary another process: one of roles.
const roleVariable = "CACHE_TEST_ROLE"

var roles = map[string]func(args []string) error{}

func TestMain(m *testing.M) {
	name := os.Getenv(roleVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	role, ok := roles[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no role", name)
		os.Exit(2)
	}
	if err := role(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// process is this test binary in a role, not started yet. It ends with the test.
func process(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// soon is the limit for what should take no time at all, on a slow machine.
const soon = 20 * time.Second

// within fails the test if f takes longer than soon.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(soon):
		t.Fatalf("%s: nothing within %s", what, soon)
	}
}

// testKey names the login that most tests are about.
func testKey() Key {
	return Key{Server: []string{"https://id.example.com"}, Client: "flytectl", Grant: "person", Scopes: []string{"openid", "offline_access"}}
}

// noon is when most tests happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// testToken is a set that was obtained at a time and lives for an hour.
func testToken(obtained time.Time) *oauth.Token {
	return &oauth.Token{
		AccessToken: "at-1", RefreshToken: "rt-1", IDToken: "it-1",
		Expiry: obtained.Add(time.Hour), Obtained: obtained, Renewed: obtained,
		IDExpiry: obtained.Add(time.Hour), IDObtained: obtained,
		Scopes: []string{"openid", "offline_access"}, Subject: "alice", Account: "alice@example.com",
		Server: oauth.Metadata{Issuer: "https://id.example.com", TokenEndpoint: "https://id.example.com/token"},
	}
}

// keep puts a set into the store.
func keep(t *testing.T, s *Store, token *oauth.Token) {
	t.Helper()
	d, err := s.Prepare(t.Context())
	check(t, err)
	check(t, d.Save(token))
}

func load(t *testing.T, s *Store) *oauth.Token {
	t.Helper()
	token, err := s.Load(t.Context())
	check(t, err)
	return token
}

// stateDir is the path of a state directory that is not made yet.
func stateDir(t *testing.T) Dir {
	t.Helper()
	return Dir(filepath.Join(t.TempDir(), "state", "flyte-credential-helper"))
}

func fileStore(t *testing.T) *Store {
	t.Helper()
	return newStore(stateDir(t), StoreFile, nil, testKey())
}
