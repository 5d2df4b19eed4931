//go:build unix

package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func init() {
	// save keeps a token in a directory, under a umask.
	roles["save"] = func(args []string) error {
		umask, err := strconv.ParseInt(args[1], 8, 0)
		if err != nil {
			return err
		}
		syscall.Umask(int(umask))
		s := newStore(Dir(args[0]), StoreFile, nil, testKey())
		for range 2 { // the second time everything is there
			unlock, err := s.Lock(context.Background())
			if err != nil {
				return err
			}
			d, err := s.Prepare(context.Background())
			if err != nil {
				return err
			}
			if err := d.Save(testToken(noon)); err != nil {
				return err
			}
			unlock()
		}
		return nil
	}
	// prepare gets ready to keep a token, says so, and goes no further.
	roles["prepare"] = func(args []string) error {
		s := newStore(Dir(args[0]), StoreFile, nil, testKey())
		if _, err := s.Lock(context.Background()); err != nil {
			return err
		}
		if _, err := s.Prepare(context.Background()); err != nil {
			return err
		}
		fmt.Println("prepared")
		select {}
	}
	// full tries to prepare where no file can grow over 4 kB.
	roles["full"] = func(args []string) error {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4096, Max: 4096}); err != nil {
			return err
		}
		_, err := newStore(Dir(args[0]), StoreFile, nil, testKey()).Prepare(context.Background())
		var se *StoreError
		if !errors.As(err, &se) {
			return fmt.Errorf("prepared on a full disk: %v", err)
		}
		return nil
	}
}

func wantStoreError(t *testing.T, what string, err error) {
	t.Helper()
	var se *StoreError
	if !errors.As(err, &se) || se.Problem == "" || strings.Contains(se.Problem, "\n") {
		t.Errorf("%s: %v, want a StoreError of one line", what, err)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	check(t, err)
	return info.Mode()
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	if got := mode(t, path); got != want {
		t.Errorf("%s has mode %v, want %v", filepath.Base(path), got, want)
	}
}

// asRoot skips what only root can prepare.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
}

const nobody = 65534

// kinds are what may stand where a file of ours is expected.
var kinds = map[string]func(t *testing.T, path string, content []byte){
	"a symlink to a good file": func(t *testing.T, path string, content []byte) {
		check(t, os.WriteFile(path+".real", content, 0o600))
		check(t, os.Symlink(path+".real", path))
	},
	"a symlink to nothing": func(t *testing.T, path string, _ []byte) { check(t, os.Symlink(path+".none", path)) },
	"a FIFO":               func(t *testing.T, path string, _ []byte) { check(t, syscall.Mkfifo(path, 0o600)) },
	"a directory":          func(t *testing.T, path string, _ []byte) { check(t, os.Mkdir(path, 0o700)) },
	"a hard link": func(t *testing.T, path string, content []byte) {
		check(t, os.WriteFile(path, content, 0o600))
		check(t, os.Link(path, path+".second"))
	},
	"another user's file": func(t *testing.T, path string, content []byte) {
		asRoot(t)
		check(t, os.WriteFile(path, content, 0o600))
		check(t, os.Chown(path, nobody, nobody))
	},
}

func TestNothingIsReadButAFileOfOurs(t *testing.T) {
	readable := func(perm fs.FileMode) func(*testing.T, string, []byte) {
		return func(t *testing.T, path string, content []byte) {
			check(t, os.WriteFile(path, content, 0o600))
			check(t, os.Chmod(path, perm))
		}
	}
	cases := map[string]func(*testing.T, string, []byte){
		"readable by the group": readable(0o640), "writable by the group": readable(0o620),
		"readable by all": readable(0o604), "writable by all": readable(0o602),
	}
	for what, prepare := range kinds {
		cases[what] = prepare
	}
	good := fileStore(t)
	keep(t, good, testToken(noon))
	content, err := os.ReadFile(good.Dir.path(good.name()))
	check(t, err)
	for what, prepare := range cases {
		t.Run(what, func(t *testing.T) {
			s := fileStore(t)
			check(t, s.Dir.make())
			prepare(t, s.Dir.path(s.name()), content)
			within(t, what, func() {
				token, err := s.Load(t.Context())
				wantStoreError(t, what, err)
				if token != nil {
					t.Error("a token all the same")
				}
			})
		})
	}
}

