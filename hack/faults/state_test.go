//go:build linux && faults

package faults

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func states() []row {
	return []row{
		{name: "D1 readable", injected: "each truncation, each byte flipped, file store", promise: "an answer or a miss; no crash, and after one login all calls succeed", play: damaged("file", ".plain")},
		{name: "D1 sealed", injected: "the same, kernel store", promise: "a miss; no crash, and after one login all calls succeed", play: damaged("kernel", ".kernel")},
		{name: "D1 beside", injected: "the same: record, who, ahead, store.json", promise: "no crash, no call blocked", play: damagedBeside},
	}
}

// damage is the n-th variant of a text: cut off there, or a bit of that byte
// flipped.
func damage(text []byte, n int) []byte {
	i := n / 2
	if n%2 == 0 {
		return text[:i]
	}
	spoilt := slices.Clone(text)
	spoilt[i] ^= 1 << (i % 8)
	return spoilt
}

// damaged gives each of two workers a machine of its own, and every other
// variant.
func damaged(store, suffix string) func(context.Context, *trial) {
	return func(ctx context.Context, t *trial) {
		var all sync.WaitGroup
		var tried atomic.Int32
		const workers = 2
		for worker := range workers {
			m := t.machine(oauthtest.Config{OpaqueAccess: true})
			m.Set("store", store)
			m.Set("scope", "offline_access")
			t.login(ctx, m)
			path, step := t.kept(m, suffix), workers*pick(37, 1)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v", err)
			}
			all.Go(func() {
				for n := worker * step / workers; n/2 < len(text) && ctx.Err() == nil; n += step {
					text = t.recovers(ctx, m, path, text, n)
					tried.Add(1)
				}
			})
		}
		all.Wait()
		t.Logf("%d variants", tried.Load())
	}
}

// recovers runs the program on damaged text, then logs in, and returns the text that is
// saved after that.
func (t *trial) recovers(ctx context.Context, m *testenv.Machine, path string, text []byte, n int) []byte {
	if n/2 >= len(text) {
		return text
	}
	if err := os.WriteFile(path, damage(text, n), 0o600); err != nil {
		t.Errorf("%v", err)
	}
	p := t.run(ctx, m, "token", "--interactive", "never", "--min-ttl", "0s")
	readable := strings.HasSuffix(path, ".plain")
	if crashed(p) || p.code != 3 && (p.code != 0 || !readable) {
		t.Errorf("variant %d of %s: %s", n, filepath.Ext(path), p)
	}
	if p.code == 0 { // the byte did not matter
		if !strings.Contains(string(text), strings.TrimSpace(p.stdout.String())) {
			t.Errorf("variant %d: another token is handed out", n)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Errorf("%v", err)
		}
		return text
	}
	if p := t.run(ctx, m, "login"); p.code != 0 {
		t.Errorf("variant %d: a login: %s", n, p)
	}
	if p := t.run(ctx, m, "token", "--interactive", "never", "--min-ttl", "0s"); p.code != 0 {
		t.Errorf("variant %d: after a login: %s", n, p)
	}
	if kept, err := os.ReadFile(path); err == nil {
		return kept
	}
	return text
}

// crashed reports whether Go ended the process rather than the program itself.
func crashed(p *process) bool {
	return p.code < 0 || strings.Contains(p.stderr.String(), "goroutine ") || strings.Contains(p.stderr.String(), "panic")
}

// damagedBeside damages the files that contain no token: the record of a failure, the name
// of the lock owner, the stamp of a background refresh, and the choice of store.
func damagedBeside(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	m.Set("store", "auto")
	t.login(ctx, m)
	suffix := ".kernel"
	if found, _ := filepath.Glob(filepath.Join(m.State(), "*"+suffix)); len(found) == 0 {
		t.Skip("needs the kernel's keyring")
	}
	t.age(ctx, m, 10*time.Minute)
	m.Server.Fail("token", oauthtest.Fault{Times: 1, Status: http.StatusServiceUnavailable})
	t.failed(t.run(ctx, m, "token"), 5)
	id := strings.TrimSuffix(t.kept(m, suffix), suffix)
	record, err := os.ReadFile(id + ".record")
	if err != nil {
		t.Fatalf("%v", err)
	}
	who := []byte(`{"pid":1,"host":"here","since":"2026-01-01T00:00:00Z","until":"2126-01-01T00:00:00Z"}`)
	tried := 0
	for path, text := range map[string][]byte{id + ".record": record, id + ".who": who, id + ".ahead": []byte("1\n"), m.State() + "/store.json": []byte(`{"store":"kernel"}`)} {
		for n := 0; n/2 < len(text); n += pick(9, 1) {
			t.beside(ctx, m, path, text, n)
			tried++
		}
	}
	t.Logf("%d variants", tried)
}

// beside runs the program with a damaged file beside an expired token: it must refresh, or
// report the failure in the file, and a login must succeed.
func (t *trial) beside(ctx context.Context, m *testenv.Machine, path string, text []byte, n int) {
	whole, _ := os.ReadFile(path)
	t.age(ctx, m, 10*time.Minute)
	if err := os.WriteFile(path, damage(text, n), 0o600); err != nil {
		t.Fatalf("%v", err)
	}
	p := t.run(ctx, m, "token", "--interactive", "never")
	if crashed(p) || p.code != 0 && p.code != 5 {
		t.Errorf("variant %d of %s: %s", n, filepath.Ext(path), p)
	}
	if p := t.run(ctx, m, "login"); p.code != 0 {
		t.Errorf("variant %d of %s: a login: %s", n, filepath.Ext(path), p)
	}
	if whole == nil || filepath.Ext(path) != ".json" {
		_ = os.Remove(path)
		return
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatalf("%v", err)
	}
}
