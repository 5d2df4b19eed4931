package cache

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

var testSealKey = bytes.Repeat([]byte{7}, keySize)

// sealed is a file as a Store writes it, with text in it.
func sealed(key []byte, id string, text []byte) []byte {
	h := Header{Format: format, Server: "https://id.example.com", Client: "flytectl", Item: "https://id.example.com/12345678"}
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
	line, rest, _ := bytes.Cut(file, []byte("\n"))
	for old, edited := range map[string]string{
		"id.example.com":   "id.example.org",
		`"flytectl"`:       `"flytekit"`,
		`{"format":1`:      `{ "format":1`,
		`/12345678"}`:      `/12345678","account":"eve"}`,
		`"item"`:           `"other":1,"item"`,
		`{"format":1,"ser`: `{"Format":1,"ser`,
	} {
		changed := strings.Replace(string(line), old, edited, 1)
		if changed == string(line) {
			t.Fatalf("%s is not in the header %s", old, line)
		}
		if _, err := unsealed(testSealKey, "id", append([]byte(changed+"\n"), rest...)); !errors.Is(err, errDamaged) {
			t.Errorf("header %s: %v", changed, err)
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
		"another version":  bytes.Replace(file, []byte(`"format":1`), []byte(`"format":2`), 1),
		"no version":       bytes.Replace(file, []byte(`"format":1,`), nil, 1),
		"no header":        file[bytes.IndexByte(file, '\n')+1:],
		"no access token":  bytes.Replace(file, []byte(`"access_token":"at-1"`), []byte(`"access_token":""`), 1),
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
	line, rest, _ := bytes.Cut(file, []byte("\n"))
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add(line)
	f.Add(append(append(bytes.Clone(line), '\n'), text...))
	f.Add(append([]byte("{\"format\":1}\n"), rest...))
	f.Add([]byte("{\"format\":1}\n{\"access_token\":\"x\",\"expiry\":null}"))
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
