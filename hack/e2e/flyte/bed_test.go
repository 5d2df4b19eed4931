//go:build unix

package flyte

import (
	"embed"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/hack/e2e/flyteadmin"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// callers are the Python programs among the callers.
//
//go:embed callers
var callers embed.FS

// bed is a machine on which Flyte's clients are installed, and a control plane.
type bed struct {
	*testenv.Machine
	admin *flyteadmin.Server
}

// newBed starts a control plane, whose one port has TLS, beside m's server, and installs
// the clients.
func newBed(m *testenv.Machine) (*bed, error) {
	for _, setting := range []string{"issuer", "client-id"} {
		m.Set(setting, "") // nothing but Flyte's endpoint names a server
	}
	b := &bed{Machine: m}
	return b, errors.Join(b.start(flyteadmin.Config{}), b.install())
}

// start replaces the control plane by another one. Unless c has redirect URIs, their ports
// are free ones, not those of a real flyteadmin, because other tests run at the same time.
func (b *bed) start(c flyteadmin.Config) error {
	if len(c.Redirects) == 0 {
		port, err := testenv.FreePort()
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

// vars name the control plane to a script: as --endpoint has it, its HTTP URL, and the
// redirect URI that it announces.
func (b *bed) vars() []string {
	return []string{"ADMIN=" + b.admin.Endpoint, "ADMIN_URL=" + b.admin.URL, "REDIRECT=" + b.admin.Redirect()}
}

// install puts on PATH the program, whose runs are counted; the clients that are in
// Python; and the command with which Flyte's Go client opens a browser.
func (b *bed) install() error {
	b.Env = append(b.Env, "CA="+b.CAFile(), "IDP="+b.Server.URL)
	err := errors.Join(b.CountRuns(), b.Install("xdg-open", "#!/bin/sh\nexec sh -c \"$BROWSER '$1'\"\n"))
	for name, file := range map[string]string{"flytekit": "flytekit.py", "flyte-sdk": "flyte_sdk.py", "me.py": "me.py"} { // the others import me
		text, e := callers.ReadFile("callers/" + file)
		err = errors.Join(err, e, b.Install(name, string(text)))
	}
	return err
}