// A file that another process replaces while we read it has no name any more,
// and is as good as before.
func TestAReplacedFileIsStillOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	check(t, err)
	defer f.Close()
	check(t, os.Remove(path))
	info, err := f.Stat()
	check(t, err)
	if !ownedByUser(info) {
		t.Error("it is refused")
	}
}

func TestTheStateDirectory(t *testing.T) {
	write := func(d Dir) error {
		r, err := d.replace("file", newSuffix, 10)
		if err == nil {
			err = r.commit([]byte("text"))
		}
		return err
	}
	t.Run("is made", func(t *testing.T) {
		d := stateDir(t)
		check(t, write(d))
		wantMode(t, string(d), 0o700|fs.ModeDir)
		wantMode(t, filepath.Dir(string(d)), 0o700|fs.ModeDir)
	})
	t.Run("is not made by reading", func(t *testing.T) {
		s := fileStore(t)
		if load(t, s) != nil {
			t.Error("a token out of nothing")
		}
		if _, err := os.Stat(string(s.Dir)); !errors.Is(err, fs.ErrNotExist) {
			t.Error("the directory was made")
		}
	})
	for _, perm := range []fs.FileMode{0o755, 0o777, 0o710, 0o701} {
		t.Run(fmt.Sprintf("of ours with mode %o is repaired", perm), func(t *testing.T) {
			for what, use := range map[string]func(Dir) error{"write": write, "lock": func(d Dir) error { _, err := d.lock(t.Context(), "lock"); return err }} {
				d := Dir(t.TempDir())
				check(t, os.Chmod(string(d), perm))
				if err := use(d); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				wantMode(t, string(d), 0o700|fs.ModeDir)
			}
		})
	}
	refused := map[string]func(t *testing.T) Dir{
		"that is relative":  func(*testing.T) Dir { return "state" },
		"that is not known": func(*testing.T) Dir { return "" },
		"that is a file": func(t *testing.T) Dir {
			p := filepath.Join(t.TempDir(), "f")
			check(t, os.WriteFile(p, nil, 0o600))
			return Dir(p)
		},
		"that is below a file": func(t *testing.T) Dir {
			p := filepath.Join(t.TempDir(), "f")
			check(t, os.WriteFile(p, nil, 0o600))
			return Dir(p + "/d")
		},
		"that is a symlink": func(t *testing.T) Dir {
			p := filepath.Join(t.TempDir(), "link")
			check(t, os.Symlink(t.TempDir(), p))
			return Dir(p)
		},
		"that is a symlink to nothing": func(t *testing.T) Dir {
			p := filepath.Join(t.TempDir(), "link")
			check(t, os.Symlink(p+".none", p))
			return Dir(p)
		},
		"of another user": func(t *testing.T) Dir {
			asRoot(t)
			p := t.TempDir()
			check(t, os.Chown(p, nobody, nobody))
			return Dir(p)
		},
		"in another user's home, as under sudo": func(t *testing.T) Dir {
			asRoot(t)
			p := t.TempDir()
			check(t, os.Chown(p, nobody, nobody))
			return Dir(p + "/state/d")
		},
		"that is not writable": func(t *testing.T) Dir {
			if os.Geteuid() == 0 {
				t.Skip("nothing is unwritable for root")
			}
			p := t.TempDir()
			check(t, os.Chmod(p, 0o500))
			return Dir(p + "/d")
		},
	}
	for what, prepare := range refused {
		t.Run(what+" is refused", func(t *testing.T) {
			d := prepare(t)
			wantStoreError(t, "write", write(d))
			_, err := d.lock(t.Context(), "lock")
			wantStoreError(t, "lock", err)
			if made, err := os.ReadDir(string(d)); err == nil && len(made) > 0 {
				t.Errorf("%v was made in it", made)
			}
			if filepath.IsAbs(string(d)) {
				return
			}
			if _, err := os.Lstat("state"); err == nil {
				t.Error("a directory was made where we are")
			}
		})
	}
}

