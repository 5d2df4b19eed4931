package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/zalando/go-keyring"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv/desktop"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Each call of the keyring is a process of its own here, as it is in life:
// go-keyring has one connection a process, to one bus, for good.
func init() {
	// keyring makes one call of a Keyring and prints its reply.
	roles["keyring"] = func(args []string) error {
		k := &Keyring{}
		if len(args) > 3 && args[3] == "attended" {
			k.Attended = func() bool { return true }
		}
		ctx, start := context.Background(), time.Now()
		var o reply
		var err error
		switch verb := args[0]; verb {
		case "get":
			var key []byte
			key, err = k.get(ctx, args[1])
			o.Key = key
		case "set":
			err = k.set(ctx, args[1], []byte(args[2]))
		case "delete":
			err = k.delete(ctx, args[1])
		case "raw": // as another program writes there
			err = keyring.Set(service, args[1], args[2])
		case "bare": // what happens without all that Keyring sees to
			_, err = keyring.Get(service, args[1])
		default:
			return errors.New("no such verb")
		}
		return o.print(err, start)
	}
	// sealed makes one call of a sealed Store: the set to save is at its stdin.
	roles["sealed"] = func(args []string) error {
		s := sealedStore(Dir(args[1]))
		ctx, start := context.Background(), time.Now()
		var o reply
		var err error
		switch args[0] {
		case "save", "discard":
			err = func() error {
				unlock, err := s.Lock(ctx)
				if err != nil {
					return err
				}
				defer unlock()
				d, err := s.Prepare(ctx)
				if err != nil {
					return err
				}
				if args[0] == "discard" {
					d.Discard(ctx)
					return nil
				}
				text, err := io.ReadAll(os.Stdin)
				if err != nil {
					return err
				}
				t, err := decode(text)
				if err != nil {
					return err
				}
				return d.Save(t)
			}()
		case "load":
			var t *oauth.Token
			if t, err = s.Load(ctx); t != nil {
				o.Set = encode(t)
			}
		case "delete":
			err = s.Delete(ctx)
		default:
			return errors.New("no such verb")
		}
		return o.print(err, start)
	}
}

// reply is how a call ended.
type reply struct {
	Kind    string // ok, no key, store error, or other
	Problem string
	Store   StoreKind
	Took    time.Duration
	Key     []byte `json:",omitempty"`
	Set     []byte `json:",omitempty"`
}

const (
	ok         = "ok"
	noKey      = "no key"
	storeError = "store error"
)

