package testenv

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// Command is a script command: see [testscript.Params].
type Command = func(ts *testscript.TestScript, neg bool, args []string)

// Scripts are scripts and the programs and servers that they can use besides the commands
// of this package.
type Scripts struct {
	Files      string                          // a pattern
	Setup      func(*testscript.Env) error     // makes a machine and calls [Setup]
	Commands   map[string]Command              // more commands
	Conditions map[string]func() (bool, error) // more conditions
}

// Run runs each script as a subtest.
func Run(t *testing.T, s Scripts) {
	t.Helper()
	files, err := filepath.Glob(s.Files)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %s: %v", s.Files, err)
	}
	all := maps.Clone(commands)
	maps.Copy(all, s.Commands)
	testscript.Run(t, testscript.Params{
		Files: files, Setup: s.Setup, Cmds: all, RequireExplicitExec: true, RequireUniqueNames: true,
		Condition: func(name string) (bool, error) {
			if is, ok := s.Conditions[name]; ok {
				return is()
			}
			if name != "root" {
				return false, fmt.Errorf("unknown condition %s", name)
			}
			return os.Geteuid() == 0, nil
		},
	})
}

type machineKey struct{}

// NewForScript makes a machine for a script. The program is the one on PATH. [Setup] is
// to follow.
func NewForScript(e *testscript.Env, c oauthtest.Config) (*Machine, error) {
	program, err := exec.LookPath(Program)
	if err != nil {
		return nil, err
	}
	m, err := New(e.WorkDir, program, c)
	if err != nil {
		return nil, err
	}
	e.Defer(func() { _ = m.Close() })
	return m, nil
}

// Setup gives a script the machine and its environment.
func Setup(e *testscript.Env, m *Machine) {
	e.Values[machineKey{}] = m
	e.Vars = append(e.Vars, m.Env...)
	e.Vars = append(e.Vars, "STATE="+m.State(), "CONFIG="+filepath.Join(m.Dir, "config", Program, "config.yaml"), "NL=\n", "ISSUER="+m.Server.URL, "CLIENT="+oauthtest.PublicClient)
}

// MachineOf is the machine of a script.
func MachineOf(ts *testscript.TestScript) *Machine { return ts.Value(machineKey{}).(*Machine) }

// commands are those in the package comment.
var commands = map[string]Command{
	"status": func(ts *testscript.TestScript, _ bool, args []string) {
		wantStatus(ts, args[0], ts.Exec(args[1], args[2:]...))
	},
	"within": func(ts *testscript.TestScript, _ bool, args []string) {
		start := time.Now()
		wantStatus(ts, args[1], ts.Exec(args[2], args[3:]...))
		if took, limit := time.Since(start), duration(ts, args[0]); took > limit {
			ts.Fatalf("took %s, more than %s", took, limit)
		}
	},
	"parallel": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(ts.Exec(parallelName, args...))
	},
	"await": func(ts *testscript.TestScript, _ bool, args []string) {
		file, want := ts.MkAbs(args[0]), 0
		if len(args) > 1 {
			want = number(ts, args[1])
		}
		await(ts, file, func() bool { return exists(file) && lines(file) >= want })
	},
	"fill": func(ts *testscript.TestScript, _ bool, args []string) {
		to := ts.MkAbs(args[1])
		ts.Check(os.MkdirAll(filepath.Dir(to), 0o700))
		ts.Check(os.WriteFile(to, []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
	},
	"age": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(age(context.Background(), MachineOf(ts).State(), &cache.Keyring{Getenv: ts.Getenv}, duration(ts, args[0])))
	},
	"age-failures": ageFailures,
	"forget-keys": func(ts *testscript.TestScript, neg bool, _ []string) {
		if err := MachineOf(ts).ForgetKeys(); !neg || !errors.Is(err, ErrNoKey) {
			ts.Check(err)
		}
	},
	"free-port": func(ts *testscript.TestScript, _ bool, args []string) {
		port, err := FreePort()
		ts.Check(err)
		ts.Setenv(args[0], port)
	},
	"occupy": func(ts *testscript.TestScript, _ bool, args []string) {
		for _, host := range []string{"127.0.0.1", "::1"} {
			l, err := net.Listen("tcp", net.JoinHostPort(host, args[0]))
			if host == "127.0.0.1" { // a container may have no IPv6
				ts.Check(err)
			}
			if err == nil {
				ts.Defer(func() { _ = l.Close() })
			}
		}
	},
	"tokens": func(ts *testscript.TestScript, neg bool, args []string) {
		switch found := Find(ts, tokenForms(), args[1:], ts.Getenv("STATE")); {
		case neg && found == "":
			ts.Fatalf("no token is there")
		case !neg && found != "":
			ts.Fatalf("%s", found)
		}
	},
	"runs": func(ts *testscript.TestScript, _ bool, args []string) {
		n, err := MachineOf(ts).Runs()
		ts.Check(err)
		Want(ts, "runs of the program", n, args[0])
	},
	"browser": browserCommand,
	"server": func(ts *testscript.TestScript, _ bool, args []string) {
		ServerCommand(ts, MachineOf(ts).Server, args)
	},
}