func TestModesUnderAnyUmask(t *testing.T) {
	for _, umask := range []string{"000", "022", "077", "777"} {
		t.Run(umask, func(t *testing.T) {
			s := fileStore(t)
			check(t, process(t, "save", string(s.Dir), umask).Run())
			wantMode(t, string(s.Dir), 0o700|fs.ModeDir)
			entries, err := os.ReadDir(string(s.Dir))
			check(t, err)
			if len(entries) != 3 {
				t.Errorf("not a token and two locks: %v", entries)
			}
			for _, e := range entries {
				wantMode(t, s.Dir.path(e.Name()), 0o600)
			}
			if load(t, s) == nil {
				t.Error("nothing was kept")
			}
		})
	}
}

func read(t *testing.T, d Dir, name string) string {
	t.Helper()
	content, err := d.read(name)
	check(t, err)
	return string(content)
}

func TestReplace(t *testing.T) {
	d := stateDir(t)
	for _, content := range []string{"old", strings.Repeat("longer than prepared ", 10), "", "short"} {
		r, err := d.replace("file", newSuffix, 100)
		check(t, err)
		wantMode(t, d.path("file.new"), 0o600)
		if info, err := os.Stat(d.path("file.new")); err != nil || info.Size() != 100 {
			t.Errorf("the space is not taken: %v, %v", info, err)
		}
		check(t, r.commit([]byte(content)))
		if got := read(t, d, "file"); got != content {
			t.Errorf("%q, want %q", got, content)
		}
		wantMode(t, d.path("file"), 0o600)
	}
	r, err := d.replace("file", newSuffix, 100)
	check(t, err)
	if got := read(t, d, "file"); got != "short" {
		t.Errorf("while it is prepared: %q", got)
	}
	r.discard()
	if got := read(t, d, "file"); got != "short" {
		t.Errorf("after discard: %q", got)
	}
	entries, err := os.ReadDir(string(d))
	check(t, err)
	if len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
}

func TestCommitThatFailsLeavesNothing(t *testing.T) {
	d := stateDir(t)
	r, err := d.replace("file", newSuffix, 100)
	check(t, err)
	check(t, os.MkdirAll(d.path("file/x"), 0o700)) // which no file can take the place of
	if err := r.commit([]byte("text")); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("no error of one line: %v", err)
	}
	if _, err := os.Lstat(d.path("file.new")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the unfinished file is left")
	}
}

// Whoever reads finds all of the old or all of the new.
func TestReplaceIsAtomic(t *testing.T) {
	d := stateDir(t)
	contents := [][]byte{bytes.Repeat([]byte("a"), 10_000), bytes.Repeat([]byte("b"), 50_000), bytes.Repeat([]byte("c"), 3)}
	put := func(i int) {
		r, err := d.replace("file", newSuffix, 20_000)
		check(t, err)
		check(t, r.commit(contents[i%3]))
	}
	put(0)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				content, err := d.read("file")
				if err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(content, contents[0]) && !bytes.Equal(content, contents[1]) && !bytes.Equal(content, contents[2]) {
					t.Errorf("%d bytes of neither", len(content))
					return
				}
			}
		})
	}
	for i := range 60 {
		put(i)
	}
	close(done)
	readers.Wait()
}

func TestLeftoverDoesNoHarm(t *testing.T) {
	leftovers := map[string]func(t *testing.T, path string, content []byte){
		"rubbish": func(t *testing.T, path string, _ []byte) {
			check(t, os.WriteFile(path, []byte("rubbish that is longer than what is written"), 0o644))
		},
	}
	for what, prepare := range kinds {
		leftovers[what] = prepare
	}
	for what, prepare := range leftovers {
		t.Run(what, func(t *testing.T) {
			d := stateDir(t)
			check(t, d.make())
			prepare(t, d.path("file.new"), []byte("a victim"))
			within(t, what, func() {
				r, err := d.replace("file", newSuffix, 10)
				check(t, err)
				check(t, r.commit([]byte("new")))
			})
			if got := read(t, d, "file"); got != "new" {
				t.Errorf("%q", got)
			}
			for _, victim := range []string{"file.new.real", "file.new.second"} {
				if content, err := os.ReadFile(d.path(victim)); err == nil && string(content) != "a victim" {
					t.Errorf("%s was written to: %q", victim, content)
				}
			}
		})
	}
}

