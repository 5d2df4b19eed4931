//go:build unix

package cache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func init() {
	// hold holds a lock until its stdin ends.
	roles["hold"] = func(args []string) error {
		unlock, err := Dir(args[0]).lock(context.Background(), args[1])
		if err != nil {
			return err
		}
		defer unlock()
		fmt.Println("locked")
		_, err = io.Copy(io.Discard, os.Stdin)
		return err
	}
	// count adds one to the number in a file, a hundred times, under the lock.
	roles["count"] = func(args []string) error {
		d, file := Dir(args[0]), args[1]
		for range 100 {
			unlock, err := d.lock(context.Background(), "lock")
			if err != nil {
				return err
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(text))
			if err != nil {
				return err
			}
			if err := os.WriteFile(file, strconv.AppendInt(nil, int64(n+1), 10), 0o600); err != nil {
				return err
			}
			unlock()
		}
		return nil
	}
}

// holder is another process that has the lock, or waits for it.
type holder struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	said  chan string
}

func startHolder(t *testing.T, d Dir, name string) *holder {
	t.Helper()
	h := &holder{t: t, cmd: process(t, "hold", string(d), name), said: make(chan string, 1)}
	in, err := h.cmd.StdinPipe()
	check(t, err)
	h.stdin = in
	out, err := h.cmd.StdoutPipe()
	check(t, err)
	check(t, h.cmd.Start())
	t.Cleanup(h.kill)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		h.said <- line
	}()
	return h
}

// locked waits until h has the lock.
func (h *holder) locked() *holder {
	h.t.Helper()
	select {
	case line := <-h.said:
		if line != "locked\n" {
			h.t.Fatalf("the other process says %q", line)
		}
	case <-time.After(soon):
		h.t.Fatal("the other process does not get the lock")
	}
	return h
}

// release lets go of the lock and waits for h's end.
func (h *holder) release() {
	h.t.Helper()
	check(h.t, h.stdin.Close())
	check(h.t, h.cmd.Wait())
}

// kill is kill -9. It does no harm to one that has ended.
func (h *holder) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// waitOpened waits until this process has a file of that path open n times: on
// its way to wait for the lock.
func waitOpened(t *testing.T, path string, n int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		time.Sleep(200 * time.Millisecond)
		return
	}
	for deadline := time.Now().Add(soon); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		opened := 0
		links, err := filepath.Glob("/proc/self/fd/*")
		check(t, err)
		for _, link := range links {
			if to, err := os.Readlink(link); err == nil && to == path {
				opened++
			}
		}
		if opened >= n {
			return
		}
	}
	t.Fatalf("%s is not opened %d times", path, n)
}

func TestLockIsExclusive(t *testing.T) {
	d, file := stateDir(t), filepath.Join(t.TempDir(), "number")
	check(t, os.WriteFile(file, []byte("0"), 0o600))
	var counters sync.WaitGroup
	for range 6 {
		counters.Go(func() {
			if err := process(t, "count", string(d), file).Run(); err != nil {
				t.Error(err)
			}
		})
	}
	counters.Wait()
	if text, err := os.ReadFile(file); err != nil || string(text) != "600" {
		t.Errorf("6 processes counted to %s in hundreds, %v", text, err)
	}
	if info, err := os.Stat(d.path("lock")); err != nil || info.Size() != 0 {
		t.Errorf("the lock file is not empty, or gone: %v", err)
	}
}

var errGaveUp = errors.New("gave up")

// tryLock tries for a short while and tells whether it got the lock.
func tryLock(t *testing.T, d Dir, name string, patience time.Duration) (unlock func(), got bool) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errGaveUp)
	defer cancel()
	unlock, err := d.lock(ctx, name)
	if err != nil && !errors.Is(err, errGaveUp) {
		t.Fatal(err)
	}
	return unlock, err == nil
}

func TestLockWakesWhoWaits(t *testing.T) {
	d := stateDir(t)
	h := startHolder(t, d, "lock").locked()
	if _, got := tryLock(t, d, "lock", 50*time.Millisecond); got {
		t.Fatal("two processes hold the lock")
	}
	if unlock, got := tryLock(t, d, "another", soon); !got {
		t.Error("another login's lock is taken too")
	} else {
		unlock()
	}
	got := make(chan time.Time, 1)
	go func() {
		unlock, err := d.lock(t.Context(), "lock")
		got <- time.Now()
		if err != nil {
			t.Error(err)
			return
		}
		unlock()
	}()
	waitOpened(t, d.path("lock"), 2) // one has given up, and waits until it can let go
	select {
	case <-got:
		t.Fatal("two processes hold the lock")
	default:
	}
	let := time.Now()
	h.release()
	select {
	case at := <-got:
		t.Logf("woken %s after the release began", at.Sub(let))
	case <-time.After(soon):
		t.Fatal("nobody wakes who waits")
	}
}

func TestTheLockOfTheKilledIsFree(t *testing.T) {
	d := stateDir(t)
	for range 3 {
		h := startHolder(t, d, "lock").locked()
		next := startHolder(t, d, "lock")
		h.kill()
		next.locked().kill()
		if unlock, got := tryLock(t, d, "lock", soon); !got {
			t.Fatal("a dead process holds the lock")
		} else {
			unlock()
		}
	}
}

