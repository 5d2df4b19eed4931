package desktop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func startBus(t *testing.T, dir string) *Bus {
	t.Helper()
	requireKeyring(t)
	b, err := StartBus(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, b.Close()) })
	return b
}

func startKeyring(t *testing.T) (*Bus, *Keyring) {
	t.Helper()
	b := startBus(t, t.TempDir())
	k, err := b.StartKeyring(t.Context(), t.TempDir(), "password")
	if err != nil {
		t.Fatal(err)
	}
	return b, k
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client runs a client of the keyring on b for limit at most, and returns what
// it printed.
func client(t *testing.T, b *Bus, role string, limit time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(b.Env(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "hangs"
	}
	check(t, err)
	t.Log(strings.TrimSpace(log.String()), "→", string(out))
	return string(out)
}

func wantClient(t *testing.T, b *Bus, role, want string) {
	t.Helper()
	if got := client(t, b, role, 30*time.Second); got != want {
		t.Errorf("%s: %q, want %q", role, got, want)
	}
}

const (
	notFound = "error: secret not found in keyring"
	isLocked = "error: failed to unlock correct collection '/org/freedesktop/secrets/collection/login'"
)

func TestBusStartsNoService(t *testing.T) {
	b := startBus(t, t.TempDir())
	wantClient(t, b, "get", "error: The name org.freedesktop.secrets was not provided by any .service files")
}

func TestBusInAnyDirectory(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a b & <ä>%20;,", strings.Repeat("long", 30)} {
		in := filepath.Join(dir, name)
		check(t, os.Mkdir(in, 0o700))
		b := startBus(t, in)
		k, err := b.StartKeyring(t.Context(), filepath.Join(in, "home"), "password")
		check(t, err)
		if _, err := os.Stat(filepath.Join(b.Dir, "bus")); err != nil {
			t.Errorf("Dir is no runtime directory: %v", err)
		}
		check(t, k.Close())
		check(t, b.Close())
		if _, err := os.Stat(b.Dir); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", b.Dir, err)
		}
	}
}

func TestKeyringKeepsSecrets(t *testing.T) {
	b := startBus(t, t.TempDir())
	home := t.TempDir()
	k, err := b.StartKeyring(t.Context(), home, "password")
	check(t, err)
	wantClient(t, b, "get", notFound)
	wantClient(t, b, "set", "ok ")
	wantClient(t, b, "get", "ok s3cret")
	items, err := k.Items(t.Context())
	check(t, err)
	if len(items) != 1 || items[0]["service"] != "desktop-test" || items[0]["username"] != "ann" {
		t.Errorf("items: %v", items)
	}
	check(t, k.Close())

	k, err = b.StartKeyring(t.Context(), home, "password") // after a restart
	check(t, err)
	wantClient(t, b, "get", "ok s3cret")
	wantClient(t, b, "delete", "ok ")
	wantClient(t, b, "get", notFound)
	items, err = k.Items(t.Context())
	check(t, err)
	if len(items) != 0 {
		t.Errorf("items: %v", items)
	}
}

func TestLockedKeyringRefusesAtOnce(t *testing.T) {
	b, k := startKeyring(t)
	wantClient(t, b, "set", "ok ")
	check(t, k.Lock(t.Context()))
	for _, role := range []string{"get", "set", "delete"} {
		wantClient(t, b, role, isLocked)
	}
	check(t, k.Unlock(t.Context()))
	wantClient(t, b, "get", "ok s3cret")
}

func TestStoppedKeyringHangs(t *testing.T) {
	b, k := startKeyring(t)
	wantClient(t, b, "set", "ok ")
	check(t, k.Stop())
	if got := client(t, b, "get", time.Second); got != "hangs" {
		t.Errorf("get: %q", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := k.Items(ctx); err == nil {
		t.Error("it lists its items")
	}
	check(t, k.Continue())
	wantClient(t, b, "get", "ok s3cret")
	check(t, k.Stop())
	check(t, k.Close())
}

func TestKeyringNeedsItsPassword(t *testing.T) {
	b := startBus(t, t.TempDir())
	home := t.TempDir()
	k, err := b.StartKeyring(t.Context(), home, "password")
	check(t, err)
	check(t, k.Close())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := b.StartKeyring(ctx, home, "another"); err == nil {
		t.Error("another password opens it")
	} else {
		t.Log(err)
	}
}
