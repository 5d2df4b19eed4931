package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// copies is how many copies of a binary take turns. Two copies of one binary
// differ by some percent, with where they lie in the page cache.
const copies = 5

// lifetime is that of the tokens: no call is in the last fifth of it, where one
// of them starts a renewal.
const lifetime = 12 * time.Hour

// bench is one run of the benchmark.
type bench struct {
	dir    string
	rounds int
	word   string // which rows; empty: all

	beside      string   // the program that measures
	hello, ours []string // copies
	memory      string   // a runtime directory; empty: each machine has its own, on disk
	machines    []*testenv.Machine
	bus         *desktop.Bus
	endings     []func() error // undo what ends with no process
	notes       []string       // to print below the table
}

func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

func (b *bench) wants(name string) bool { return strings.Contains(name, b.word) }

func (b *bench) build(ctx context.Context) (err error) {
	if b.beside, err = testenv.BuildCommand(ctx, b.dir, "hack/bench/beside"); err != nil {
		return err
	}
	hello, err := testenv.BuildCommand(ctx, b.dir, "hack/bench/hello")
	if err != nil {
		return err
	}
	ours, err := testenv.Build(ctx, b.dir)
	if err != nil {
		return err
	}
	if b.hello, err = copyTimes(hello); err != nil {
		return err
	}
	b.ours, err = copyTimes(ours)
	return err
}

// copyTimes makes the copies of a binary, under its own name.
func copyTimes(program string) (paths []string, err error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	for i := range copies {
		path := filepath.Join(filepath.Dir(program), fmt.Sprint(i), filepath.Base(program))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, text, 0o700); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// machine makes a machine where nobody has logged in.
func (b *bench) machine() (*testenv.Machine, error) {
	m, err := testenv.New(b.dir, b.ours[0], oauthtest.Config{AccessLifetime: lifetime, IDLifetime: lifetime, RefreshLifetime: 3 * lifetime})
	if err != nil {
		return nil, err
	}
	b.machines = append(b.machines, m)
	if b.memory != "" {
		m.Env = append(m.Env, "XDG_RUNTIME_DIR="+b.memory)
	}
	return m, nil
}

// memory is where Linux has a file system in memory that is everybody's.
const memory = "/dev/shm"

// inMemory makes the machines' runtime directory in memory, where it is in life: to
// write a file on a disk takes longer than all else of a warm answer.
func (b *bench) inMemory() {
	dir, err := os.MkdirTemp(memory, "bench")
	if err != nil {
		b.note("the runtime directory is on disk: %v", err)
		return
	}
	b.memory = dir
	b.endings = append(b.endings, func() error { return os.RemoveAll(dir) })
}

// loggedIn makes a machine with the store, where somebody has logged in.
func (b *bench) loggedIn(ctx context.Context, store string, env ...string) (*testenv.Machine, error) {
	m, err := b.machine()
	if err != nil {
		return nil, err
	}
	m.Env = append(m.Env, env...)
	m.Set("store", store)
	if said, err := m.Command(ctx, "login").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("login with --store %s: %w: %s", store, err, oneLine(said))
	}
	b.endings = append(b.endings, func() error { // the kernel would keep the key
		said, err := m.Command(context.Background(), "logout").CombinedOutput()
		if err != nil {
			return fmt.Errorf("logout: %w: %s", err, oneLine(said))
		}
		return nil
	})
	m.Server.ResetCounts()
	return m, nil
}

func oneLine(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }

// measure measures every row.
func (b *bench) measure(ctx context.Context) ([]*result, error) {
	rows, err := b.rows(ctx)
	if err != nil {
		return nil, err
	}
	results, err := b.interleave(ctx, rows)
	if err != nil {
		return nil, err
	}
	storms, err := b.storms(ctx)
	if err != nil {
		return nil, err
	}
	b.note("requests that the servers saw of warm calls: %d", b.asked())
	return append(results, storms...), b.cold(ctx)
}

// asked is how many requests have reached the servers since the logins.
func (b *bench) asked() (n int) {
	for _, m := range b.machines {
		for _, kind := range []string{"discovery", "keys", "authorize", "token", "userinfo", "revoke"} {
			n += m.Server.Count(kind)
		}
	}
	return n
}

// close ends all that was started.
func (b *bench) close() (err error) {
	for _, end := range b.endings {
		err = errors.Join(err, end())
	}
	for _, m := range b.machines {
		err = errors.Join(err, m.Close())
	}
	if b.bus != nil {
		err = errors.Join(err, b.bus.Close())
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}