// Whoever gives up gives up at once, and does not get the lock later.
func TestLockEndsWithItsContext(t *testing.T) {
	d := stateDir(t)
	h := startHolder(t, d, "lock").locked()
	ctx, cancel := context.WithCancelCause(t.Context())
	failed := make(chan error, 10)
	for range cap(failed) {
		go func() {
			unlock, err := d.lock(ctx, "lock")
			if err == nil {
				unlock()
			}
			failed <- err
		}()
	}
	waitOpened(t, d.path("lock"), cap(failed))
	cancel(errGaveUp)
	for range cap(failed) {
		select {
		case err := <-failed:
			if !errors.Is(err, errGaveUp) {
				t.Errorf("%v, not the cause", err)
			}
		case <-time.After(soon):
			t.Fatal("it goes on waiting")
		}
	}
	h.release()
	startHolder(t, d, "lock").locked().release() // ten ghosts have passed it on, or will
	if unlock, got := tryLock(t, d, "lock", soon); !got {
		t.Error("a ghost holds the lock")
	} else {
		unlock()
	}
	// Nor does it for one whose context had ended before.
	for range 100 {
		if unlock, err := d.lock(ctx, "lock"); err == nil {
			unlock()
		}
	}
	startHolder(t, d, "lock").locked().release()
}

func TestNobodyLocksARemovedFile(t *testing.T) {
	d := stateDir(t)
	first := startHolder(t, d, "lock").locked()
	var free atomic.Bool
	got := make(chan bool, 1)
	go func() {
		unlock, err := d.lock(t.Context(), "lock")
		if err != nil {
			t.Error(err)
			return
		}
		got <- free.Load()
		unlock()
	}()
	waitOpened(t, d.path("lock"), 1)
	check(t, os.Remove(d.path("lock")))
	second := startHolder(t, d, "lock").locked() // of a new file
	first.release()
	select {
	case <-got:
		t.Fatal("two hold a lock of that name")
	case <-time.After(200 * time.Millisecond):
	}
	free.Store(true)
	second.release()
	select {
	case inTurn := <-got:
		if !inTurn {
			t.Error("two held a lock of that name")
		}
	case <-time.After(soon):
		t.Fatal("it does not lock the new file")
	}
}

func TestLockFileOfAnotherKind(t *testing.T) {
	for what, prepare := range kinds {
		t.Run(what, func(t *testing.T) {
			d := stateDir(t)
			check(t, d.make())
			prepare(t, d.path("lock"), []byte("a victim"))
			within(t, what, func() {
				unlock, err := d.lock(t.Context(), "lock")
				if err == nil {
					unlock()
				}
				wantStoreError(t, what, err)
			})
			if content, err := os.ReadFile(d.path("lock.real")); err == nil && string(content) != "a victim" {
				t.Errorf("what it points to is now %q", content)
			}
			if _, err := os.Lstat(d.path("lock.none")); err == nil {
				t.Error("what it points to was made")
			}
			if runtime.GOOS == "linux" {
				if links, _ := filepath.Glob("/proc/self/fd/*"); len(links) > 0 {
					for _, link := range links {
						if to, _ := os.Readlink(link); to == d.path("lock") {
							t.Error("it stays open")
						}
					}
				}
			}
		})
	}
	t.Run("readable by all", func(t *testing.T) {
		d := stateDir(t)
		check(t, d.make())
		check(t, os.WriteFile(d.path("lock"), nil, 0o600))
		check(t, os.Chmod(d.path("lock"), 0o644))
		unlock, err := d.lock(t.Context(), "lock")
		check(t, err)
		unlock()
		wantMode(t, d.path("lock"), fs.FileMode(0o600))
	})
}

// TestLockIsBoth: who deletes a login waits for who renews it, and for who still
// spends for somebody who is gone.
func TestLockIsBoth(t *testing.T) {
	s := fileStore(t)
	for name, take := range map[string]func(context.Context) (func(), error){"the leader's": s.lockLeader, "the spending lock": s.lockRedeem} {
		t.Run(name, func(t *testing.T) {
			unlock, err := take(t.Context())
			check(t, err)
			ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, ErrBusy)
			defer cancel()
			if _, err := s.Lock(ctx); !errors.Is(err, ErrBusy) {
				t.Errorf("it did not wait: %v", err)
			}
			unlock()
			both, err := s.Lock(t.Context())
			check(t, err)
			both()
		})
	}
}

// A port on which a login listens belongs to one login at a time.
func TestLockPort(t *testing.T) {
	d := stateDir(t)
	unlock, err := d.lockPort(t.Context(), 8000, false)
	check(t, err)
	if _, err := d.lockPort(t.Context(), 8000, false); !errors.Is(err, ErrBusy) {
		t.Errorf("two have the port: %v", err)
	}
	other, err := d.lockPort(t.Context(), 8001, false)
	check(t, err)
	other()
	ctx, cancel := context.WithCancelCause(t.Context())
	waits := make(chan error, 1)
	go func() { _, err := d.lockPort(ctx, 8000, true); waits <- err }()
	waitOpened(t, d.path("port-8000.lock"), 2)
	cancel(errGaveUp)
	if err := <-waits; !errors.Is(err, errGaveUp) {
		t.Errorf("%v", err)
	}
	got := make(chan func(), 1)
	go func() {
		unlock, err := d.lockPort(t.Context(), 8000, true)
		if err != nil {
			t.Error(err)
		}
		got <- unlock
	}()
	waitOpened(t, d.path("port-8000.lock"), 3) // one has given up, and waits until it can let go
	unlock()
	within(t, "the port", func() { (<-got)() })
}
