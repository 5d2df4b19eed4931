package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/hack/desktop"
	place "github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/hack/script"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func TestMain(m *testing.M) {
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // else each process sleeps a second at its end
	testscript.Main(script.Away(m), map[string]func(){
		program:         testProgram,
		"test-browser":  testBrowser,
		"test-desktop":  testDesktopBrowser,
		"test-await":    script.Await,
		"test-mute-bus": testMuteBus,
		"init":          script.Init,
		"test-nokeys":   testNoKeys,
		"test-cron":     testCron,

		"git-credential-flyte":    testProgram,
		"docker-credential-flyte": testProgram,
		"bazel-credential-flyte":  testProgram,
	})
}

// testProgram is the program, on a machine whose clock may be wrong.
func testProgram() {
	w := theWorld()
	wrong, _ := time.ParseDuration(os.Getenv("TEST_CLOCK"))
	w.now = func() time.Time { return time.Now().Add(wrong) }
	os.Exit(run(interruptible(), w))
}

// bed is what a script has beside the program: a server, a Flyte endpoint, and
// perhaps a desktop.
type bed struct {
	server  *oauthtest.Server
	flyte   *gateway
	ctx     context.Context
	bus     *desktop.Bus
	keyring *desktop.Keyring
	proxy   *proxy
}

type bedKey struct{}

func TestScripts(t *testing.T) { runScripts(t, scripts(t, false)) }

// TestPermissions runs the scripts that an administrator's rights would make
// meaningless. hack/check runs it as an ordinary user where it is root itself.
func TestPermissions(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may do anything: hack/check runs this as an ordinary user")
	}
	runScripts(t, scripts(t, true))
}

func scripts(t *testing.T, permissions bool) []string {
	all, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(all) == 0 {
		t.Fatal("no scripts", err)
	}
	return slices.DeleteFunc(all, func(name string) bool {
		return strings.HasPrefix(filepath.Base(name), "permissions_") != permissions
	})
}

func runScripts(t *testing.T, files []string) {
	testscript.Run(t, testscript.Params{
		Files:               files,
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":    func(ts *testscript.TestScript, _ bool, args []string) { script.Server(ts, theBed(ts).server, args) },
			"browser":   browserCommand,
			"age":       ageCommand,
			"parallel":  parallelCommand,
			"desktop":   desktopCommand,
			"within":    withinCommand,
			"secrets":   secretsCommand,
			"damage":    damageCommand,
			"pass":      func(ts *testscript.TestScript, _ bool, args []string) { script.Pass(ts, args) },
			"kernel":    kernelCommand,
			"flyte":     flyteCommand,
			"unproxied": proxyTokenCommand,
			"proxy":     proxyCommand,
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("unknown condition %s", name)
			}
			return os.Geteuid() == 0, nil
		},
	})
}

// setup gives a script its own home, a server, and a browser in which a person
// says yes. Scripts whose subject is not the keyring keep tokens in a file.
func setup(e *testscript.Env) error {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := oauthtest.NewServer(oauthtest.Config{})
	if err != nil {
		cancel()
		return err
	}
	b := &bed{server: s, flyte: newGateway(s), ctx: ctx}
	e.Values[bedKey{}] = b
	e.Defer(func() {
		b.flyte.Close()
		s.Close()
		cancel()
		if b.bus != nil {
			_ = b.bus.Close()
		}
	})
	home := filepath.Join(e.WorkDir, "home")
	e.Vars = append(e.Vars,
		"HOME="+home, "XDG_CONFIG_HOME="+home+"/config", "XDG_STATE_HOME="+home+"/state", "XDG_RUNTIME_DIR="+home+"/run",
		"XDG_DATA_HOME="+home+"/data", "XDG_CACHE_HOME="+home+"/cache",
		"STATE="+home+"/state/"+program, "BROWSER=test-browser", "BROWSER_LOG="+e.WorkDir+"/opened", "GORACE=atexit_sleep_ms=0",
		"NL=\n", "ISSUER="+s.URL, "FLYTE="+b.flyte.address(), "CLIENT="+oauthtest.PublicClient,
		variable("issuer")+"="+s.URL, variable("client-id")+"="+oauthtest.PublicClient, variable("store")+"=file",
	)
	return os.MkdirAll(home, 0o755)
}

