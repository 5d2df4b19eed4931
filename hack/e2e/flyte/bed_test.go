//go:build unix

package flyte

import (
	"embed"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin"
	"github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

const program = "flyte-credential-helper"

// callers are the Python programs among the callers.
//
//go:embed callers
var callers embed.FS

// bed is a machine on which Flyte's clients are installed, and a control plane.
type bed struct {
	*machine.Machine
	admin *flyteadmin.Server
}

// newBed makes a bed in dir, whose control plane has one port with TLS.
func newBed(dir string) (*bed, error) {
	binary, err := exec.LookPath(program)
	if err != nil {
		return nil, err
	}
	m, err := machine.New(dir, binary, oauthtest.Config{TLS: true})
	if err != nil {
		return nil, err
	}
	// Flyte's endpoint is to be the only server that anything names.
	m.Env = slices.DeleteFunc(m.Env, func(pair string) bool {
		return strings.HasPrefix(pair, machine.Variable("issuer")+"=") || strings.HasPrefix(pair, machine.Variable("client-id")+"=")
	})
	b := &bed{Machine: m}
	if err := b.start(flyteadmin.Config{}); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, b.furnish()
}

func (b *bed) close() error {
	if b.admin != nil {
		b.admin.Close()
	}
	return b.Close()
}

// start puts another control plane in the place of the one before. Unless c has
// them, its redirect ports are free ones, since many beds stand side by side.
func (b *bed) start(c flyteadmin.Config) error {
	for len(c.Redirects) < 2 {
		port, err := freePort()
		if err != nil {
			return err
		}
		c.Redirects = append(c.Redirects, "http://localhost:"+port+"/callback")
	}
	admin, err := flyteadmin.New(b.Server, c)
	if err != nil {
		return err
	}
	if b.admin != nil {
		b.admin.Close()
	}
	b.admin = admin
	return b.trust()
}

// trust writes the authorities' certificates: ca.pem, which all trust, has both.
func (b *bed) trust() error {
	var err error
	for name, pem := range map[string][]byte{
		"idp.pem":   b.Server.CA,
		"admin.pem": b.admin.CA,
		"ca.pem":    slices.Concat(b.Server.CA, b.admin.CA),
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(b.Dir, name), pem, 0o600))
	}
	return err
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// vars name the control plane to a script: as --endpoint has it, where HTTP is, and
// its first redirect URI.
func (b *bed) vars() []string {
	return []string{"ADMIN=" + b.admin.Endpoint, "ADMIN_URL=" + b.admin.URL, "REDIRECT=" + b.admin.Redirect()}
}

// furnish puts on PATH the program, behind a shell that notes each run; the clients
// that are in Python; and what Flyte's Go client opens a browser with.
func (b *bed) furnish() error {
	bin := filepath.Join(b.Dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	b.Env = append(b.Env, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "STATE="+b.State(), "RUNS="+b.runs(), "CA="+filepath.Join(b.Dir, "ca.pem"), "IDP="+b.Server.URL)
	files := map[string]string{
		program:    "#!/bin/sh\necho \"$1\" >>\"$RUNS\"\nexec \"" + b.Program + "\" \"$@\"\n",
		"xdg-open": "#!/bin/sh\nexec sh -c \"$BROWSER '$1'\"\n",
	}
	for _, name := range []string{"flytekit", "flyte-sdk", "me"} {
		text, err := callers.ReadFile("callers/" + strings.ReplaceAll(name, "-", "_") + ".py")
		if err != nil {
			return err
		}
		if name == "me" {
			name = "me.py" // which the others import
		}
		files[name] = string(text)
	}
	var err error
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700))
	}
	return err
}

func (b *bed) runs() string { return filepath.Join(b.Dir, "runs") }
