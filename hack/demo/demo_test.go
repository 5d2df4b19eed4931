package main

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

func TestMain(m *testing.M) {
	testenv.Browse()
	os.Exit(m.Run())
}

func TestDemo(t *testing.T) {
	t.Setenv("CI", "true") // the demo does not see it
	t.Setenv("FLYTE_CREDENTIAL_HELPER_ISSUER", "https://login.example.com")
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var out strings.Builder
	err := run(t.Context(), &out)
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`Logged in to http://127\.0\.0\.1:\d+ as alice@example\.com\.`,
		`without a token: 401 Unauthorized`,
		`in the kubeconfig: alice@example\.com`,
		`"token":"eyJhbGciOiJS\.\.\."`,
		`\d+ ms, the median`,
		`20 answers in .* Browsers opened: 1\. Codes exchanged: 1\. Different tokens: 1\.`,
		`-rw-------  +\d+  ~/state/flyte-credential-helper/[0-9a-f]{64}\.(sealed|plain)`,
		`Logged out of`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in what it says", want)
		}
	}
	if strings.Contains(out.String(), tmp) {
		t.Error("it shows a path that does not exist any more")
	}
	wantEmpty(t, tmp)
}

// TestInterrupted stops the demo in its middle.
func TestInterrupted(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	ctrlC := errors.New("Ctrl-C")
	out := watcher{word: "1. Log in", saw: func() { time.AfterFunc(200*time.Millisecond, func() { stop(ctrlC) }) }}
	start := time.Now()
	if err := run(ctx, &out); !errors.Is(err, ctrlC) {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(start); took > 2*time.Minute {
		t.Errorf("it took %s", took)
	}
	wantEmpty(t, tmp)
}

// watcher calls saw when the word is written.
type watcher struct {
	word string
	saw  func()
}

func (w *watcher) Write(text []byte) (int, error) {
	if strings.Contains(string(text), w.word) {
		w.saw()
	}
	return len(text), nil
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left behind", e.Name())
	}
}