func theBed(ts *testscript.TestScript) *bed { return ts.Value(bedKey{}).(*bed) }

// testBrowser is a browser with a person who says yes. Its flags make it a worse
// one.
func testBrowser() {
	args := os.Args[1:]
	address := args[len(args)-1]
	if log, err := os.OpenFile(os.Getenv("BROWSER_LOG"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
		_, _ = fmt.Fprintln(log, address)
		_ = log.Close()
	}
	if dump := os.Getenv("BROWSER_DUMP"); dump != "" {
		fds, _ := filepath.Glob("/proc/self/fd/*")
		var kept []string
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil {
				kept = append(kept, filepath.Base(fd)+" "+to)
			}
		}
		_ = os.WriteFile(dump, []byte(strings.Join(os.Environ(), "\n")+"\n"+strings.Join(kept, "\n")+"\n"), 0o600)
	}
	if slices.Contains(args, "--noisy") {
		_, _ = os.Stdout.WriteString(strings.Repeat("noise ", 200_000))
		_, _ = os.Stderr.WriteString(strings.Repeat("noise ", 200_000))
	}
	if slices.Contains(args, "--closed") { // the tab is closed at once
		os.Exit(0)
	}
	if slices.Contains(args, "--fails") {
		os.Exit(1)
	}
	page, err := oauthtest.SignIn(context.Background(), nil, address)
	if err != nil {
		page = err.Error() + "\n" + page
	}
	_ = os.WriteFile(os.Getenv("BROWSER_LOG")+".page", []byte(page), 0o600)
	if slices.Contains(args, "--hang") {
		time.Sleep(time.Minute)
	}
	os.Exit(0)
}

// testDesktopBrowser opens the address in a real Chromium.
func testDesktopBrowser() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address := os.Args[len(os.Args)-1]
	path, _ := desktop.Chromium()
	page, err := desktop.OpenInChromium(ctx, path, address)
	if err != nil {
		page = err.Error() + "\n" + page
	}
	_ = os.WriteFile(os.Getenv("BROWSER_LOG")+".page", []byte(page), 0o600)
	os.Exit(0)
}

// browserCommand asserts how many browsers were opened: "browser count 1".
func browserCommand(ts *testscript.TestScript, neg bool, args []string) {
	text, _ := os.ReadFile(ts.Getenv("BROWSER_LOG"))
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := strings.Count(string(text), "\n"); got != want {
		ts.Fatalf("%d browsers opened, not %d", got, want)
	}
}

// ageCommand makes every login that is kept as much older: "age 10m".
func ageCommand(ts *testscript.TestScript, neg bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(place.Age(context.Background(), cache.Dir(ts.Getenv("STATE")), &cache.Keyring{Getenv: ts.Getenv}, d))
}

// parallelCommand runs so many processes at once, which must all succeed, or
// with "!" all fail, and writes what they say to parallel.out and parallel.err:
// "parallel 8 COMMAND ARGS".
func parallelCommand(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	outputs, failures := storm(n, func() *exec.Cmd {
		cmd := exec.Command(lookPath(ts, args[1]), args[2:]...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), environment(ts)
		return cmd
	})
	ts.Check(os.WriteFile(ts.MkAbs("parallel.out"), []byte(strings.Join(outputs, "")), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("parallel.err"), []byte(strings.Join(failures, "")), 0o600))
	if neg {
		if len(failures) < n {
			ts.Fatalf("%d of %d succeeded", n-len(failures), n)
		}
		return
	}
	if len(failures) > 0 {
		ts.Fatalf("%d of %d failed: %s", len(failures), n, failures[0])
	}
}

// storm runs n commands at once.
func storm(n int, command func() *exec.Cmd) (outputs, failures []string) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for range n {
		cmd := command()
		all.Go(func() {
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			mu.Lock()
			defer mu.Unlock()
			outputs = append(outputs, string(out))
			if err != nil {
				failures = append(failures, err.Error()+"\n"+stderr.String())
			}
		})
	}
	all.Wait()
	return outputs, failures
}

