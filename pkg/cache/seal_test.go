package cache

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

var testSealKey = bytes.Repeat([]byte{7}, keySize)

// sealed is a file as a Store writes it, with text in it.
func sealed(key []byte, id string, text []byte) []byte {
	h := Header{Server: "https://id.example.com", Client: "flytectl", Item: "https://id.example.com/12345678"}
	return join(h, func(line []byte) []byte { return seal(key, id, line, text) })
}

// unsealed is what a Store does with a file once it has the key.
func unsealed(key []byte, id string, file []byte) ([]byte, error) {
	_, line, rest, err := split(file)
	if err != nil {
		return nil, err
	}
	return open(key, id, line, rest)
}

func TestSealRoundTrip(t *testing.T) {
	for _, size := range []int{0, 1, 15, 16, 17, 20_000, maxFile} {
		text := bytes.Repeat([]byte("x"), size)
		file := sealed(testSealKey, "id", text)
		got, err := unsealed(testSealKey, "id", file)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes come back as %d: %v", size, len(got), err)
		}
		h, _, _, err := split(file)
		if err != nil || h.Server != "https://id.example.com" || h.Client != "flytectl" || h.Item != "https://id.example.com/12345678" || h.Account != "" {
			t.Errorf("the header is %+v, %v", h, err)
		}
	}
}

func TestNothingReadableInASealedFile(t *testing.T) {
	file := sealed(testSealKey, "id", encode(testToken(noon)))
	for _, secret := range []string{"at-1", "rt-1", "it-1", "alice", "access_token"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("%s can be read in it", secret)
		}
	}
}