// startedSaying starts a process and waits until it has said its first line.
func startedSaying(t *testing.T, cmd *exec.Cmd, want string) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := make([]byte, len(want)+1)
	within(t, "waiting for "+want, func() {
		if n, err := out.Read(line); err != nil || string(line[:n]) != want+"\n" {
			t.Errorf("it says %q, %v", line[:n], err)
		}
	})
}

func TestKilledBeforeItSaved(t *testing.T) {
	s := fileStore(t)
	keep(t, s, testToken(noon))
	cmd := process(t, "prepare", string(s.Dir))
	startedSaying(t, cmd, "prepared")
	check(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if got := load(t, s); got == nil || !got.Obtained.Equal(noon) {
		t.Error("the old token is lost")
	}
	if _, err := os.Lstat(s.Dir.path(s.name() + ".new")); err != nil {
		t.Fatalf("it leaves nothing unfinished, this test shows nothing: %v", err)
	}
	stores, err := List(s.Dir, nil)
	check(t, err)
	if len(stores) != 1 {
		t.Errorf("%d logins are listed", len(stores))
	}
	within(t, "the next one", func() {
		unlock, err := s.Lock(t.Context())
		check(t, err)
		defer unlock()
		keep(t, s, testToken(noon.Add(time.Hour)))
	})
	if got := load(t, s); got == nil || !got.Obtained.Equal(noon.Add(time.Hour)) {
		t.Error("the new token is not kept")
	}
	check(t, s.Delete(t.Context()))
	if load(t, s) != nil {
		t.Error("deleted, and still there")
	}
	check(t, s.Delete(t.Context())) // what is not there is deleted
}

func TestAFullDiskIsFoundBeforeAnythingIsSpent(t *testing.T) {
	s := fileStore(t)
	keep(t, s, testToken(noon))
	check(t, process(t, "full", string(s.Dir)).Run())
	entries, err := os.ReadDir(string(s.Dir))
	check(t, err)
	if len(entries) != 1 || load(t, s) == nil {
		t.Errorf("not as it was: %v", entries)
	}
}

func TestList(t *testing.T) {
	dir := stateDir(t)
	if stores, err := List(dir, nil); err != nil || len(stores) != 0 {
		t.Errorf("no directory: %v, %v", stores, err)
	}
	for _, account := range []string{"alice", "bob"} {
		s := newStore(dir, StoreFile, nil, keyFor(account))
		unlock, err := s.Lock(t.Context())
		check(t, err)
		keep(t, s, testToken(noon))
		unlock()
	}
	check(t, os.WriteFile(dir.path("x.sealed"), []byte("damaged"), 0o600))
	check(t, os.WriteFile(dir.path("notes.txt"), nil, 0o644))
	stores, err := List(dir, nil)
	check(t, err)
	accounts, damaged := map[string]bool{}, 0
	for _, s := range stores {
		if s.Header.Server == "(damaged)" {
			damaged++
			continue
		}
		accounts[s.Header.Account] = true
		if s.ID != keyFor(s.Header.Account).ID() || s.Kind != StoreFile || load(t, s) == nil {
			t.Errorf("%+v", s)
		}
	}
	if len(accounts) != 2 || damaged != 1 || !accounts["alice"] || !accounts["bob"] {
		t.Errorf("listed: %v", accounts)
	}
}

// What a hint says to paste must not run anything else.
func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		"/home/alice/.local/state/x_1-2": "/home/alice/.local/state/x_1-2",
		"/home/a b/x":                    `'/home/a b/x'`,
	} {
		if got := quote(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"/a b", "/a$(touch run)b", "/a`touch run`b", "/a'b", `/a"b`, `/a\b`, "/a;touch run", "/ä", "/a!b"} {
		dir := t.TempDir()
		cmd := exec.Command("sh", "-c", "printf %s "+quote(path))
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil || string(out) != path {
			t.Errorf("%s is pasted as %s, which a shell takes for %q, %v", path, quote(path), out, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "run")); err == nil {
			t.Errorf("%s is pasted as %s, which runs a command", path, quote(path))
		}
	}
}
