//go:build linux && faults

package faults

import (
	"context"
	"os"
	"path/filepath"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func keyrings() []row {
	return []row{{name: "C10 keyring", injected: "no keyring; a real one locked, stopped, dead", promise: "status 6 within 3 s, no browser, no bus started; nothing is lost", play: keyringTrouble}}
}

func keyringTrouble(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	m.Set("store", "keyring")
	launched := t.launcher(m)
	t.refusedByStore(ctx, m, "token")
	m.Env = append(m.Env, "DBUS_SESSION_BUS_ADDRESS=")
	t.refusedByStore(ctx, m, "token")

	bus, err := desktop.StartBus(ctx, m.Dir)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer bus.Close()
	keyring, err := bus.StartKeyring(ctx, m.Dir, "password")
	if err != nil {
		t.Fatalf("%v", err)
	}
	m.Env = append(m.Env, bus.Env()...)
	t.login(ctx, m)
	for _, trouble := range []struct{ begin, end func() error }{
		{func() error { return keyring.Lock(ctx) }, func() error { return keyring.Unlock(ctx) }},
		{keyring.Stop, keyring.Continue},
		{keyring.Close, func() error { return nil }},
	} {
		if err := trouble.begin(); err != nil {
			t.Fatalf("%v", err)
		}
		t.refusedByStore(ctx, m, "login", "--account", "new")
		if err := trouble.end(); err != nil {
			t.Fatalf("%v", err)
		}
	}
	t.opened(m, 1)
	if exists(launched) {
		t.Errorf("dbus-launch was run")
	}
}

// refusedByStore runs the program, which must end soon with status 6.
func (t *trial) refusedByStore(ctx context.Context, m *testenv.Machine, args ...string) {
	p := t.run(ctx, m, args...)
	t.failed(p, 6)
	if p.took() > soon {
		t.Errorf("it ended after %s", p.took())
	}
}

// launcher puts a dbus-launch on the machine's PATH that leaves a trace.
func (t *trial) launcher(m *testenv.Machine) (trace string) {
	trace = filepath.Join(m.Dir, "launched")
	bin := filepath.Join(m.Dir, "bin")
	err := os.Mkdir(bin, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\ntouch "+trace+"\n"), 0o700)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	m.Env = append(m.Env, "PATH="+bin+":"+os.Getenv("PATH"))
	return trace
}
