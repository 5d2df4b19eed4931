package main

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// doctorLimit is longer than doctor waits for a program or a server that does not answer.
const doctorLimit = 15 * time.Second

// doctorCommand runs doctor, and fails unless its exit status is N: "doctor N [ARG...]".
// Whatever doctor finds, it prints no secret and no "canary", opens no browser, requests no
// token, and ends within doctorLimit.
func doctorCommand(ts *testscript.TestScript, _ bool, args []string) {
	before, start := loginTraces(ts), time.Now()
	err := ts.Exec(config.Program, append([]string{"doctor"}, args[1:]...)...)
	took, status := time.Since(start), 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	testenv.Want(ts, "is the exit status", status, args[0])
	if took > doctorLimit {
		ts.Fatalf("doctor took %s, more than %s", took, doctorLimit)
	}
	if after := loginTraces(ts); !maps.Equal(before, after) {
		ts.Fatalf("doctor changed the number of browsers or requests: %v to %v", before, after)
	}
	output := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	for _, secret := range append(secretsOf(serverOf(ts)), "canary") {
		if secret != "" && strings.Contains(output, secret) {
			ts.Fatalf("doctor prints the secret %s", secret)
		}
	}
}

// loginTraces counts what a login or a refresh does.
func loginTraces(ts *testscript.TestScript) map[string]int {
	counts := map[string]int{"browser": testenv.MachineOf(ts).Browsers()}
	for _, kind := range []string{"authorize", "device", "token", "refresh_token", "revoke"} {
		counts[kind] = serverOf(ts).Count(kind)
	}
	return counts
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