func (o reply) print(err error, start time.Time) error {
	o.Took = time.Since(start)
	var se *StoreError
	switch {
	case err == nil:
		o.Kind = ok
	case errors.Is(err, errNoKey):
		o.Kind = noKey
	case errors.As(err, &se):
		o.Kind, o.Problem, o.Store = storeError, se.Problem, se.Store
	default:
		o.Kind, o.Problem = "other", err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

func sealedStore(d Dir) *Store { return newStore(d, StoreKeyring, &Keyring{}, testKey()) }

const testItem = "https://id.example.com/alice/12345678"

// seat is where a person sits: a session bus, a keyring on it, or neither.
type seat struct {
	env  []string // besides PATH and HOME
	path string   // PATH
}

// call is one call of a process that sits there.
func (s seat) call(t *testing.T, stdin []byte, role string, args ...string) reply {
	t.Helper()
	cmd := process(t, role, args...)
	path := s.path
	if path == "" {
		path = os.Getenv("PATH")
	}
	cmd.Env = append([]string{"PATH=" + path, "HOME=" + t.TempDir(), roleVariable + "=" + role, "GORACE=atexit_sleep_ms=0"}, s.env...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.Output()
	var o reply
	if err != nil || json.Unmarshal(out, &o) != nil {
		t.Fatalf("%s %v: %q, %v", role, args, out, err)
	}
	return o
}

func (s seat) keyring(t *testing.T, args ...string) reply {
	t.Helper()
	return s.call(t, nil, "keyring", args...)
}

func (s seat) want(t *testing.T, kind string, args ...string) reply {
	t.Helper()
	o := s.keyring(t, args...)
	if o.Kind != kind {
		t.Errorf("%v: %s (%s), want %s", args, o.Kind, o.Problem, kind)
	}
	return o
}

// noKeyring wants each call to say that there is no OS keyring, and to suggest the kernel's
// keyring if this machine has one.
func (s seat) noKeyring(t *testing.T, problem string) {
	t.Helper()
	suggested := StoreFile
	if HasKernelKeyring() {
		suggested = StoreKernel
	}
	s.failsWith(t, problem, suggested)
}

// refuses wants each call to be a StoreError that suggests a file.
func (s seat) refuses(t *testing.T, problem string) {
	t.Helper()
	s.failsWith(t, problem, StoreFile)
}

func (s seat) failsWith(t *testing.T, problem string, suggested StoreKind) {
	t.Helper()
	var calls sync.WaitGroup
	for _, args := range [][]string{{"get", testItem}, {"set", testItem, "a key of any size"}, {"delete", testItem}} {
		calls.Go(func() {
			o := s.keyring(t, args...)
			if o.Kind != storeError || !strings.Contains(o.Problem, problem) || strings.Contains(o.Problem, "\n") {
				t.Errorf("%v: %s: %s, want a StoreError with %q", args, o.Kind, o.Problem, problem)
			}
			if o.Store != suggested {
				t.Errorf("%v: it names the store %q, not %s", args, o.Store, suggested)
			}
			if o.Took > soon {
				t.Errorf("%v: %s is too long", args, o.Took)
			}
		})
	}
	calls.Wait()
}

func requireDesktop(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("a private keyring can be started on Linux only")
	}
	if missing := desktop.Missing(); len(missing) > 0 {
		t.Fatalf("the keyring's tests need %s: run hack/check", strings.Join(missing, ", "))
	}
}

// startDesktop starts a bus with a real keyring.
func startDesktop(t *testing.T) (seat, *desktop.Bus, *desktop.Keyring) {
	t.Helper()
	requireDesktop(t)
	b, err := desktop.StartBus(t.Context(), t.TempDir())
	check(t, err)
	t.Cleanup(func() { _ = b.Close() })
	k, err := b.StartKeyring(t.Context(), t.TempDir(), "password")
	check(t, err)
	return seat{env: append(b.Env(), "XDG_RUNTIME_DIR="+t.TempDir())}, b, k
}

var keyringKey = bytes.Repeat([]byte("k"), keySize)

func TestKeyringSetGetDelete(t *testing.T) {
	t.Parallel()
	s, _, k := startDesktop(t)
	s.want(t, noKey, "get", testItem)
	s.want(t, ok, "delete", testItem) // what is not there is deleted
	s.want(t, ok, "set", testItem, string(keyringKey))
	if o := s.want(t, ok, "get", testItem); !bytes.Equal(o.Key, keyringKey) {
		t.Errorf("the key is %q", o.Key)
	}
	s.want(t, noKey, "get", testItem+"0")
	other := strings.Repeat("K", keySize)
	s.want(t, ok, "set", testItem, other)
	if o := s.want(t, ok, "get", testItem); string(o.Key) != other {
		t.Errorf("the key is %q", o.Key)
	}
	items, err := k.Items(t.Context())
	check(t, err)
	if len(items) != 1 || items[0]["service"] != "flyte-credential-helper" || items[0]["username"] != testItem {
		t.Errorf("the keyring has %v", items)
	}
	s.want(t, ok, "delete", testItem)
	s.want(t, noKey, "get", testItem)

	// What is no key of ours opens nothing.
	for _, text := range []string{"not base64!", "c2hvcnQ=", ""} {
		s.want(t, ok, "raw", testItem, text)
		s.want(t, noKey, "get", testItem)
	}
}

// windows counts the questions that a keyring asks its person.
func windows(t *testing.T, b *desktop.Bus) (count func() int) {
	t.Helper()
	conn, err := dbus.Connect(b.Address)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	rules := []string{"type='method_call',interface='org.freedesktop.Secret.Prompt'"}
	check(t, conn.BusObject().Call("org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, rules, uint32(0)).Err)
	messages := make(chan *dbus.Message, 100)
	conn.Eavesdrop(messages)
	return func() (n int) {
		for {
			select {
			case m := <-messages:
				if member, _ := m.Headers[dbus.FieldMember].Value().(string); member == "Prompt" {
					n++
				}
			case <-time.After(100 * time.Millisecond):
				return n
			}
		}
	}
}

func TestLockedKeyring(t *testing.T) {
	t.Parallel()
	s, b, k := startDesktop(t)
	s.want(t, ok, "set", testItem, string(keyringKey))
	asked := windows(t, b)
	check(t, k.Lock(t.Context()))
	o := s.want(t, storeError, "get", testItem)
	if o.Took > soon || !strings.Contains(o.Problem, "locked") {
		t.Errorf("after %s: %s", o.Took, o.Problem)
	}
	if n := asked(); n != 0 {
		t.Errorf("nobody is there, and was asked %d times", n)
	}
	o = s.want(t, storeError, "get", testItem, "", "attended") // this one has no window either
	if !strings.Contains(o.Problem, "locked") {
		t.Errorf("attended: %s", o.Problem)
	}
	if n := asked(); n != 1 {
		t.Errorf("somebody is there, and was asked %d times: this test shows nothing", n)
	}
	check(t, k.Unlock(t.Context()))
	if o := s.want(t, ok, "get", testItem); !bytes.Equal(o.Key, keyringKey) {
		t.Errorf("the key is %q", o.Key)
	}
}

// A locked keyring is not one without a key: no new one is made, which would
// orphan the file that the old one opens.
func TestLockedKeyringMakesNoKey(t *testing.T) {
	t.Parallel()
	s, b, k := startDesktop(t)
	dir := string(stateDir(t))
	save := func(kind string) {
		t.Helper()
		if o := s.call(t, encode(testToken(noon)), "sealed", "save", dir); o.Kind != kind {
			t.Errorf("save: %s (%s), want %s", o.Kind, o.Problem, kind)
		}
	}
	save(ok)
	asked := windows(t, b)
	check(t, k.Lock(t.Context()))
	forgetKernel(t, dir)
	if o := s.call(t, nil, "sealed", "load", dir); o.Kind != storeError {
		t.Errorf("load: %s, want %s", o.Kind, storeError)
	}
	save(storeError)
	if n := asked(); n != 0 {
		t.Errorf("nobody is there, and was asked %d times", n)
	}
	left, err := filepath.Glob(dir + "/*.new")
	check(t, err)
	if len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	check(t, k.Unlock(t.Context()))
	items, err := k.Items(t.Context())
	check(t, err)
	if len(items) != 1 {
		t.Errorf("%d items", len(items))
	}
	if o := s.call(t, nil, "sealed", "load", dir); o.Kind != ok || o.Set == nil {
		t.Errorf("the login is lost: %s", o.Problem)
	}
}

// Nor is it asked to open by who deletes a login where nobody is there.
func TestLockedKeyringDeletesNothing(t *testing.T) {
	t.Parallel()
	s, b, k := startDesktop(t)
	s.want(t, ok, "set", testItem, string(keyringKey))
	asked := windows(t, b)
	check(t, k.Lock(t.Context()))
	s.want(t, storeError, "delete", testItem)
	if n := asked(); n != 0 {
		t.Errorf("nobody is there, and was asked %d times", n)
	}
	check(t, k.Unlock(t.Context()))
	s.want(t, ok, "get", testItem)
}

// A locked keyring without a key for this login is not asked to open either,
// where nobody is there to do it.
func TestLockedKeyringWithoutTheKeyAsksNobody(t *testing.T) {
	t.Parallel()
	s, b, k := startDesktop(t)
	s.want(t, ok, "set", "another", string(keyringKey))
	asked := windows(t, b)
	check(t, k.Lock(t.Context()))
	if o := s.call(t, encode(testToken(noon)), "sealed", "save", string(stateDir(t))); o.Kind != storeError || o.Took > soon {
		t.Errorf("%s after %s: %s", o.Kind, o.Took, o.Problem)
	}
	if n := asked(); n != 0 {
		t.Errorf("nobody is there, and was asked %d times", n)
	}
}

func TestStoppedKeyring(t *testing.T) {
	t.Parallel()
	s, _, k := startDesktop(t)
	s.want(t, ok, "set", testItem, string(keyringKey))
	check(t, k.Stop())
	s.refuses(t, "does not answer")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(errAway) })
	local := &Keyring{Getenv: func(name string) string {
		for _, pair := range s.env {
			if value, found := strings.CutPrefix(pair, name+"="); found {
				return value
			}
		}
		return ""
	}}
	start := time.Now()
	if _, err := local.get(ctx, testItem); !errors.Is(err, errAway) || time.Since(start) > soon {
		t.Errorf("nobody waits any more: %v after %s", err, time.Since(start))
	}
	check(t, k.Continue())
	s.want(t, ok, "get", testItem)
}

var errAway = errors.New("the caller has gone away")

func TestNoSecretService(t *testing.T) {
	t.Parallel()
	requireDesktop(t)
	b, err := desktop.StartBus(t.Context(), t.TempDir())
	check(t, err)
	t.Cleanup(func() { _ = b.Close() })
	seat{env: append(b.Env(), "XDG_RUNTIME_DIR="+t.TempDir())}.noKeyring(t, "no Secret Service runs")
}

// socket makes a session bus's socket that serve speaks at. Nil: nobody does.
func socket(t *testing.T, serve func(net.Conn)) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "run") // a socket's path is short
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/bus"})
	check(t, err)
	if serve == nil {
		l.SetUnlinkOnClose(false)
		check(t, l.Close())
		return dir
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return dir
}

func TestDeadBus(t *testing.T) {
	t.Parallel()
	requireDesktop(t)
	dead := socket(t, nil)
	// Refused, mostly; a child that another test has just forked may still hold the socket.
	seat{env: []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + dead + "/bus"}}.refuses(t, "cannot be used")
	seat{env: []string{"XDG_RUNTIME_DIR=" + dead}}.refuses(t, "cannot be used")
	seat{env: []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + dead + "/none"}}.refuses(t, "no such file")
	seat{env: []string{"DBUS_SESSION_BUS_ADDRESS=nonsense"}}.refuses(t, "cannot be used")
	closes := socket(t, func(c net.Conn) { _ = c.Close() })
	seat{env: []string{"XDG_RUNTIME_DIR=" + closes}}.refuses(t, "cannot be used")
	rubbish := socket(t, func(c net.Conn) { _, _ = c.Write(bytes.Repeat([]byte("REJECTED\r\n"), 100)); _ = c.Close() })
	seat{env: []string{"XDG_RUNTIME_DIR=" + rubbish}}.refuses(t, "cannot be used")
}