func TestAnyChangeOfASealedFileIsAMiss(t *testing.T) {
	text := encode(testToken(noon))
	file := sealed(testSealKey, "id", text)
	miss := func(what string, changed []byte) {
		t.Helper()
		if got, err := unsealed(testSealKey, "id", changed); !errors.Is(err, errDamaged) || got != nil {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
	}
	for i := range file {
		for bit := range 8 {
			changed := bytes.Clone(file)
			changed[i] ^= 1 << bit
			miss(fmt.Sprintf("bit %d of byte %d", bit, i), changed)
		}
		miss(fmt.Sprintf("cut at %d", i), file[:i])
		miss(fmt.Sprintf("without byte %d", i), append(bytes.Clone(file[:i]), file[i+1:]...))
	}
	miss("a byte more", append(bytes.Clone(file), 0))
	miss("twice", append(bytes.Clone(file), file...))
}

func TestASealedFileOpensForOneKeyAndOneLogin(t *testing.T) {
	file := sealed(testSealKey, "id", []byte("text"))
	if _, err := unsealed(testSealKey, "id", file); err != nil {
		t.Fatal(err)
	}
	if _, err := unsealed(newKey(), "id", file); !errors.Is(err, errDamaged) {
		t.Errorf("another key: %v", err)
	}
	for _, id := range []string{"", "i", "id2", "id\n"} {
		if _, err := unsealed(testSealKey, id, file); !errors.Is(err, errDamaged) {
			t.Errorf("renamed to %q: %v", id, err)
		}
	}
	h, _, rest, err := split(file)
	check(t, err)
	again := func(h Header) []byte { return join(h, func([]byte) []byte { return rest }) }
	if !bytes.Equal(again(h), file) {
		t.Fatal("the header is not as it was written")
	}
	for what, change := range map[string]func(*Header){
		"another server":  func(h *Header) { h.Server = "https://id.example.org" },
		"another client":  func(h *Header) { h.Client = "flytekit" },
		"an account":      func(h *Header) { h.Account = "eve" },
		"no item":         func(h *Header) { h.Item = "" },
		"a key":           func(h *Header) { h.Key = "x" },
		"another's a sum": func(h *Header) { h.Sum = "x" },
	} {
		edited := h
		change(&edited)
		if _, err := unsealed(testSealKey, "id", again(edited)); !errors.Is(err, errDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// GCM with a nonce used twice gives both texts away.
func TestNoncesAndKeysDiffer(t *testing.T) {
	nonces, keys := map[string]bool{}, map[string]bool{}
	for range 1000 {
		nonces[string(seal(testSealKey, "id", nil, nil)[:12])] = true
		keys[string(newKey())] = true
	}
	if len(nonces) != 1000 || len(keys) != 1000 {
		t.Errorf("of 1,000, %d nonces and %d keys differ", len(nonces), len(keys))
	}
	if k := newKey(); len(k) != 32 {
		t.Errorf("a key of %d bytes is not AES-256's", len(k))
	}
}

// A field that is added to oauth.Token and not kept is lost between two runs.
func TestEachFieldIsKept(t *testing.T) {
	var token oauth.Token
	fillValue(t, reflect.ValueOf(&token).Elem(), "Token")
	got, err := decode(encode(&token))
	check(t, err)
	if diff := cmp.Diff(&token, got); diff != "" {
		t.Errorf("not as it was kept (-kept +loaded):\n%s", diff)
	}
	if got, err := decode(encode(&oauth.Token{})); !errors.Is(err, errDamaged) {
		t.Errorf("a set of nothing: %v, %v", got, err)
	}
	fault := oauth.IDFault{Reason: "not verified yet", Retry: true} // the first save of a set that has nothing else
	if got, err := decode(encode(&oauth.Token{IDFault: fault})); err != nil || got.IDFault != fault {
		t.Errorf("%v, %v", got, err)
	}
	got, err = decode(encode(&oauth.Token{AccessToken: "at"}))
	check(t, err)
	if diff := cmp.Diff(&oauth.Token{AccessToken: "at"}, got); diff != "" {
		t.Errorf("a small one is not as it was kept (-kept +loaded):\n%s", diff)
	}
}

// fillValue gives each field a value of its own.
func fillValue(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon.Add(time.Duration(len(name)) * time.Nanosecond)))
	case v.Kind() == reflect.String:
		v.SetString(name)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		v.Set(reflect.ValueOf([]string{name, name + "2"}))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fillValue(t, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
	default:
		t.Fatalf("%s is a %s, which this test does not know", name, v.Type())
	}
}

// What is damaged, cut or of another version is a miss, never a part and never
// an error: the next renewal heals it.
func TestDamagedFileIsAMiss(t *testing.T) {
	s := fileStore(t)
	keep(t, s, testToken(noon))
	path := s.Dir.path(s.name())
	file, err := os.ReadFile(path)
	check(t, err)
	if diff := cmp.Diff(testToken(noon), load(t, s)); diff != "" {
		t.Fatalf("not as it was kept (-kept +loaded):\n%s", diff)
	}
	damaged := map[string][]byte{
		"zeros":            make([]byte, len(file)),
		"another version":  bytes.Replace(file, []byte("helper 1"), []byte("helper 2"), 1),
		"no version":       file[len(magic):],
		"no header":        []byte(magic),
		"no access token":  join(Header{Sum: checksum(nil)}, func([]byte) []byte { return nil }),
		"an odd time":      join(Header{Sum: checksum([]byte("\x01\x01a\x04\x01b"))}, func([]byte) []byte { return []byte("\x01\x01a\x04\x01b") }),
		"another's":        []byte("{\"format\":1}\n{\"expiry\":5}"),
		"rubbish after it": append(bytes.Clone(file), "{}"...),
		"binary":           []byte("\x00\xff\n\x00"),
		"over 1 MiB":       append(bytes.Clone(file), bytes.Repeat([]byte("x"), 2<<20)...),
	}
	for i := range file {
		damaged[fmt.Sprintf("cut at %d", i)] = file[:i]
	}
	for what, content := range damaged {
		check(t, os.WriteFile(path, content, 0o600))
		if got := load(t, s); got != nil {
			t.Errorf("%s: a token all the same", what)
		}
	}
	keep(t, s, testToken(noon))
	if load(t, s) == nil {
		t.Error("it does not heal")
	}
}

func FuzzSealed(f *testing.F) {
	text := encode(testToken(noon))
	file := sealed(testSealKey, "id", text)
	_, head, rest, err := split(file)
	check(f, err)
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add(head)
	f.Add(append(bytes.Clone(head), text...))
	f.Add(append([]byte(magic+"\x00"), rest...))
	f.Add([]byte(magic + "\x00\x01\x01a\x04\x01b"))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := unsealed(testSealKey, "id", file)
		switch {
		case err == nil && !bytes.Equal(got, text):
			t.Fatalf("opened to something that was never sealed: %q", got)
		case err != nil && !errors.Is(err, errDamaged):
			t.Fatal(err)
		}
		if _, _, rest, err := split(file); err == nil {
			token, err := decode(rest)
			if err == nil && token.AccessToken == "" || err != nil && !errors.Is(err, errDamaged) {
				t.Fatalf("%v, %v", token, err)
			}
		}
	})
}
