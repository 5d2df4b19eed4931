package desktop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const noGroup = -1

// wantNothingLeft fails the test if a program of this package still runs. Each has files
// below dir and dir in its command line.
func wantNothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left := running(noGroup, dir); len(left) != 0 {
		t.Errorf("still running: %d", left)
	}
}

// shortDir is t.TempDir with a path that is short enough for the socket of a browser's
// profile.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "")
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	return dir
}

func TestNothingIsLeftAfterClose(t *testing.T) {
	requireKeyring(t)
	dir := t.TempDir()
	b, err := StartBus(t.Context(), dir)
	check(t, err)
	_, err = b.StartKeyring(t.Context(), filepath.Join(dir, "home"), "password")
	check(t, err)
	if n := len(running(noGroup, dir)); n != 2 {
		t.Errorf("%d programs are running, want the bus and the keyring", n)
	}
	check(t, b.Close())
	wantNothingLeft(t, dir)
	check(t, b.Close()) // a second time
}

func TestNothingIsLeftAfterTheContext(t *testing.T) {
	requireKeyring(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b, err := StartBus(ctx, dir)
	check(t, err)
	k, err := b.StartKeyring(ctx, filepath.Join(dir, "home"), "password")
	check(t, err)
	cancel()
	<-b.process.done
	<-k.process.done
	wantNothingLeft(t, dir)
	check(t, b.Close())
}

// TestNothingIsLeftAfterAKill kills a program that has a bus, a keyring and a browser, as
// the time limit of a test or kill -9 does.
func TestNothingIsLeftAfterAKill(t *testing.T) {
	requireKeyring(t)
	requireChromium(t)
	dir := shortDir(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=victim", "TMPDIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	_, err = bufio.NewReader(out).ReadString('\n') // all is up
	check(t, err)
	if n := len(running(noGroup, dir)); n < 3 {
		t.Errorf("%d programs are running, want the bus, the keyring and a browser", n)
	}
	check(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	for range 300 {
		if len(running(noGroup, dir)) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	wantNothingLeft(t, dir)
}

func TestChromiumEndsWithItsContext(t *testing.T) {
	path := requireChromium(t)
	tmp := shortDir(t)
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(w, "<script>fetch('/never')</script>")
			return
		}
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	dom, err := OpenInChromium(ctx, path, server.URL, server.URL+"/end")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", dom, err)
	}
	wantNothingLeft(t, tmp)
	entries, err := os.ReadDir(tmp)
	check(t, err)
	if len(entries) != 0 {
		t.Errorf("left: %v", entries)
	}
}
