package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/cli"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestMain(m *testing.M) {
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // otherwise each process sleeps for a second at its end
	testenv.Main(m, nil, map[string]func(){
		config.Program:  testProgram,
		"test-mute-bus": testMuteBus,
		"test-nokeys":   testNoKeys,
		"test-cron":     testCron,

		"git-credential-flyte":    testProgram,
		"docker-credential-flyte": testProgram,
		"bazel-credential-flyte":  testProgram,
	})
}

// testProgram is the program. TEST_CLOCK is by how much its clock is wrong.
func testProgram() {
	w := environment()
	wrong, _ := time.ParseDuration(os.Getenv("TEST_CLOCK"))
	w.Now = func() time.Time { return time.Now().Add(wrong) }
	os.Exit(cli.Main(system.Interruptible(cli.Interrupted), w, cli.Release{}))
}

// fixture is what a script has besides its machine: a Flyte endpoint and, if the script
// starts them, a desktop and an HTTP proxy.
type fixture struct {
	flyte     *gateway
	attacker  *oauthtest.Server
	ctx       context.Context
	bus       *desktop.Bus
	keyring   *desktop.Keyring
	proxy     *proxy
	apiserver *execcredtest.Server
}

type fixtureKey struct{}

func TestScripts(t *testing.T) { runScripts(t, "testdata/*.txtar") }

// TestPermissions runs the scripts about file permissions, which do not apply to root.
// hack/check runs it as an ordinary user if it is root itself.
func TestPermissions(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may do anything: hack/check runs this as an ordinary user")
	}
	runScripts(t, "testdata/permissions/*.txtar")
}

// runScripts runs scripts, which have these commands besides those of testenv:
//
//	desktop start [bus]      start a session bus with a keyring, or without one
//	desktop lock|unlock      lock the keyring, or unlock it
//	desktop stop|continue    suspend the keyring, or let it run again
//	desktop items N          fail unless the keyring has N items
//	desktop empty            delete all items of the keyring
//	desktop end              end the bus
//	damage KIND              damage each file with a token: truncate, garbage, version,
//	                         empty, byte
//	secrets absent DIR...    fail if a secret can be read in a file or folder
//	secrets present DIR...   fail unless one can
//	attacker start           start another authorization server, at $ATTACKER
//	attacker WORD...         as the command server, for that one
//	                         ($ELSEWHERE is the first server by another host name)
//	flyte, unproxied, proxy, apiserver, doctor, fix
//	                         see gateway_test.go, proxy_test.go, apiserver_test.go and
//	                         doctor_test.go
func runScripts(t *testing.T, files string) {
	testenv.Run(t, testenv.Scripts{Files: files, Setup: setup, Commands: map[string]testenv.Command{
		"desktop":    desktopCommand,
		"secrets":    secretsCommand,
		"attacker":   attackerCommand,
		"damage":     damageCommand,
		"flyte":      flyteCommand,
		"unproxied":  proxyTokenCommand,
		"proxy":      proxyCommand,
		"apiserver":  apiserverCommand,
		"git-server": gitServerCommand,
		"registry":   registryCommand,
		"doctor":     doctorCommand,
		"fix":        fixCommand,
	}})
}