// TokenStart begins each token that is a JWT, as those of our server are.
const TokenStart = "eyJhbGciOi"

// tokenForms are how a token begins, as it is and in base64 behind a user name.
func tokenForms() []string {
	forms := []string{TokenStart}
	for i, before := range []string{"", ":", "::"} { // base64 depends on the position in 3 bytes
		encoded := base64.RawStdEncoding.EncodeToString([]byte(before + TokenStart))
		forms = append(forms, encoded[[]int{0, 2, 3}[i]:len(encoded)-1])
	}
	return forms
}

// Find looks for texts in all files of places, except those in the directory ours. It returns
// what it found, or "".
func Find(ts *testscript.TestScript, texts, places []string, ours string) string {
	found := ""
	for _, place := range places {
		err := filepath.WalkDir(ts.MkAbs(place), func(path string, d os.DirEntry, err error) error {
			if path == ours {
				return filepath.SkipDir
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, text := range texts {
				if text != "" && strings.Contains(string(content), text) {
					found = path + " has a secret"
				}
			}
			return err
		})
		ts.Check(err)
	}
	return found
}

// Want fails the script unless got is the number that the script states.
func Want(ts *testscript.TestScript, what string, got int, want string) {
	if n := number(ts, want); got != n {
		ts.Fatalf("%d %s, not %d", got, what, n)
	}
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

func duration(ts *testscript.TestScript, text string) time.Duration {
	d, err := time.ParseDuration(text)
	ts.Check(err)
	return d
}

func wantStatus(ts *testscript.TestScript, want string, err error) {
	status := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if status != number(ts, want) {
		ts.Fatalf("exit status %d, not %s", status, want)
	}
}

// await polls done for half a minute.
func await(ts *testscript.TestScript, what string, done func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("timed out waiting for %s", what)
		}
	}
}

func browserCommand(ts *testscript.TestScript, _ bool, args []string) {
	m := MachineOf(ts)
	switch args[0] {
	case "count":
		Want(ts, "browsers opened", m.Browsers(), args[1])
	case "ended":
		Want(ts, "browsers that stayed have ended", lines(m.Log()+ended), args[1])
	case "release":
		ts.Check(m.Release())
	case "none":
		ts.Setenv("BROWSER", "")
	default:
		var habits []Habit
		for _, arg := range args {
			habits = append(habits, Habit(arg))
		}
		ts.Setenv("BROWSER", m.BrowserOf(habits...))
	}
}

func ageFailures(ts *testscript.TestScript, _ bool, args []string) {
	d := duration(ts, args[0])
	files, err := filepath.Glob(filepath.Join(MachineOf(ts).State(), "*.record"))
	ts.Check(err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		ts.Check(err)
		var r map[string]any
		ts.Check(json.Unmarshal(text, &r))
		shiftTimes(r, -d)
		text, err = json.Marshal(r)
		ts.Check(err)
		ts.Check(os.WriteFile(name, text, 0o600))
	}
	if len(files) == 0 {
		ts.Fatalf("no failure is recorded")
	}
}

// shiftTimes moves every time in a JSON document by d.
func shiftTimes(value map[string]any, d time.Duration) {
	for name, v := range value {
		switch v := v.(type) {
		case map[string]any:
			shiftTimes(v, d)
		case string:
			if at, err := time.Parse(time.RFC3339, v); err == nil {
				value[name] = at.Add(d)
			}
		}
	}
}

// FreePort returns a TCP port of loopback that is free, and remains so: it is below the
// ports from which the kernel chooses for others (ip_local_port_range in ip(7)).
func FreePort() (string, error) {
	for range 100 {
		port := strconv.Itoa(15000 + rand.IntN(15000))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return "", errors.New("no free port")
}
