package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/flyteorg/flyte-credential-helper/hack/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// plugin is the program, as a kubeconfig on this machine names it.
func (m *machine) plugin(env ...string) execcredtest.Plugin {
	return execcredtest.Plugin{
		Command: filepath.Join(m.dir, program), Args: []string{"kubernetes"}, Env: append(append([]string{}, m.env...), env...),
	}
}

// whoami asks an API server that trusts the machine's issuer, as every program
// does that is made with client-go.
func (m *machine) whoami(version string, env ...string) string {
	m.t.Helper()
	s := execcredtest.NewServer(func(token string) (string, error) {
		claims, err := m.server.Verify(token)
		subject, _ := claims["sub"].(string)
		return subject, err
	})
	m.t.Cleanup(s.Close)
	who, err := execcredtest.WhoAmI(m.t.Context(), s.Config(m.plugin(env...).ExecConfig(version)))
	if err != nil {
		m.t.Error(err)
	}
	return who
}

// client-go, with nothing cached, gets in after one browser.
func TestClientGo(t *testing.T) {
	t.Setenv("CI", "")
	m := newMachine(t, oauthtest.Config{})
	for _, version := range []string{execcredtest.V1, execcredtest.V1Beta1} {
		if who := m.whoami(version); who != "alice" {
			t.Errorf("%s: the API server knows us as %q", version, who)
		}
	}
	if m.opened() != 1 {
		t.Errorf("%d browsers opened, not 1", m.opened())
	}
}

// Whatever client-go relies on, it gets, at a terminal and without a login.
func TestConformance(t *testing.T) {
	t.Setenv("CI", "")
	m := newMachine(t, oauthtest.Config{})
	if p := m.run(nil, "login"); p.code != 0 {
		t.Fatalf("login: %s", p.stderr.String())
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
	execcredtest.Test(t, m.plugin())
	if line, err := bufio.NewReader(slave).ReadString('\n'); err != nil || line != "typed\n" {
		t.Errorf("what was typed for the caller is %q, %v", line, err)
	}
	if m.opened() != 1 {
		t.Errorf("%d browsers opened, not the login's one", m.opened())
	}
}

// The same through a real browser, and login too: the pages are what one can
// use, and the last one arrives.
func TestChromium(t *testing.T) {
	if _, ok := desktop.Chromium(); !ok {
		t.Fatal("no Chromium is installed (hack/check installs it where it may)")
	}
	t.Setenv("CI", "")
	m := newMachine(t, oauthtest.Config{SubmitSignIn: true})
	const real = "BROWSER=test-desktop"
	if who := m.whoami(execcredtest.V1, real); who != "alice" {
		t.Errorf("the API server knows us as %q", who)
	}
	m.await("the last page", func() bool { _, err := os.Stat(m.log() + ".page"); return err == nil })
	_ = os.Remove(m.log() + ".page")
	p := m.run([]string{real}, "login", "--account", "bob")
	if p.code != 0 || !strings.Contains(p.stdout.String(), "as bob@example.com") {
		t.Errorf("login ended with status %d: %s%s", p.code, p.stdout.String(), p.stderr.String())
	}
	var page []byte
	m.await("the last page", func() bool { page, _ = os.ReadFile(m.log() + ".page"); return len(page) > 0 })
	if !strings.Contains(string(page), "You are logged in to") {
		t.Errorf("the browser ended at: %s", page)
	}
}
