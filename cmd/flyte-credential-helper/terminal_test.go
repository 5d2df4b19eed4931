//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// screen collects the text that a terminal shows.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) read(from io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		s.mu.Lock()
		s.text.Write(buffer[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// redirected returns the address to which the server sends a browser on another machine,
// which cannot reach it.
func redirected(t *testing.T, address string) string {
	t.Helper()
	var to string
	client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Has("code") {
			to = r.URL.String()
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("cannot connect")), Request: r, Header: http.Header{}}, nil
		}
		return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	})}
	if _, err := oauthtest.SignIn(context.Background(), client, address); err != nil || to == "" {
		t.Fatalf("signing in: %v", err)
	}
	return to
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// atTerminal gives cmd a terminal besides its streams. It returns the text that the
// terminal shows, and its two ends.
func atTerminal(t *testing.T, cmd *exec.Cmd) (shown *screen, master, slave *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(master.Close(), slave.Close()) })
	cmd.ExtraFiles = []*os.File{slave}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	shown = &screen{}
	go shown.read(master)
	return shown, master, slave
}

// Over SSH there is a terminal and no display: the address is shown there, and
// the one that the browser ends at is pasted back, however long it is. The
// standard streams are the caller's throughout.
func TestPaste(t *testing.T) {
	m := testenv.NewForTest(t, oauthtest.Config{})
	cmd := m.With("BROWSER=", "SSH_CONNECTION=a b c d", "DISPLAY=:0").Command(t.Context(), "token")
	stdout, stderr := &strings.Builder{}, &strings.Builder{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	shown, master, slave := atTerminal(t, cmd)
	before, err := unix.IoctlGetTermios(int(slave.Fd()), system.GetTermios)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`http://\S+/authorize\?\S+`)
	testenv.Await(t, "the address", func() bool { return strings.Contains(shown.String(), "paste the address") })
	if !regexp.MustCompile(`The browser ends at http://127\.0\.0\.1:\d+\.`).MatchString(shown.String()) {
		t.Errorf("the redirect URI is not shown: %s", shown.String())
	}
	testenv.Await(t, "the end of line mode", func() bool {
		now, err := unix.IoctlGetTermios(int(slave.Fd()), system.GetTermios)
		return err == nil && now.Lflag&unix.ICANON == 0
	})
	to := redirected(t, address.FindString(shown.String()))
	_, _ = io.WriteString(master, "http://127.0.0.1/?code=forged&state=forged\n")
	testenv.Await(t, "the refusal", func() bool { return strings.Contains(shown.String(), "not the address this login ends at") })
	_, _ = io.WriteString(master, to+"&padding="+strings.Repeat("x", 6000)+"\n")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	if !regexp.MustCompile(`^eyJ\S+\n$`).MatchString(stdout.String()) || stderr.String() != "" {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
	after, err := unix.IoctlGetTermios(int(slave.Fd()), system.GetTermios)
	if err != nil || after.Lflag != before.Lflag {
		t.Errorf("the terminal is left in another mode: %v", err)
	}
	if m.Browsers() != 0 {
		t.Error("a browser opened on a screen that is far away")
	}
}

// A login without a display uses the terminal, if there is one: a browser could not be
// shown.
func TestAlwaysAtTerminal(t *testing.T) {
	m := testenv.NewForTest(t, oauthtest.Config{})
	cmd := m.With("BROWSER=", "SSH_CONNECTION=a b c d", "CI=true").Command(t.Context(), "login", "--interactive", "always")
	shown, _, _ := atTerminal(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testenv.Await(t, "the code", func() bool { return strings.Contains(shown.String(), "here or on another machine") })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("status %d: %s", cmd.ProcessState.ExitCode(), shown.String())
	}
}

// A terminal that a full-screen program has taken over is not written on.
func TestTerminalTaken(t *testing.T) {
	m := testenv.NewForTest(t, oauthtest.Config{})
	cmd := m.With("BROWSER=").Command(t.Context(), "token")
	_, _, slave := atTerminal(t, cmd)
	mode, err := unix.IoctlGetTermios(int(slave.Fd()), system.GetTermios)
	if err != nil {
		t.Fatal(err)
	}
	mode.Lflag &^= unix.ICANON
	if err := unix.IoctlSetTermios(int(slave.Fd()), system.SetTermios, mode); err != nil {
		t.Fatal(err)
	}
	if _ = cmd.Run(); cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("status %d, not %d", cmd.ProcessState.ExitCode(), 3)
	}
}

// At a machine that stores no keys, the user is asked once for a store, and the answer is
// kept.
func TestAskStore(t *testing.T) {
	linuxOnly(t)
	m := testenv.NewForTest(t, oauthtest.Config{})
	plain := []string{config.Variable("store") + "=", "DBUS_SESSION_BUS_ADDRESS=disabled:"}
	cmd := m.With(plain...).Command(t.Context(), "login")
	nokeys, err := exec.LookPath("test-nokeys")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args = nokeys, append([]string{"test-nokeys"}, cmd.Args...)
	var stdout strings.Builder
	cmd.Stdout = &stdout
	shown, master, _ := atTerminal(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testenv.Await(t, "the question", func() bool { return strings.Contains(shown.String(), "This machine has no keyring") })
	_, _ = io.WriteString(master, "perhaps\nyes\n")
	if err := cmd.Wait(); err != nil || !strings.Contains(stdout.String(), "readable only by you") {
		t.Fatalf("%v: %s%s", err, stdout.String(), shown.String())
	}
	if p := m.With(plain...).Run(t, "token", "--interactive", "never"); p.Status() != 0 {
		t.Errorf("what was chosen does not hold: %s", p.Stderr.String())
	}
}

// setup asks a question, and then its login shows a prompt: typed text goes to the one
// that waits.
func TestSetupAtTerminal(t *testing.T) {
	m := testenv.NewForTest(t, oauthtest.Config{})
	cmd := m.With("BROWSER=", "DISPLAY=", "WAYLAND_DISPLAY=", "GIT_CONFIG_GLOBAL="+filepath.Join(m.Dir, "gitconfig")).Command(t.Context(), "setup", "git", "git.example.com")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	shown, master, _ := atTerminal(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testenv.Await(t, "the question", func() bool { return strings.Contains(shown.String(), "[y/N]") })
	_, _ = io.WriteString(master, "yes\n")
	testenv.Await(t, "the address", func() bool { return strings.Contains(shown.String(), "paste the address") })
	to := redirected(t, regexp.MustCompile(`http://\S+/authorize\?\S+`).FindString(shown.String()))
	_, _ = io.WriteString(master, to+"\n")
	if err := cmd.Wait(); err != nil || !strings.Contains(stdout.String(), "git gets the token for git.example.com.") {
		t.Fatalf("%v: %s%s%s", err, stdout.String(), stderr.String(), shown.String())
	}
}
