package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/doctor"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// doctorLimit is longer than doctor waits for a program or a server that does not answer.
const doctorLimit = 15 * time.Second

// doctorCommand runs doctor with and without --json, and fails unless both have exit status N:
// "doctor N [ARG...]". Whatever doctor finds, both tell the same, print no secret and no
// "canary", open no browser, request no token, and end within doctorLimit.
func doctorCommand(ts *testscript.TestScript, _ bool, args []string) {
	before := loginTraces(ts)
	var findings []doctor.Finding
	if document := runDoctor(ts, args[0], append(slices.Clone(args[1:]), "--json")); document != "" { // else the words are wrong
		ts.Check(json.Unmarshal([]byte(document), &findings))
	}
	text := runDoctor(ts, args[0], args[1:])
	want := strings.ReplaceAll(doctor.Text(findings), " --json", "") // a fix may repeat the command
	if text != "" && text != want && !slices.Contains(args, "--json") {
		ts.Fatalf("doctor --json tells:\n%s", want)
	}
	if after := loginTraces(ts); !maps.Equal(before, after) {
		ts.Fatalf("doctor changed the number of browsers or requests: %v to %v", before, after)
	}
}

func runDoctor(ts *testscript.TestScript, wantStatus string, args []string) (stdout string) {
	start := time.Now()
	err := ts.Exec(config.Program, append([]string{"doctor"}, args...)...)
	took, status := time.Since(start), 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	testenv.Want(ts, "is the exit status", status, wantStatus)
	if took > doctorLimit {
		ts.Fatalf("doctor took %s, more than %s", took, doctorLimit)
	}
	stdout = ts.ReadFile("stdout")
	for _, secret := range append(secretsOf(serverOf(ts)), "canary") {
		if secret != "" && strings.Contains(stdout+ts.ReadFile("stderr"), secret) {
			ts.Fatalf("doctor prints the secret %s", secret)
		}
	}
	return stdout
}

// loginTraces counts what a login or a refresh does.
func loginTraces(ts *testscript.TestScript) map[string]int {
	counts := map[string]int{"browser": testenv.MachineOf(ts).Browsers()}
	for _, kind := range []string{"authorize", "device", "token", "refresh_token", "revoke"} {
		counts[kind] = serverOf(ts).Count(kind)
	}
	return counts
}

// theFix finds the fix in the summary.
var theFix = regexp.MustCompile(`; fix: (.*)\n$`)

// exported finds the variable that a fix changes.
var exported = regexp.MustCompile(`^(?:export|unset) (\w+)`)

// fixCommand runs the command that the summary of the last doctor names, in a shell, and fails
// if the command fails: "fix [NAME=VALUE...] [ARG...]". It replaces each word NAME, which must
// be in the command, and adds the arguments. A variable that the command changes is changed in
// the script.
func fixCommand(ts *testscript.TestScript, _ bool, args []string) {
	found := theFix.FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("doctor names no fix")
	}
	fix := found[1]
	for _, arg := range args {
		name, value, replaces := strings.Cut(arg, "=")
		if !replaces || strings.HasPrefix(arg, "-") {
			fix += " " + arg
			continue
		}
		word := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`)
		if !word.MatchString(fix) {
			ts.Fatalf("the fix has no %s: %s", name, fix)
		}
		fix = word.ReplaceAllLiteralString(fix, value)
	}
	variable := exported.FindStringSubmatch(fix)
	if variable != nil {
		fix += fmt.Sprintf("\nprintf %%s \"$%s\"", variable[1])
	}
	ts.Check(ts.Exec("sh", "-c", "set -e\n"+fix))
	if variable != nil {
		ts.Setenv(variable[1], ts.ReadFile("stdout"))
	}
}

// withoutCheck finds a line of a script that runs doctor with another command than doctor.
var withoutCheck = regexp.MustCompile(`(?m)^[^#'\n]*` + config.Program + ` doctor.*`)

// The scripts about doctor run it with the command doctor, which checks more than the exit
// status.
func TestDoctorRows(t *testing.T) {
	files, err := filepath.Glob("testdata/doctor_*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if line := withoutCheck.Find(text); line != nil {
			t.Errorf("%s runs doctor without the command doctor: %s", name, line)
		}
	}
}
