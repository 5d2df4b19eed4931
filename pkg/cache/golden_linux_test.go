package cache_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// keyInKernel puts goldenKey into the user's keyring as the program does. It stays
// there for ten minutes, since tests of another checkout may use the same one.
func keyInKernel(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, err := unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_PROCESS_KEYRING, 0, 0); err != nil {
		t.Fatal(err)
	}
	id, err := unix.AddKey("user", "flyte-credential-helper:3eb1bd439947eb76", []byte(goldenKey), unix.KEY_SPEC_USER_KEYRING)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, 600, 0, 0); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenKernelKey(t *testing.T) {
	keyInKernel(t)
	for suffix, kind := range map[string]cache.StoreKind{".kernel": cache.StoreKernel, ".sealed": cache.StoreKeyring} {
		for name, set := range map[string]*oauth.Token{"full": goldenSet(), "renewed": renewedSet()} {
			s := goldenSource(t, kind, name+suffix).Store()
			wantSet(t, name+suffix, s, set)
			write(t, s, set)
			if got, want := unseal(t, stored(t, s, suffix)), unseal(t, golden(t, name+suffix)); !bytes.Equal(got, want) {
				t.Errorf("%s%s is written as\n%q, not\n%q", name, suffix, got, want)
			}
		}
		wantRequest(t, kind, "full"+suffix, "request"+suffix+".json", goldenRefresh())
	}
}

// store.json says which of a login's files counts.
func TestGoldenChoice(t *testing.T) {
	keyInKernel(t)
	for name, files := range map[string][]string{
		"store.file.json":    {"full.plain", "renewed.kernel"},
		"store.kernel.json":  {"renewed.plain", "full.kernel", "renewed.sealed"},
		"store.keyring.json": {"renewed.plain", "renewed.kernel", "full.sealed"},
	} {
		wantSet(t, name, goldenSource(t, cache.StoreAuto, append(files, name)...).Store(), goldenSet())
	}
	s := goldenSource(t, cache.StoreAuto, "store.none.json").Store()
	wantSet(t, "store.none.json", s, nil)
	write(t, s, goldenSet())
	if files, err := os.ReadDir(string(s.Dir)); err != nil || len(files) != 1 {
		t.Errorf("%d files are kept: %v", len(files), err)
	}
	// Without a session bus the kernel's keyring is chosen.
	s = goldenSource(t, cache.StoreAuto).Store()
	draft, err := s.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	draft.Discard(t.Context())
	text, err := os.ReadFile(filepath.Join(string(s.Dir), "store.json"))
	if err != nil {
		t.Fatal(err)
	}
	sameDocument(t, "store.kernel.json", text)
}
