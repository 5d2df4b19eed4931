// Command mutate proves the tests: each mutant is a one-line fault, and each
// must turn the suite red. One that survives names a missing test.
//
//	go run ./hack/mutate           # all of them
//	go run ./hack/mutate browser   # those whose name has the word
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, words []string) error {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var tried, survived int
	for _, m := range mutants() {
		if len(words) > 0 && !strings.Contains(m.name, words[0]) {
			continue
		}
		tried++
		verdict, err := m.try(ctx, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if verdict == "SURVIVED" {
			survived++
		}
		fmt.Printf("%-9s %-55s %s\n", verdict, m.name, m.file)
	}
	fmt.Printf("%d mutants, %d survived\n", tried, survived)
	if survived > 0 {
		return fmt.Errorf("%d mutants survived: the tests miss something", survived)
	}
	return nil
}

// mutant is a fault: in file, old becomes new. The tests that run matches in the
// packages pkg must then fail.
type mutant struct {
	name, file, old, new string
	pkg, run             string
}

// try runs the tests with the fault in place, which leaves the tree as it is.
func (m mutant) try(ctx context.Context, dir string) (verdict string, err error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s has %d places that read %q, not 1", m.file, n, m.old)
	}
	mutated, overlay := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600); err != nil {
		return "", err
	}
	path, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	document, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, document, 0o600); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "vet", "-overlay", overlay, m.pkg)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the mutant does not compile: %s", out)
	}
	test := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-count=1", "-failfast", "-timeout=3m", "-run", m.run, m.pkg)
	out, err := test.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case strings.Contains(string(out), "no tests to run"):
		return "", fmt.Errorf("no test of %s matches %s", m.pkg, m.run)
	case err == nil:
		return "SURVIVED", nil
	}
	return "killed", nil
}
