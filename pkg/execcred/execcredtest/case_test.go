package execcredtest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

// Cases that differ, by pattern of their names.
const (
	arriving = "v*-plain v*-cluster v*-cluster-config v*-if-available v*-interactive "
	living   = "expiry rotation parallel "
	reading  = "v*-strict v*-token v*-grease by-hand "
	unread   = arriving + living + reading // no client can read what it says
	answered = "v*-* wrong-kind stdin stdout-closed stderr-closed " + living
	refusing = "v1alpha1 unknown-version wrong-group broken-info "
)

// A fault is found out, by the cases that are about it and by no others, and
// said in client-go's own words.
func TestFaults(t *testing.T) {
	for _, row := range []struct{ mode, says, differ string }{ // says: in v1-plain
		{"good", "a token of 9 bytes arrives (run once: exit code 0 no_error; stderr: nothing)", ""},
		{"expiry in fractions", "arrives", ""},
		{"expiry elsewhere", "arrives", ""},
		{"expiry null", "arrives", ""},
		{"unknown key", "arrives", "v*-strict"},
		{"duplicated key", "arrives", "v*-strict"},
		{"no kind", "arrives", "v*-strict"},
		{"byte order mark", "arrives", "v*-document v*-strict"},
		{"YAML", "arrives", "v*-document v*-strict"},
		{"space in the token", "arrives", "v*-token"},
		{"line feed in the token", `net/http: invalid header field value for "Authorization"`, arriving + living + "v*-token"},
		{"expiry past", "arrives", "expiry"},
		{"expiry a number", "decoding stdout: json: cannot unmarshal number into Go struct field ExecCredentialStatus.status.expirationTimestamp", unread},
		{"text before", "decoding stdout: couldn't get version/kind; json parse error", unread + "v*-document"},
		{"text after", "decoding stdout: couldn't get version/kind; json parse error: invalid character 'b' after top-level value", unread + "v*-document"},
		{"two documents", "decoding stdout: couldn't get version/kind; json parse error: invalid character '{' after top-level value", unread + "v*-document"},
		{"nothing", "plugin returned version client.authentication.k8s.io/__internal", unread + "v*-document"},
		{"no apiVersion", "plugin returned version client.authentication.k8s.io/__internal", unread},
		{"other version", "exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin returned version client.authentication.k8s.io/v1beta1", arriving + living + "v*-strict v*-grease"},
		{"v1alpha1", `no kind "ExecCredential" is registered for version "client.authentication.k8s.io/v1alpha1"`, unread},
		{"other kind", `no kind "TokenReview" is registered for version "client.authentication.k8s.io/v1"`, unread},
		{"Status", "exec plugin didn't return a status field", unread},
		{"Token", "exec plugin didn't return a token or cert/key pair", arriving + living + "v*-strict v*-token v*-grease"},
		{"no status", "exec plugin didn't return a status field", arriving + living + "v*-token v*-grease by-hand"},
		{"empty status", "exec plugin didn't return a token or cert/key pair", arriving + living + "v*-token v*-grease"},
		{"certificate without key", "exec plugin returned only certificate or key, not both", arriving + living},
		{"failure with an answer", "failed with exit code 3 (run once: exit code 3 plugin_execution_error; stderr: nothing)", "*"},
		{"silent failure", "failed with exit code 3", "*"},
		{"failure", `failed with exit code 3 (run once: exit code 3 plugin_execution_error; stderr: "the reason\n")`, answered},
		{"deaf", "arrives", strings.ReplaceAll(arriving, "v*", "v1beta1") + "v1beta1-strict v1beta1-grease " + refusing},
		{"echo", "arrives", "unknown-version wrong-group broken-info"},
		{"pedantic", "arrives", "v*-grease"},
		{"strict about the kind", "arrives", "wrong-kind"},
		{"no cluster", "arrives", "v*-cluster v*-cluster-config v*-grease"},
		{"no config", "arrives", "v*-cluster-config"},
		{"no terminal", "arrives", "v*-if-available v*-interactive"},
		{"not by hand", "arrives", "by-hand"},
		{"refusal on stdout", "arrives", refusing},
		{"silent refusal", "arrives", refusing},
		{"once", "arrives", "rotation"},
		{"once well", "arrives", "rotation"},
	} {
		t.Run(row.mode, func(t *testing.T) {
			terminal(t)
			cases := "*"
			if _, ok := documents[row.mode]; ok && row.mode != "good" { // takes requests as it should
				cases = "v1-* v1beta1-plain v1beta1-strict expiry rotation by-hand"
			}
			findings := check(t, plugin(t, row.mode), cases)
			if saw := findings[0].Detail; !strings.Contains(saw, row.says) {
				t.Errorf("%s: %s\nwant %s", findings[0].Case.Name, saw, row.says)
			}
			wantDiffer(t, findings, row.differ)
		})
	}
}

