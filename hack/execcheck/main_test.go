package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// The test binary is a plugin too: the least that one is.
func TestMain(m *testing.M) {
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // else each plugin sleeps a second at its end
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		os.Exit(plugin(os.Args[2]))
	}
	os.Exit(m.Run())
}

func plugin(token string) int {
	request, err := execcred.DecodeKubernetes(os.Getenv("KUBERNETES_EXEC_INFO"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	document, err := request.Encode(execcred.Credential{Token: token})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = os.Stdout.Write(document)
	return 0
}

func TestStatus(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args   []string
		status int
		says   string
	}{
		{nil, 2, "usage: go run ./hack/execcheck -- ANY-PLUGIN ARGS"},
		{[]string{"--"}, 2, "usage: "},
		{[]string{"--", self, "plugin", "at"}, 0, "ok         v1-plain                a token of 2 bytes arrives"},
		{[]string{self, "plugin", "at"}, 0, " ok, 0 differ, "},
		{[]string{"--", self, "plugin", "a b"}, 1, "differs    v1-plain                getting credentials: exec: executable " + self + " failed with exit code 1"},
	} {
		var said strings.Builder
		if status := run(t.Context(), row.args, &said, &said); status != row.status || !strings.Contains(said.String(), row.says) {
			t.Errorf("%q: status %d, not %d\n%s", row.args, status, row.status, said.String())
		}
	}
}
