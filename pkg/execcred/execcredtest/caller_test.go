package execcredtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/clientcmd/api"
)

func newServer(t *testing.T) *Server {
	t.Helper()
	s := NewServer(nil)
	t.Cleanup(s.Close)
	return s
}

// What the direct cases ask is what client-go asks.
func TestRequest(t *testing.T) {
	s := newServer(t)
	for _, version := range []string{V1, V1Beta1} {
		p := plugin(t, "scribe")
		if _, err := WhoAmI(t.Context(), s.Config(p.ExecConfig(version))); err != nil {
			t.Fatal(err)
		}
		asked, err := os.ReadFile(filepath.Join(dir(p), "asked"))
		if err != nil || string(asked) != request(version, "") {
			t.Errorf("%s: client-go asked %q, %v\nwe ask %q", version, asked, err, request(version, ""))
		}
	}
}

// dir is where the plugin has its files.
func dir(p Plugin) string {
	_, dir, _ := strings.Cut(p.Env[len(p.Env)-1], "=")
	return dir
}

// With cluster information the plugin learns what the kubeconfig says.
func TestClusterInfo(t *testing.T) {
	s := newServer(t)
	p := plugin(t, "scribe")
	exec := p.ExecConfig(V1)
	withConfig(exec)
	if _, err := WhoAmI(t.Context(), s.Config(exec)); err != nil {
		t.Fatal(err)
	}
	asked, err := os.ReadFile(filepath.Join(dir(p), "asked"))
	for _, want := range []string{`"server":"` + s.URL + `"`, `"certificate-authority-data":"LS0t`, `"config":{}`, `"interactive":false`} {
		if err != nil || !strings.Contains(string(asked), want) {
			t.Errorf("no %s in %s, %v", want, asked, err)
		}
	}
}

// On a terminal IfAvailable is interactive; where there is none Always is
// refused, and the plugin is not run.
func TestInteractive(t *testing.T) {
	for _, row := range []struct {
		terminal bool
		mode     api.ExecInteractiveMode
		asked    string
		says     string
	}{
		{true, api.NeverExecInteractiveMode, `"interactive":false`, ""},
		{true, api.IfAvailableExecInteractiveMode, `"interactive":true`, ""},
		{true, api.AlwaysExecInteractiveMode, `"interactive":true`, ""},
		{false, api.NeverExecInteractiveMode, `"interactive":false`, ""},
		{false, api.IfAvailableExecInteractiveMode, `"interactive":false`, ""},
		{false, api.AlwaysExecInteractiveMode, "", "exec plugin cannot support interactive mode: standard input is not a terminal"},
		{true, "", "", `unknown interactiveMode: ""`},
	} {
		t.Run(string(row.mode), func(t *testing.T) {
			if row.terminal {
				terminal(t)
			} else if null, err := os.Open(os.DevNull); err == nil {
				withStdin(t, null)
			}
			p := plugin(t, "scribe")
			exec := p.ExecConfig(V1)
			exec.InteractiveMode = row.mode
			_, err := WhoAmI(t.Context(), newServer(t).Config(exec))
			asked, _ := os.ReadFile(filepath.Join(dir(p), "asked"))
			if !strings.Contains(string(asked), row.asked) || row.says == "" && err != nil {
				t.Errorf("asked with %q, %v", asked, err)
			}
			if row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says) || len(asked) > 0) {
				t.Errorf("%v, asked with %q", err, asked)
			}
		})
	}
}

// client-go itself refuses to ask in a version that it does not speak.
func TestOldVersion(t *testing.T) {
	_, err := WhoAmI(t.Context(), newServer(t).Config(plugin(t, "good").ExecConfig(group+"v1alpha1")))
	if err == nil || !strings.Contains(err.Error(), `exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1"`) {
		t.Error(err)
	}
}

// client-go waits for whoever holds the plugin's stdout, as long as it takes.
func TestClientGoWaits(t *testing.T) {
	h := newHolder(t)
	done := make(chan error, 1)
	config := newServer(t).Config(plugin(t, "stdout held", h.env()).ExecConfig(V1))
	go func() {
		_, err := WhoAmI(t.Context(), config)
		done <- err
	}()
	hangUp := h.alone()
	select {
	case err := <-done:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	hangUp()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// The server takes what it is told to take, and keeps count.
func TestServer(t *testing.T) {
	s := NewServer(func(token string) (string, error) {
		if token != secret {
			return "", os.ErrPermission
		}
		return "alice", nil
	})
	defer s.Close()
	bearer := func(token string) error {
		c := s.Config(nil)
		c.BearerToken = token
		user, err := WhoAmI(t.Context(), c)
		if err == nil && user != "alice" {
			t.Errorf("%q is %q", token, user)
		}
		return err
	}
	s.Reject(1)
	for i, row := range []struct {
		token   string
		refused bool
	}{{secret, true}, {secret, false}, {"other", true}, {"", true}, {secret, false}} {
		if err := bearer(row.token); row.refused != apierrors.IsUnauthorized(err) || row.refused != (err != nil) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if got := strings.Join(s.Tokens(), " "); got != secret+" "+secret+" other  "+secret {
		t.Errorf("tokens: %q", got)
	}
}
