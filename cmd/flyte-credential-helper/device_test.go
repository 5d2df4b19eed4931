//go:build unix

package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// A terminal without colors shows the code, but no QR code and no escape sequence.
func TestDeviceWithoutColors(t *testing.T) {
	for _, variable := range []string{"NO_COLOR=1", "TERM=dumb"} {
		t.Run(variable, func(t *testing.T) {
			m := testenv.NewForTest(t, oauthtest.Config{})
			cmd := m.With(variable).Command(t.Context(), "token", "--grant", "device")
			shown, _, _ := atTerminal(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			code := regexp.MustCompile(`[B-Z]{4}-[B-Z]{4}`)
			testenv.Await(t, "the code", func() bool { return code.MatchString(shown.String()) })
			if !m.Server.ApproveDevice(code.FindString(shown.String())) {
				t.Fatalf("no device waits with the code that is shown: %s", shown.String())
			}
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v: %s", err, shown.String())
			}
			if strings.ContainsAny(shown.String(), "\x1b▀▄█") {
				t.Errorf("the terminal shows %q", shown.String())
			}
		})
	}
}

// A Flyte endpoint names the device's endpoint too: the terminal shows the code
// and a QR code, and the streams of the caller contain neither.
func TestDeviceAtFlyte(t *testing.T) {
	m := testenv.NewForTest(t, oauthtest.Config{})
	g := newGateway(m.Server)
	t.Cleanup(g.Close)
	endpoint := []string{config.Variable("issuer") + "=", config.Variable("client-id") + "=", config.Variable("endpoint") + "=" + g.URL}
	cmd := m.With(endpoint...).Command(t.Context(), "token", "--grant", "device")
	stdout, stderr := &strings.Builder{}, &strings.Builder{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	shown, _, _ := atTerminal(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`[B-Z]{4}-[B-Z]{4}`)
	testenv.Await(t, "the code", func() bool { return code.MatchString(shown.String()) })
	testenv.Await(t, "the QR code", func() bool { return strings.Contains(shown.String(), "▀") && strings.Contains(shown.String(), "█") })
	if !m.Server.ApproveDevice(code.FindString(shown.String())) {
		t.Fatalf("no device waits with the code that is shown: %s", shown.String())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s%s", err, stderr, shown.String())
	}
	if !regexp.MustCompile(`^eyJ\S+\n$`).MatchString(stdout.String()) || stderr.String() != "" {
		t.Errorf("stdout %q, stderr %q", stdout, stderr)
	}
	if m.Browsers() != 0 {
		t.Error("a browser opened")
	}
	for _, r := range m.Server.Requests("device") {
		if r.Form.Get("client_id") != oauthtest.PublicClient || r.Form.Get("scope") != "openid offline_access" {
			t.Errorf("a device is asked for with %v", r.Form)
		}
	}
	status := m.With(endpoint...).Run(t, "status")
	if line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(g.URL) + ` +` + oauthtest.PublicClient + ` `); !line.MatchString(status.Stdout.String()) {
		t.Errorf("status does not name the client: %s%s", status.Stdout.String(), status.Stderr.String())
	}
}
