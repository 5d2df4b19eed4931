package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
)

// The goals of a warm answer: 1.5 is aimed at, 1.8 must hold; protocols other
// than kubernetes have 5 % more.
const (
	warmGoal = 1.5
	warmGate = 1.8
	other    = 1.05
	fileGoal = 1.6
	firstTo  = 5
)

// execInfo is what client-go sends.
const execInfo = `KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}` + "\n" // as client-go writes it

// rows are those that are measured one by one.
func (b *bench) rows(ctx context.Context) ([]row, error) {
	rows := []row{{name: "Go hello world", binary: b.hello}}
	for _, set := range []func(context.Context) ([]row, error){b.kernelRows, b.keyringRows, b.fileRows, b.peerRows} {
		more, err := set(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range more {
			if b.wants(r.name) {
				rows = append(rows, r)
			}
		}
	}
	return rows, nil
}

// warm is a row of ours.
func (b *bench) warm(m *testenv.Machine, name string, goal, gate float64, args ...string) row {
	return row{name: name, goal: goal, gate: gate, binary: b.ours, args: args, env: m.Env}
}

// kernelRows have the token sealed, and the key to it in the kernel's keyring.
func (b *bench) kernelRows(ctx context.Context) ([]row, error) {
	m, err := b.loggedIn(ctx, "kernel")
	if err != nil {
		b.note("skipped, the rows of --store kernel: %v", err)
		return nil, nil
	}
	info := b.warm(m, "kubernetes, KUBERNETES_EXEC_INFO", warmGoal, warmGate, "kubernetes")
	info.env = append(info.env[:len(info.env):len(info.env)], execInfo)
	prof, err := b.profile(m)
	if err != nil {
		return nil, err
	}
	rows := []row{
		b.warm(m, "kubernetes", warmGoal, warmGate, "kubernetes"),
		info,
		prof,
		b.warm(m, "token", warmGoal*other, warmGate*other, "token"),
	}
	hosted, err := b.hosted(m, prof.env)
	return append(rows, hosted...), err
}

// hosted are the rows of callers that name a host, which the profile serves.
func (b *bench) hosted(m *testenv.Machine, env []string) (rows []row, err error) {
	for _, caller := range []struct {
		args []string
		in   string
	}{
		{[]string{"git", "get"}, "protocol=https\nhost=git.example.com\n"},
		{[]string{"docker", "get"}, "git.example.com"},
		{[]string{"bazel", "get"}, `{"uri":"https://git.example.com/x"}`},
		{[]string{"goauth"}, ""},
	} {
		r := b.warm(m, strings.Join(caller.args, " "), warmGoal*other, warmGate*other, caller.args...)
		r.env = env
		r.stdin = filepath.Join(m.Dir, caller.args[0]+".in")
		if err := os.WriteFile(r.stdin, []byte(caller.in), 0o600); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// profile is the row whose settings are in config.yaml.
func (b *bench) profile(m *testenv.Machine) (row, error) {
	r := b.warm(m, "kubernetes --profile", warmGoal, warmGate, "kubernetes", "--profile", "bench")
	lines := []string{"profiles:", "  bench:"}
	r.env = m.Env[:len(m.Env):len(m.Env)]
	for _, setting := range []string{"issuer", "client-id", "store"} {
		lines = append(lines, fmt.Sprintf("    %s: %s", setting, m.Get(setting)))
		r.env = append(r.env, testenv.Variable(setting)+"=")
	}
	lines = append(lines, "    serves: [git.example.com]")
	file := filepath.Join(m.Dir, "config", "flyte-credential-helper", "config.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return r, err
	}
	return r, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// keyringRows have the key in a real gnome-keyring, and for an hour in the
// kernel's.
func (b *bench) keyringRows(ctx context.Context) ([]row, error) {
	if missing := desktop.Missing(); len(missing) > 0 {
		b.note("skipped, the rows that need a Secret Service: not installed: %s", strings.Join(missing, ", "))
		return nil, nil
	}
	bus, err := desktop.StartBus(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	b.bus = bus
	if _, err := bus.StartKeyring(ctx, b.dir, "password"); err != nil {
		return nil, err
	}
	m, err := b.loggedIn(ctx, "keyring", bus.Env()...)
	if err != nil {
		return nil, err
	}
	first := b.warm(m, "kubernetes --store keyring, first call", firstTo, firstTo, "kubernetes")
	first.before, first.oneIn = m.ForgetKeys, 4
	return []row{b.warm(m, "kubernetes --store keyring", warmGoal, warmGate, "kubernetes"), first}, nil
}

func (b *bench) fileRows(ctx context.Context) ([]row, error) {
	m, err := b.loggedIn(ctx, "file")
	if err != nil {
		return nil, err
	}
	return []row{b.warm(m, "kubernetes --store file", fileGoal, fileGoal, "kubernetes")}, nil
}
