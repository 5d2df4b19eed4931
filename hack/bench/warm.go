package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// execInfo is what client-go sets for each call of a credential plugin.
const execInfo = `KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}` + "\n"

// row is a call that is measured. The binaries are copies of one program.
type row struct {
	name     string
	limits   string
	binaries []string
	args     []string
	env      []string
}

// pair is the time of a hello world, and of the call right after it.
type pair struct{ hello, call time.Duration }

// warm measures calls that find a valid token, and prints the table of them.
func (b *bench) warm(ctx context.Context) error {
	rows := []row{
		{name: "Go hello world", binaries: b.hello},
		{name: "kubernetes", limits: "goal 1.60, at most 1.90", binaries: b.ours, args: []string{"kubernetes"}, env: append(slices.Clone(b.machine.Env), execInfo)},
	}
	switch path, err := exec.LookPath("kubelogin"); {
	case err != nil:
		fmt.Println("not measured: kubelogin (it is not on PATH)")
	default:
		kubelogin, err := b.kubelogin(ctx, path)
		if err != nil {
			return err
		}
		rows = append(rows, kubelogin)
	}
	b.machine.Server.ResetCounts()
	pairs, err := b.measure(ctx, rows)
	if err != nil {
		return err
	}
	for i, r := range rows {
		report(r.name, r.limits, pairs[i])
	}
	if n := b.machine.Server.Count("token"); n > 0 {
		return fmt.Errorf("warm calls sent %d token requests", n)
	}
	return nil
}

// kubelogin logs in with kubelogin, and returns its row.
func (b *bench) kubelogin(ctx context.Context, path string) (row, error) {
	home, err := os.MkdirTemp(b.dir, "kubelogin")
	if err != nil {
		return row{}, err
	}
	browser := filepath.Join(home, "browser") // --browser-command takes no arguments
	if err := os.WriteFile(browser, []byte("#!/bin/sh\nexec "+b.machine.Browser()+` "$@"`+"\n"), 0o700); err != nil {
		return row{}, err
	}
	r := row{
		name:     "kubelogin",
		binaries: []string{path},
		args: []string{
			"get-token", "--oidc-issuer-url=" + b.machine.Server.URL, "--oidc-client-id=" + oauthtest.PublicClient, "--oidc-pkce-method=S256",
			"--token-cache-dir=" + home, "--browser-command=" + browser,
		},
		env: append(slices.Clone(b.machine.Env), "HOME="+home),
	}
	login := exec.CommandContext(ctx, path, r.args...)
	login.Env = r.env
	testenv.OwnSession(login)
	return r, runQuiet(login)
}

// measure returns the pairs of each row. Each round runs every row once, in a
// random order, because a call is some percent faster after a call of the same binary.
func (b *bench) measure(ctx context.Context, rows []row) ([][]pair, error) {
	pairs := make([][]pair, len(rows))
	warmUp := b.rounds/10 + 1
	for round := range warmUp + b.rounds {
		for _, i := range rand.Perm(len(rows)) {
			p, err := b.run(ctx, rows[i], round)
			if err != nil {
				return nil, err
			}
			if round >= warmUp {
				pairs[i] = append(pairs[i], p)
			}
		}
	}
	return pairs, nil
}

// run measures a row once, with the program pair as the parent.
func (b *bench) run(ctx context.Context, r row, round int) (p pair, err error) {
	argv := append([]string{b.hello[round%copies], r.binaries[round%len(r.binaries)]}, r.args...)
	cmd := exec.CommandContext(ctx, b.pairProgram, argv...)
	cmd.Env = r.env
	testenv.OwnSession(cmd)
	out, err := cmd.Output()
	if err != nil {
		return p, fmt.Errorf("%s: %w", r.name, err)
	}
	_, err = fmt.Sscan(string(out), &p.hello, &p.call)
	return p, err
}

// report prints a line of the table: the median of the ratios, which single slow
// runs do not change.
func report(name, limits string, pairs []pair) {
	ratios, times := make([]float64, len(pairs)), make([]time.Duration, len(pairs))
	for i, p := range pairs {
		ratios[i], times[i] = float64(p.call)/float64(p.hello), p.call
	}
	slices.Sort(ratios)
	slices.Sort(times)
	fmt.Printf("%-26s %5.2f hello worlds  %8.2f ms  %s\n", name, ratios[len(ratios)/2], 1e3*times[len(times)/2].Seconds(), limits)
}