func TestSilentBus(t *testing.T) {
	t.Parallel()
	requireDesktop(t)
	silent := socket(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	seat{env: []string{"XDG_RUNTIME_DIR=" + silent}}.refuses(t, "does not answer")
}

// Where there is no bus, none is started: godbus would run dbus-launch, whose
// bus and keyring nobody ever ends.
func TestNoBusIsStarted(t *testing.T) {
	t.Parallel()
	requireDesktop(t)
	fakes, mark := t.TempDir(), filepath.Join(t.TempDir(), "started")
	for _, name := range []string{"dbus-launch", "dbus-daemon", "dbus-run-session", "gnome-keyring-daemon"} {
		script := "#!/bin/sh\necho " + name + " >>" + mark + "\nexit 1\n"
		check(t, os.WriteFile(filepath.Join(fakes, name), []byte(script), 0o700))
	}
	started := func() string {
		text, _ := os.ReadFile(mark)
		return string(text)
	}
	notASocket := t.TempDir()
	check(t, os.WriteFile(notASocket+"/bus", nil, 0o600))
	empty := t.TempDir()
	for what, env := range map[string][]string{
		"no address and no socket": {"XDG_RUNTIME_DIR=" + empty},
		"a file that is no socket": {"XDG_RUNTIME_DIR=" + notASocket},
		"no such directory":        {"XDG_RUNTIME_DIR=" + empty + "/none"},
		"disabled:":                {"DBUS_SESSION_BUS_ADDRESS=disabled:"},
		"disabled: and a socket":   {"DBUS_SESSION_BUS_ADDRESS=disabled:", "XDG_RUNTIME_DIR=" + socket(t, func(c net.Conn) { _ = c.Close() })},
		"autolaunch:":              {"DBUS_SESSION_BUS_ADDRESS=autolaunch:"},
		"autolaunch:scope=*user":   {"DBUS_SESSION_BUS_ADDRESS=autolaunch:scope=*user"},
	} {
		s := seat{env: env, path: fakes + ":" + os.Getenv("PATH")}
		s.noKeyring(t, "no session bus")
		if got := started(); got != "" {
			t.Fatalf("%s: it started %s", what, got)
		}
	}
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Geteuid())); err == nil {
		return // godbus would find it
	}
	seat{env: []string{"XDG_RUNTIME_DIR=" + empty}, path: fakes + ":" + os.Getenv("PATH")}.keyring(t, "bare", testItem)
	if started() == "" {
		t.Error("go-keyring itself starts nothing: this test shows nothing")
	}
}