func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, name); exists(p) {
			return p
		}
	}
	ts.Fatalf("%s is not on PATH", name)
	return ""
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// environment is the script's, for a process that testscript does not start.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "TMPDIR",
		"BROWSER", "BROWSER_LOG", "BROWSER_DUMP", "GORACE", "GOCOVERDIR", "DBUS_SESSION_BUS_ADDRESS", "KUBERNETES_EXEC_INFO", "TEST_CLOCK",
	} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	for _, s := range newSettings().table() {
		if v := ts.Getenv(variable(s.name)); v != "" {
			env = append(env, variable(s.name)+"="+v)
		}
	}
	return env
}

// desktopCommand gives the script a session bus with a keyring, or troubles it.
func desktopCommand(ts *testscript.TestScript, neg bool, args []string) {
	b := theBed(ts)
	var err error
	switch args[0] {
	case "start":
		requireDesktop(ts)
		b.bus, err = desktop.StartBus(b.ctx, ts.MkAbs("."))
		ts.Check(err)
		ts.Setenv("DBUS_SESSION_BUS_ADDRESS", b.bus.Address)
		if len(args) == 1 { // "desktop start bus" has nobody on it
			b.keyring, err = b.bus.StartKeyring(b.ctx, ts.MkAbs("keyring"), "correct horse")
		}
	case "lock":
		err = b.keyring.Lock(b.ctx)
	case "stop":
		err = b.keyring.Stop()
	case "unlock":
		err = b.keyring.Unlock(b.ctx)
	case "continue":
		err = b.keyring.Continue()
	case "end":
		err = b.bus.Close()
		b.bus = nil
	case "items":
		items, e := b.keyring.Items(b.ctx)
		ts.Check(e)
		if want, _ := strconv.Atoi(args[1]); len(items) != want {
			ts.Fatalf("the keyring has %d items, not %d: %v", len(items), want, items)
		}
	case "empty": // somebody deletes all items
		ts.Check(emptyKeyring(ts.Getenv("DBUS_SESSION_BUS_ADDRESS")))
	default:
		ts.Fatalf("desktop %s?", args[0])
	}
	ts.Check(err)
}

// requireDesktop fails rather than skips: hack/check installs what is missing.
func requireDesktop(ts *testscript.TestScript) {
	if missing := desktop.Missing(); len(missing) > 0 {
		ts.Fatalf("not installed: %s (hack/check installs it where it may)", strings.Join(missing, ", "))
	}
}

// withinCommand runs a command that must end in time, however it ends:
// "within 3s COMMAND ARGS". It bounds a hang, it does not measure.
func withinCommand(ts *testscript.TestScript, neg bool, args []string) {
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	cmd := exec.Command(lookPath(ts, args[1]), args[2:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environment(ts)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err = cmd.Run()
	took := time.Since(start)
	ts.Check(os.WriteFile(ts.MkAbs("within.out"), []byte(stdout.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("within.err"), fmt.Appendf(nil, "%sstatus %d\n", stderr.String(), cmd.ProcessState.ExitCode()), 0o600))
	if took > limit {
		ts.Fatalf("took %s, more than %s; %v: %s", took, limit, err, stderr.String())
	}
}

// secretsCommand asserts that no token or other secret that the server gave out
// or was sent can be read in any of the files and folders: "secrets absent DIR…".
func secretsCommand(ts *testscript.TestScript, neg bool, args []string) {
	found := findSecrets(ts, secretsOf(theBed(ts).server), args[1:])
	switch {
	case args[0] == "absent" && found != "":
		ts.Fatalf("%s", found)
	case args[0] == "present" && found == "":
		ts.Fatalf("no secret is there, so that none is found proves nothing")
	}
}

// secretsOf are those the server has seen: codes, verifiers, refresh tokens.
// Access and ID tokens of our server are JWTs, which have a look of their own.
func secretsOf(s *oauthtest.Server) []string {
	secrets := []string{"eyJhbGciOi", oauthtest.Secret}
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

func findSecrets(ts *testscript.TestScript, secrets, places []string) string {
	found := ""
	for _, place := range places {
		err := filepath.WalkDir(ts.MkAbs(place), func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			for _, secret := range secrets {
				if secret != "" && strings.Contains(string(text), secret) {
					found = path + " holds a secret"
				}
			}
			return err
		})
		ts.Check(err)
	}
	return found
}

// damageCommand damages every file that keeps a token.
func damageCommand(ts *testscript.TestScript, neg bool, args []string) {
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
		ts.Fatalf("no file keeps a token")
	}
}

// testMuteBus takes connections and never says a word.
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
