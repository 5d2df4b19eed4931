package desktop

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

// The test binary plays other programs, too: a client of the keyring, and a
// program that uses this package and is killed.
const roleVariable = "DESKTOP_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	switch role {
	case "":
		os.Exit(m.Run())
	case "victim":
		playVictim()
	default:
		playClient(role)
	}
}

// playClient runs the test of a role with go-keyring, as the real programs do, and prints
// the result and the duration.
func playClient(role string) {
	var secret string
	var err error
	begin := time.Now()
	switch role {
	case "set":
		err = keyring.Set("desktop-test", "ann", "s3cret")
	case "get":
		secret, err = keyring.Get("desktop-test", "ann")
	case "delete":
		err = keyring.Delete("desktop-test", "ann")
	}
	fmt.Fprintln(os.Stderr, role, "took", time.Since(begin))
	if err != nil {
		fmt.Print("error: ", err)
		return
	}
	fmt.Print("ok ", secret)
}

func requireKeyring(t *testing.T) {
	t.Helper()
	if missing := Missing(); missing != nil {
		absent(t, fmt.Sprint("not installed: ", missing))
	}
}

func requireChromium(t *testing.T) string {
	t.Helper()
	path, ok := Chromium()
	if !ok {
		absent(t, "no Chromium on PATH")
	}
	return path
}

// absent skips the test, except in CI, which must have all packages.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func TestNothingIsFoundOnAnEmptyPath(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if missing := Missing(); len(missing) != 2 {
		t.Errorf("Missing() = %q, want dbus and gnome-keyring", missing)
	}
	if path, ok := Chromium(); ok {
		t.Errorf("Chromium() = %q", path)
	}
}

// playVictim starts a bus, a keyring and a browser below TMPDIR, prints a line when a page
// is open, and waits to be killed.
func playVictim() {
	ctx := context.Background()
	b, err := StartBus(ctx, os.TempDir())
	exitOn(err)
	_, err = b.StartKeyring(ctx, filepath.Join(os.TempDir(), "home"), "password")
	exitOn(err)
	path, _ := Chromium()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("opened")
		<-r.Context().Done()
	}))
	_, err = OpenInChromium(ctx, path, server.URL, server.URL)
	exitOn(err)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