// Faults that would stop other cases than those that are about them.
func TestFaultsThatStay(t *testing.T) {
	wantDiffer(t, check(t, plugin(t, "stdin read"), "stdin std*-closed v1-plain"), "stdin")
	wantDiffer(t, check(t, plugin(t, "one at a time"), "parallel"), "parallel")
	for _, row := range []struct{ mode, differ string }{
		{"stdout held", "stdout-closed"},
		{"stderr held", "stderr-closed"},
		{"nothing held by a child", ""},
	} {
		h := newHolder(t)
		go h.hangUpAtEnd()
		wantDiffer(t, check(t, plugin(t, row.mode, h.env()), "std*-closed"), row.differ)
	}
}

// hangUpAtEnd holds all children until the test ends.
func (h holder) hangUpAtEnd() {
	for {
		c, err := h.Accept()
		if err != nil {
			return
		}
		h.t.Cleanup(func() { _ = c.Close() })
	}
}

// A plugin that does not end is not waited for, in any case.
func TestEndless(t *testing.T) {
	for _, name := range []string{"v1-plain", "v1-document", "parallel", "broken-info"} {
		h := newHolder(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			h.alone()
			cancel(errors.New("enough"))
		}()
		for _, c := range choose(t, name) {
			if f := c.Check(ctx, plugin(t, "endless", h.env())); f.Verdict != Differs || !strings.Contains(f.Detail, "enough") {
				t.Errorf("%s: %s: %s", name, f.Verdict, f.Detail)
			}
		}
	}
}

func TestNoSuchCommand(t *testing.T) {
	findings := check(t, Plugin{Command: "no-such-plugin"}, "*")
	want := "exec: executable no-such-plugin not found"
	if saw := findings[0].Detail; !strings.Contains(saw, want) || !strings.Contains(saw, "plugin_not_found_error") {
		t.Errorf("%s\nwant %s", saw, want)
	}
	for _, f := range findings {
		if f.Verdict == OK {
			t.Errorf("%s: ok: %s", f.Case.Name, f.Detail)
		}
	}
}

// Without a terminal what needs one is not tried, in client-go's words.
func TestNotTried(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	withStdin(t, null)
	for _, f := range check(t, plugin(t, "good"), "v*-interactive") {
		if f.Verdict != NotTried || !strings.Contains(f.Detail, "standard input is not a terminal") {
			t.Errorf("%s: %s: %s", f.Case.Name, f.Verdict, f.Detail)
		}
	}
}

// What is typed at the terminal meanwhile is the caller's.
func TestGood(t *testing.T) {
	master, slave := terminal(t)
	if _, err := io.WriteString(master, "typed\n"); err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	Test(t, plugin(t, "good"))
	if line, err := bufio.NewReader(slave).ReadString('\n'); err != nil || line != "typed\n" {
		t.Errorf("on the terminal is %q, %v", line, err)
	}
	if os.Stderr != stderr {
		t.Error("stderr is another")
	}
}

func TestCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cases() {
		if seen[c.Name] || c.Name == "" || c.Requirement == "" || !strings.HasPrefix(c.Source, "https://") {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = true
	}
}

// choose are the cases that match one of the patterns.
func choose(t *testing.T, patterns string) (chosen []Case) {
	t.Helper()
	for _, c := range Cases() {
		if matches(patterns, c.Name) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		t.Fatalf("no case is called %s", patterns)
	}
	return chosen
}

func matches(patterns, name string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

func check(t *testing.T, p Plugin, patterns string) (findings []Result) {
	t.Helper()
	for _, c := range choose(t, patterns) {
		f := c.Check(t.Context(), p)
		if strings.Contains(f.Detail, secret) {
			t.Errorf("%s tells the token: %s", c.Name, f.Detail)
		}
		findings = append(findings, f)
	}
	return findings
}

func wantDiffer(t *testing.T, findings []Result, patterns string) {
	t.Helper()
	got, want := map[string]Verdict{}, map[string]Verdict{}
	saw := ""
	for _, f := range findings {
		got[f.Case.Name], want[f.Case.Name] = f.Verdict, OK
		if matches(patterns, f.Case.Name) {
			want[f.Case.Name] = Differs
		}
		if got[f.Case.Name] != want[f.Case.Name] {
			saw += f.Case.Name + ": " + f.Detail + "\n"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s%s", diff, saw)
	}
}

// terminal makes stdin a terminal, and returns its two sides.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	withStdin(t, slave)
	return master, slave
}

func withStdin(t *testing.T, f *os.File) {
	before := os.Stdin
	os.Stdin = f
	t.Cleanup(func() { os.Stdin = before; _ = f.Close() })
}
