package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// demo is all that the acts share.
type demo struct {
	out io.Writer

	dir     string // holds everything
	home    string
	program string // the binary
	env     []string
	flags   []string // those of every command

	server  *oauthtest.Server
	cluster *execcredtest.Server
	browser *browser
	keyring *desktop.Keyring // nil where none can be started

	kept  []file // what lay on disk after the last login
	token string // what the program answered last

	closers []func() error
}

func newDemo(out io.Writer) (*demo, error) {
	dir, err := os.MkdirTemp("", "flyte-demo-")
	if err != nil {
		return nil, err
	}
	d := &demo{out: out, dir: dir, home: filepath.Join(dir, "home")}
	d.onClose(func() error { return os.RemoveAll(dir) })
	return d, os.MkdirAll(d.home, 0o700)
}

func (d *demo) onClose(f func() error) { d.closers = append(d.closers, f) }

// close undoes what was done, last things first.
func (d *demo) close() error {
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i]())
	}
	return errors.Join(errs...)
}

// build builds the program as it is released.
func (d *demo) build(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	d.say("Building %s …", name)
	start := time.Now()
	var err error
	if d.program, err = testenv.Build(ctx, filepath.Join(d.dir, "bin")); err != nil {
		return because(ctx, err)
	}
	info, err := os.Stat(d.program)
	if err != nil {
		return err
	}
	d.say("One file of %.1f MB, in %.1f s.", float64(info.Size())/1e6, time.Since(start).Seconds())
	return nil
}

// setUp starts the world around the program.
func (d *demo) setUp(ctx context.Context) (err error) {
	if d.server, err = oauthtest.NewServer(oauthtest.Config{SubmitSignIn: true}); err != nil {
		return err
	}
	d.onClose(func() error { d.server.Close(); return nil })
	d.cluster = newCluster(d.server.Verify)
	d.onClose(func() error { d.cluster.Close(); return nil })
	if d.browser, err = newBrowser(ctx, d.server.URL); err != nil {
		return err
	}
	d.onClose(d.browser.close)
	d.say("")
	d.say("On loopback, and gone at the end:")
	d.say("  an OpenID provider    %s", d.server.URL)
	d.say("  a Kubernetes cluster  %s", d.cluster.URL)
	d.say("  a browser             %s", d.browser.what)
	d.flags = []string{"--issuer", d.server.URL, "--client-id", oauthtest.PublicClient, "--browser", d.browser.command}
	return d.setUpHome(ctx)
}

// setUpHome makes a home with a keyring of its own. A person's is not for demos.
func (d *demo) setUpHome(ctx context.Context) error {
	runtimeDir, address := filepath.Join(d.dir, "run"), ""
	if missing := desktop.Missing(); len(missing) > 0 {
		d.flags = append(d.flags, "--store", "file")
		d.say("  a home directory      without a keyring (not installed: %s),", strings.Join(missing, ", "))
		d.say("                        so with --store file: NOT sealed")
	} else {
		bus, err := desktop.StartBus(ctx, d.dir)
		if err != nil {
			return err
		}
		d.onClose(bus.Close)
		if d.keyring, err = bus.StartKeyring(ctx, d.home, rand.Text()); err != nil {
			return err
		}
		runtimeDir, address = bus.Dir, bus.Address
		d.say("  a home directory      with a gnome-keyring")
	}
	d.env = d.environment(runtimeDir, address)
	return nil
}

// environment is that of a process in the demo's home. It begins with an empty
// one, so that CI, a proxy or settings of the person's do not matter.
func (d *demo) environment(runtimeDir, bus string) []string {
	env := []string{
		"PATH=" + filepath.Dir(d.program) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + d.home,
		"XDG_CONFIG_HOME=" + filepath.Join(d.home, ".config"),
		"XDG_CACHE_HOME=" + filepath.Join(d.home, ".cache"),
		"XDG_DATA_HOME=" + filepath.Join(d.home, ".local", "share"),
		"XDG_STATE_HOME=" + d.stateHome(),
		"XDG_RUNTIME_DIR=" + runtimeDir,
		"DBUS_SESSION_BUS_ADDRESS=" + cmp.Or(bus, "disabled:"),
	}
	if root := os.Getenv("SYSTEMROOT"); root != "" { // without it Windows opens no socket
		env = append(env, "SYSTEMROOT="+root)
	}
	return env
}

func (d *demo) stateHome() string { return filepath.Join(d.home, ".local", "state") }

// say prints a line, with the demo's long paths cut short.
func (d *demo) say(format string, args ...any) {
	pairs := []string{d.home, "~"}
	if d.program != "" { // it is built
		pairs = append(pairs, d.program, name)
	}
	if d.browser != nil {
		pairs = append(pairs, d.browser.command, d.browser.short)
	}
	_, _ = fmt.Fprintln(d.out, strings.NewReplacer(pairs...).Replace(fmt.Sprintf(format, args...)))
}
