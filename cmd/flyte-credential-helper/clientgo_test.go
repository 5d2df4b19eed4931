package main

import (
	"bufio"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// plugin is the program, as a kubeconfig on this machine names it.
func plugin(m *testenv.Machine) execcredtest.Plugin {
	return execcredtest.Plugin{Command: m.Program, Args: []string{"kubernetes"}, Env: m.Env}
}

// whoami asks an API server that trusts the machine's issuer, as every program with
// client-go does.
func whoami(t *testing.T, m *testenv.Machine, version string) string {
	t.Helper()
	s := execcredtest.NewServer(func(token string) (string, error) {
		claims, err := m.Server.Verify(token)
		subject, _ := claims["sub"].(string)
		return subject, err
	})
	t.Cleanup(s.Close)
	who, err := execcredtest.WhoAmI(t.Context(), s.Config(plugin(m).ExecConfig(version)))
	if err != nil {
		t.Error(err)
	}
	return who
}

// client-go, with nothing cached, gets in after one browser.
func TestClientGo(t *testing.T) {
	t.Setenv("CI", "")
	m := testenv.NewForTest(t, oauthtest.Config{})
	for _, version := range []string{execcredtest.V1, execcredtest.V1Beta1} {
		if who := whoami(t, m, version); who != "alice" {
			t.Errorf("%s: the API server knows us as %q", version, who)
		}
	}
	if m.Browsers() != 1 {
		t.Errorf("%d browsers opened, not 1", m.Browsers())
	}
}

// Whatever client-go relies on, it gets, at a terminal and without a login.
func TestConformance(t *testing.T) {
	t.Setenv("CI", "")
	m := testenv.NewForTest(t, oauthtest.Config{})
	if p := m.Run(t, "login"); p.Status() != 0 {
		t.Fatalf("login: %s", p.Stderr.String())
	}
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer func(before *os.File) { os.Stdin = before; _ = slave.Close() }(os.Stdin)
	os.Stdin = slave
	if _, err := io.WriteString(master, "typed\n"); err != nil {
		t.Fatal(err)
	}
	execcredtest.Test(t, plugin(m))
	if line, err := bufio.NewReader(slave).ReadString('\n'); err != nil || line != "typed\n" {
		t.Errorf("what was typed for the caller is %q, %v", line, err)
	}
	if m.Browsers() != 1 {
		t.Errorf("%d browsers opened, not the login's one", m.Browsers())
	}
}

// The same through a real browser, with login too: the pages work in a browser, and the
// last one is shown.
func TestChromium(t *testing.T) {
	if _, ok := desktop.Chromium(); !ok {
		t.Fatal("no Chromium is installed (hack/check --install)")
	}
	t.Setenv("CI", "")
	m := testenv.NewForTest(t, oauthtest.Config{SubmitSignIn: true})
	m.Env = append(m.Env, "BROWSER="+m.BrowserOf(testenv.Chromium))
	if who := whoami(t, m, execcredtest.V1); who != "alice" {
		t.Errorf("the API server knows us as %q", who)
	}
	testenv.Await(t, "the last page", func() bool { _, err := os.Stat(m.Log() + ".page"); return err == nil })
	_ = os.Remove(m.Log() + ".page")
	p := m.Run(t, "login", "--account", "bob")
	if p.Status() != 0 || !strings.Contains(p.Stdout.String(), "as bob@example.com") {
		t.Errorf("login ended with status %d: %s%s", p.Status(), p.Stdout.String(), p.Stderr.String())
	}
	var page []byte
	testenv.Await(t, "the last page", func() bool { page, _ = os.ReadFile(m.Log() + ".page"); return len(page) > 0 })
	if !strings.Contains(string(page), "You are logged in to") {
		t.Errorf("the browser ended at: %s", page)
	}
}
