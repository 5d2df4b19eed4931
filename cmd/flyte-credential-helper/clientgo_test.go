package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/flyteorg/flyte-credential-helper/hack/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// apiServer is an API server as far as its bearer check: it tells who asks.
func apiServer(t *testing.T, s *oauthtest.Server) (address string, ca []byte) {
	t.Helper()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		claims, err := s.Verify(token)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(claims["sub"].(string)))
	}))
	t.Cleanup(api.Close)
	return api.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})
}

// whoami asks the API server as every program does that is made with client-go.
func (m *machine) whoami(apiVersion string, env ...string) string {
	m.t.Helper()
	address, ca := apiServer(m.t, m.server)
	var pairs []clientcmdapi.ExecEnvVar
	for _, pair := range append(append([]string{}, m.env...), env...) {
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, clientcmdapi.ExecEnvVar{Name: name, Value: value})
	}
	client, err := rest.HTTPClientFor(&rest.Config{
		Host:            address,
		TLSClientConfig: rest.TLSClientConfig{CAData: ca},
		ExecProvider: &clientcmdapi.ExecConfig{
			Command: filepath.Join(m.dir, program), Args: []string{"kubernetes"}, Env: pairs,
			APIVersion: "client.authentication.k8s.io/" + apiVersion, InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	resp, err := client.Get(address)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	text := make([]byte, 100)
	n, _ := resp.Body.Read(text)
	return string(text[:n])
}

// client-go, with nothing cached, gets in after one browser.
func TestClientGo(t *testing.T) {
	t.Setenv("CI", "")
	m := newMachine(t, oauthtest.Config{})
	for _, version := range []string{"v1", "v1beta1"} {
		if who := m.whoami(version); who != "alice" {
			t.Errorf("%s: the API server knows us as %q", version, who)
		}
	}
	if m.opened() != 1 {
		t.Errorf("%d browsers opened, not 1", m.opened())
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
	if who := m.whoami("v1", real); who != "alice" {
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