func setup(e *testscript.Env) error {
	m, err := testenv.NewForScript(e, oauthtest.Config{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &fixture{flyte: newGateway(m.Server), ctx: ctx}
	e.Values[fixtureKey{}] = f
	e.Defer(func() {
		f.flyte.Close()
		cancel()
		if f.bus != nil {
			_ = f.bus.Close()
		}
	})
	testenv.Setup(e, m)
	e.Vars = append(e.Vars, "FLYTE="+f.flyte.address(), "ELSEWHERE="+strings.Replace(m.Server.URL, "127.0.0.1", "localhost", 1))
	return nil
}

func theFixture(ts *testscript.TestScript) *fixture { return ts.Value(fixtureKey{}).(*fixture) }

func serverOf(ts *testscript.TestScript) *oauthtest.Server { return testenv.MachineOf(ts).Server }

func desktopCommand(ts *testscript.TestScript, _ bool, args []string) {
	f := theFixture(ts)
	var err error
	switch args[0] {
	case "start":
		if missing := desktop.Missing(); len(missing) > 0 {
			ts.Fatalf("not installed: %s", strings.Join(missing, ", "))
		}
		f.bus, err = desktop.StartBus(f.ctx, ts.MkAbs("."))
		ts.Check(err)
		ts.Setenv("DBUS_SESSION_BUS_ADDRESS", f.bus.Address)
		if len(args) == 1 {
			f.keyring, err = f.bus.StartKeyring(f.ctx, ts.MkAbs("keyring"), "correct horse")
		}
	case "lock":
		err = f.keyring.Lock(f.ctx)
	case "stop":
		err = f.keyring.Stop()
	case "unlock":
		err = f.keyring.Unlock(f.ctx)
	case "continue":
		err = f.keyring.Continue()
	case "end":
		err = f.bus.Close()
		f.bus = nil
	case "items":
		items, e := f.keyring.Items(f.ctx)
		ts.Check(e)
		testenv.Want(ts, "items in the keyring", len(items), args[1])
	case "empty":
		err = f.keyring.DeleteItems(f.ctx)
	default:
		ts.Fatalf("unknown command: desktop %s", args[0])
	}
	ts.Check(err)
}

func attackerCommand(ts *testscript.TestScript, _ bool, args []string) {
	f := theFixture(ts)
	if args[0] != "start" {
		testenv.ServerCommand(ts, f.attacker, args)
		return
	}
	var err error
	f.attacker, err = oauthtest.NewServer(oauthtest.Config{})
	ts.Check(err)
	ts.Defer(f.attacker.Close)
	ts.Setenv("ATTACKER", f.attacker.URL)
}

func secretsCommand(ts *testscript.TestScript, _ bool, args []string) {
	found := testenv.Find(ts, secretsOf(serverOf(ts)), args[1:], "")
	switch {
	case args[0] == "absent" && found != "":
		ts.Fatalf("%s", found)
	case args[0] == "present" && found == "":
		ts.Fatalf("no secret is there, so the absence of one elsewhere proves nothing")
	}
}

// secretsOf are those that the server has received: codes, verifiers, refresh tokens.
// Access and ID tokens of our server are JWTs, and recognized as such.
func secretsOf(s *oauthtest.Server) []string {
	secrets := []string{testenv.TokenStart, oauthtest.Secret}
	for _, r := range s.Requests("token") {
		for _, name := range []string{"code", "code_verifier", "refresh_token"} {
			if v := r.Form.Get(name); v != "" {
				secrets = append(secrets, v)
			}
		}
	}
	for _, r := range s.Requests("authorize") {
		secrets = append(secrets, r.Form.Get("state"), r.Form.Get("nonce"))
	}
	return secrets
}

func damageCommand(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.Getenv("STATE"), "*.plain"))
	ts.Check(err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		ts.Check(err)
		switch args[0] {
		case "truncate":
			text = text[:len(text)/2]
		case "garbage":
			text = []byte(strings.Repeat("\x00\xff{", 500))
		case "version":
			text = []byte(strings.Replace(string(text), "helper 1\n", "helper 2\n", 1))
		case "empty":
			text = nil
		case "byte":
			text[bytes.Index(text, []byte("eyJ"))+20] ^= 1 << 7
		}
		ts.Check(os.WriteFile(name, text, 0o600))
	}
	if len(files) == 0 {
		ts.Fatalf("no file has a token")
	}
}

// testMuteBus accepts connections and never answers.
func testMuteBus() {
	l, err := net.Listen("unix", os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	for {
		if _, err := l.Accept(); err != nil {
			os.Exit(1)
		}
	}
}
