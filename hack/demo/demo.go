package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// demo is what the acts share.
type demo struct {
	out     io.Writer
	machine *testenv.Machine
	flags   []string // of each command
	cluster *execcredtest.Server
	bus     *desktop.Bus
	keyring *desktop.Keyring // nil if gnome-keyring is not installed
}

func (d *demo) setUp(ctx context.Context, dir, program string) (err error) {
	if d.machine, err = testenv.New(dir, program, oauthtest.Config{SubmitSignIn: true}); err != nil {
		return err
	}
	m := d.machine
	d.cluster = execcredtest.NewServer(func(token string) (string, error) {
		claims, err := m.Server.Verify(token)
		user, _ := claims["email"].(string)
		return user, err
	})
	d.flags = []string{"--issuer", m.Server.URL, "--client-id", oauthtest.PublicClient}
	m.Set("issuer", "")
	m.Set("client-id", "")
	browser := "a script, because Chromium is not installed"
	if path, ok := desktop.Chromium(); ok {
		browser = path + ", without a window"
		m.Env = append(m.Env, "BROWSER="+m.BrowserOf(testenv.Chromium))
	}
	keyring := "with gnome-keyring"
	if missing := desktop.Missing(); len(missing) > 0 {
		keyring = "without a keyring (not installed: " + strings.Join(missing, ", ") + "), so tokens are NOT sealed"
	} else if err := d.startKeyring(ctx); err != nil {
		return err
	}
	d.say("\nOn loopback, and removed at the end:\n  OpenID provider     %s\n  Kubernetes cluster  %s\n  browser             %s\n  home directory      %s",
		m.Server.URL, d.cluster.URL, browser, keyring)
	return nil
}

// startKeyring starts a keyring of the demo's own.
func (d *demo) startKeyring(ctx context.Context) (err error) {
	if d.bus, err = desktop.StartBus(ctx, d.machine.Dir); err != nil {
		return err
	}
	d.machine.Set("store", "")
	d.machine.Env = append(d.machine.Env, append(d.bus.Env(), "XDG_RUNTIME_DIR="+d.bus.Dir)...)
	d.keyring, err = d.bus.StartKeyring(ctx, d.machine.Dir, rand.Text())
	return err
}

func (d *demo) close() (err error) {
	if d.bus != nil {
		err = d.bus.Close()
	}
	if d.cluster != nil {
		d.cluster.Close()
	}
	if d.machine != nil {
		err = errors.Join(err, d.machine.Close())
	}
	return err
}

// say prints a line, with short paths.
func (d *demo) say(format string, args ...any) {
	short := strings.NewReplacer(d.machine.Program, testenv.Program, d.machine.Dir, "~")
	_, _ = fmt.Fprintln(d.out, short.Replace(fmt.Sprintf(format, args...)))
}

// helper runs the program. An interrupt stops it as Ctrl-C does.
func (d *demo) helper(ctx context.Context, command string) (answer string, err error) {
	cmd := d.machine.Command(ctx, append([]string{command}, d.flags...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%s %s: %w: %s", testenv.Program, command, err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}

// plugin is the exec section of a kubeconfig's user. client-go adds its variables to our
// environment, so those that the machine does not have are set to nothing.
func (d *demo) plugin() *api.ExecConfig {
	var env []api.ExecEnvVar
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); name != "" {
			env = append(env, api.ExecEnvVar{Name: name})
		}
	}
	for _, pair := range d.machine.Env {
		name, value, _ := strings.Cut(pair, "=")
		env = append(env, api.ExecEnvVar{Name: name, Value: value})
	}
	return &api.ExecConfig{
		APIVersion: execcredtest.V1, Command: d.machine.Program, Args: append([]string{"kubernetes"}, d.flags...), Env: env,
		InteractiveMode: api.IfAvailableExecInteractiveMode,
	}
}