// The bus need not be in the environment (cron, ssh, su): login managers make
// its socket in the runtime directory.
func TestBusInTheRuntimeDirectory(t *testing.T) {
	t.Parallel()
	requireDesktop(t)
	for _, name := range []string{"plain", "odd, name; with = and %20"} {
		t.Run(name, func(t *testing.T) {
			short, err := os.MkdirTemp("/tmp", "run")
			check(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(short) })
			dir := filepath.Join(short, name)
			check(t, os.Mkdir(dir, 0o700))
			b, err := desktop.StartBus(t.Context(), dir)
			check(t, err)
			t.Cleanup(func() { _ = b.Close() })
			_, err = b.StartKeyring(t.Context(), t.TempDir(), "password")
			check(t, err)
			s := seat{env: []string{"XDG_RUNTIME_DIR=" + b.Dir}}
			s.want(t, noKey, "get", testItem)
			s.want(t, ok, "set", testItem, string(keyringKey))
			s.want(t, ok, "get", testItem)
			s.want(t, ok, "delete", testItem)
			s.want(t, noKey, "get", testItem)
		})
	}
}

func TestSealedStoreInARealKeyring(t *testing.T) {
	t.Parallel()
	s, _, k := startDesktop(t)
	dir := stateDir(t)
	big := testToken(noon)
	big.AccessToken = oauth.Secret(strings.Repeat("long.", 4000)) // no keyring takes 20 kB
	save := func(token *oauth.Token) {
		t.Helper()
		if o := s.call(t, encode(token), "sealed", "save", string(dir)); o.Kind != ok {
			t.Fatalf("save: %s: %s", o.Kind, o.Problem)
		}
	}
	wantKept := func(what string, want *oauth.Token) {
		t.Helper()
		o := s.call(t, nil, "sealed", "load", string(dir))
		var got *oauth.Token
		if o.Set != nil {
			var err error
			got, err = decode(o.Set)
			check(t, err)
		}
		if diff := cmp.Diff(want, got); diff != "" || o.Kind != ok {
			t.Errorf("%s: %s %s (-want +kept):\n%s", what, o.Kind, o.Problem, diff)
		}
	}
	wantItems := func(what string, want int) {
		t.Helper()
		items, err := k.Items(t.Context())
		check(t, err)
		if len(items) != want {
			t.Errorf("%s: %d items in the keyring, want %d: %v", what, len(items), want, items)
		}
	}
	wantKept("at first", nil)
	if o := s.call(t, nil, "sealed", "discard", string(dir)); o.Kind != ok {
		t.Errorf("discard: %s", o.Problem)
	}
	wantItems("after discard", 0)

	save(big)
	wantKept("20 kB", big)
	wantItems("after the first login", 1)
	path := dir.path(sealedStore(dir).name())
	file, err := os.ReadFile(path)
	check(t, err)
	for _, secret := range []string{"long.", "rt-1", "it-1", "alice"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("%s can be read in the file", secret)
		}
	}
	if !bytes.Contains(file, []byte(testKey().item(testKey().ID()))) {
		t.Error("the file does not name its key")
	}
	if o := s.call(t, nil, "sealed", "discard", string(dir)); o.Kind != ok {
		t.Errorf("discard: %s", o.Problem)
	}
	wantKept("after discard", big)
	save(testToken(noon))
	wantKept("after the next", testToken(noon))
	wantItems("after the next", 1)

	// Bits that flip, on the disk or by hand, are a miss.
	for i := 0; i < len(file); i += len(file) / 8 {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		check(t, os.WriteFile(path, changed, 0o600))
		wantKept("damaged at "+strconv.Itoa(i), nil)
	}
	check(t, os.WriteFile(path, file, 0o600))
	wantKept("mended", big)

	// Whoever deletes the item ends the login.
	s.want(t, ok, "delete", testKey().item(testKey().ID()))
	forgetKernel(t, string(dir))
	wantKept("without its key", nil)
	save(testToken(noon))
	wantKept("logged in again", testToken(noon))

	if o := s.call(t, nil, "sealed", "delete", string(dir)); o.Kind != ok {
		t.Errorf("delete: %s", o.Problem)
	}
	wantItems("after delete", 0)
	wantKept("after delete", nil)
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is still there")
	}
}

// Of many first processes one makes the key, and what each saved can be read.
func TestManyFirstProcessesMakeOneKey(t *testing.T) {
	t.Parallel()
	s, _, k := startDesktop(t)
	dir := string(stateDir(t))
	var first sync.WaitGroup
	for range 8 {
		first.Go(func() {
			if o := s.call(t, encode(testToken(noon)), "sealed", "save", dir); o.Kind != ok {
				t.Errorf("save: %s: %s", o.Kind, o.Problem)
			}
			if o := s.call(t, nil, "sealed", "load", dir); o.Kind != ok || o.Set == nil {
				t.Errorf("load: %s %s, %s", o.Kind, o.Problem, o.Set)
			}
		})
	}
	first.Wait()
	items, err := k.Items(t.Context())
	check(t, err)
	if len(items) != 1 {
		t.Errorf("%d keys: %v", len(items), items)
	}
}

// forgetKernel lets the hour pass for which the kernel has the keys too.
func forgetKernel(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.sealed")
	check(t, err)
	for _, name := range files {
		file, err := os.ReadFile(name)
		check(t, err)
		h, _, _, err := split(file)
		check(t, err)
		kernelDelete(h.Key)
	}
}
