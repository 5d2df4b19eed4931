//go:build linux && faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func files() []row {
	return []row{
		{name: "C8 names", injected: "links, FIFO, device, 0666, … at each file's name", promise: "refused or a miss, never a hang; the target of a link does not change; after its removal all calls succeed", play: names},
		{name: "C8 directory", injected: "the state directory: a link, 0777, another user's", promise: "0777 is put right, the others are refused with status 6", play: directories},
	}
}

// thing is put in the place of one of the program's files. victim is a file that
// the program must not change.
type thing struct {
	name string
	root bool // only root can make it
	put  func(path, victim string) error
}

func things() []thing {
	file := func(path string, mode os.FileMode) error {
		text, err := os.ReadFile(path) // the old content, so that the file is otherwise valid
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, mode))
	}
	away := func(put func(path, victim string) error) func(path, victim string) error {
		return func(path, victim string) error { return errors.Join(os.RemoveAll(path), put(path, victim)) }
	}
	return []thing{
		{"a symlink", false, away(func(path, victim string) error { return os.Symlink(victim, path) })},
		{"a symlink to nothing", false, away(func(path, victim string) error { return os.Symlink(victim+".made", path) })},
		{"a hard link", false, away(func(path, victim string) error { return os.Link(victim, path) })},
		{"a FIFO", false, away(func(path, _ string) error { return syscall.Mkfifo(path, 0o600) })},
		{"a directory", false, away(func(path, _ string) error { return os.Mkdir(path, 0o700) })},
		{"a socket", false, away(func(path, _ string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0) })},
		{"a file that all may write", false, func(path, _ string) error { return file(path, 0o666) }},
		{"an empty file", false, away(func(path, _ string) error { return os.WriteFile(path, nil, 0o600) })},
		{"another user's file", true, func(path, _ string) error { return errors.Join(file(path, 0o600), os.Chown(path, 1, 1)) }},
		{"a device", true, away(func(path, _ string) error { return syscall.Mknod(path, syscall.S_IFCHR|0o600, 1<<8|5) })}, // zero
	}
}

// names puts each thing in the place of each file, for a refresh and a login.
func names(ctx context.Context, t *trial) {
	const lifetime = 20 * time.Minute
	m := t.loggedIn(ctx, oauthtest.Config{NoRotation: true, AccessLifetime: lifetime, IDLifetime: lifetime})
	kept := t.kept(m, ".plain")
	t.age(ctx, m, lifetime*82/100)
	late := t.read(kept)
	t.age(ctx, m, lifetime)
	text := t.read(kept)
	id := strings.TrimSuffix(kept, ".plain")
	var number int
	for _, suffix := range []string{".plain", ".plain.try", ".plain.new", ".lock", ".spend", ".record", ".record.new", ".who", ".ahead", ".bad", "store.json"} {
		path := id + suffix
		if suffix == "store.json" {
			path = filepath.Join(m.State(), suffix)
		}
		for _, thing := range things() {
			if number++; thing.root && os.Geteuid() != 0 || !*long && number%3 != 0 {
				continue
			}
			for _, args := range [][]string{{"token", "--interactive", "never"}, {"login", "--reuse-window", "0s"}} {
				t.reset(m, kept, text)
				t.replaced(ctx, m, thing, path, args...)
			}
			if suffix == ".ahead" { // a warm call reads it
				t.reset(m, kept, late)
				t.replaced(ctx, m, thing, path, "token", "--min-ttl", "0s")
			}
		}
	}
}

func (t *trial) read(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return text
}

// reset replaces the state directory by a new one with one file in it.
func (t *trial) reset(m *testenv.Machine, path string, text []byte) {
	err := os.RemoveAll(m.State())
	if err == nil {
		err = os.Mkdir(m.State(), 0o700)
	}
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// replaced runs the program with a thing at path, and again without it.
func (t *trial) replaced(ctx context.Context, m *testenv.Machine, thing thing, path string, args ...string) {
	victim := filepath.Join(m.Dir, "victim")
	old := time.Now().Add(-time.Hour) // so that the program does not take it for a recent stamp
	if err := errors.Join(os.RemoveAll(victim), os.WriteFile(victim, []byte("precious"), 0o600), os.Chtimes(victim, old, old)); err != nil {
		t.Fatalf("%v", err)
	}
	if err := thing.put(path, victim); err != nil {
		t.Fatalf("%s: %v", thing.name, err)
	}
	what := fmt.Sprintf("%s at %s, %s", thing.name, filepath.Base(path)[max(0, len(filepath.Base(path))-12):], args[0])
	p := t.run(ctx, m, args...)
	if p.took() > soon || p.code != 0 && p.code != 3 && p.code != 6 {
		t.Errorf("%s: %s", what, p)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("%s: the file behind the link reads %q", what, text)
	}
	if exists(victim + ".made") {
		t.Errorf("%s: a file was made behind the link", what)
		_ = os.Remove(victim + ".made")
	}
	_ = os.RemoveAll(path)
	if p := t.run(ctx, m, "login"); p.code != 0 {
		t.Errorf("%s, and then without it: %s", what, p)
	}
}

func directories(ctx context.Context, t *trial) {
	m := t.loggedIn(ctx, oauthtest.Config{})
	if err := os.Chmod(m.State(), 0o777); err != nil {
		t.Fatalf("%v", err)
	}
	t.age(ctx, m, 10*time.Minute)
	t.answered([]*process{t.run(ctx, m, "token")})
	if info, err := os.Stat(m.State()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory's mode is %v", info.Mode())
	}
	elsewhere := m.Dir + "/elsewhere"
	if err := errors.Join(os.Rename(m.State(), elsewhere), os.Symlink(elsewhere, m.State())); err != nil {
		t.Fatalf("%v", err)
	}
	t.failed(t.run(ctx, m, "login", "--account", "new"), 6)
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Remove(m.State()), os.Rename(elsewhere, m.State()), os.Chown(m.State(), 1, 1)); err != nil {
			t.Fatalf("%v", err)
		}
		t.failed(t.run(ctx, m, "login", "--account", "new"), 6)
	}
	t.opened(m, 1)
}
