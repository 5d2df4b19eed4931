package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Pins of many processes are all kept, in a file for the user only.
func TestPins(t *testing.T) {
	d := Dir(filepath.Join(t.TempDir(), "state"))
	if got := d.Pins(); got != nil {
		t.Errorf("no file has %v", got)
	}
	want := Pins{}
	var all sync.WaitGroup
	for i := range 20 {
		name, pin := fmt.Sprint(i), PinOf(&oauth.Metadata{AuthorizationEndpoint: "https://a", TokenEndpoint: fmt.Sprint("https://t/", i)})
		want[name] = pin
		all.Go(func() {
			if err := d.Pin(t.Context(), name, pin); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff(want, d.Pins()); diff != "" {
		t.Errorf("(-saved +read):\n%s", diff)
	}
	want["3"] = []string{"https://other"}
	if err := d.Pin(t.Context(), "3", want["3"]); err != nil || !cmp.Equal(want, d.Pins()) {
		t.Errorf("changed: %v, %v", err, d.Pins())
	}
	info, err := os.Stat(d.path(pinsFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// The format of the file does not change. A file of another version or a damaged one has
// no pins, and is replaced.
func TestPinsFile(t *testing.T) {
	d := Dir(filepath.Join(t.TempDir(), "state"))
	save := func() {
		t.Helper()
		if err := d.Pin(t.Context(), PinName(Key{Server: []string{"flyte.example.com"}}), []string{"https://a/auth", "https://a/token"}); err != nil {
			t.Fatal(err)
		}
	}
	const golden = `{"version":1,"pins":{"flyte.example.com":["https://a/auth","https://a/token"]}}`
	for _, text := range []string{"", golden[:20], `{"version":2,"pins":{"x":["y"]}}`, "null", golden} {
		save()
		if err := os.WriteFile(d.path(pinsFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := d.Pins(); (got != nil) != (text == golden) {
			t.Errorf("%q has %v", text, got)
		}
		save()
		if got, err := os.ReadFile(d.path(pinsFile)); err != nil || string(got) != golden {
			t.Errorf("%v: %s", err, got)
		}
	}
}
