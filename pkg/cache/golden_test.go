package cache_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// The files in testdata/golden are in the formats of version 1, which users have
// on disk. Every later version must read them, and must write the same bytes for
// the same values. A golden file is never changed: a new form of a format gets a
// file of its own beside the old one. JSON documents may gain keys.

// goldenID is the ID of goldenSource's login, and part of every file name.
const goldenID = "ee85a4dde403ebd86d7869a7a5c22b1d49aa3066067bea2bc386ef4b7590f632"

// goldenKey is the key that the golden files are sealed with.
const goldenKey = "0123456789abcdef0123456789abcdef"

var goldenNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// goldenSource returns the source of a login whose state directory holds the
// golden files of these names.
func goldenSource(t *testing.T, kind cache.StoreKind, files ...string) *cache.Source {
	t.Helper()
	return goldenSourceWith(t, kind, requests{}, nil, files...)
}

// requests answers each request by a function. One that is nil is not made.
type requests struct {
	refresh func() *oauth.TokenRequest
	login   func() (oauth.PreparedLogin, error)
	redeem  func(r *oauth.TokenRequest, old *oauth.Token) *oauth.Token
}

func (r requests) PrepareRefresh(context.Context, *oauth.Token, oauth.Kind) (*oauth.TokenRequest, error) {
	return r.refresh(), nil
}

func (r requests) PrepareLogin(context.Context, *oauth.Token, oauth.Kind) (oauth.PreparedLogin, error) {
	return r.login()
}

func (r requests) Redeem(_ context.Context, request *oauth.TokenRequest, old *oauth.Token, _ oauth.Journal) (*oauth.Token, error) {
	return r.redeem(request, old), nil
}

func (r requests) ClientCredentials(context.Context, *oauth.Token) (*oauth.Token, error) {
	return nil, errors.New("the login is a user's")
}

// goldenSourceWith is goldenSource with these requests and options.
func goldenSourceWith(t *testing.T, kind cache.StoreKind, r requests, options []cache.Option, files ...string) *cache.Source {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		to := goldenID + filepath.Ext(name)
		if strings.HasPrefix(name, "store.") {
			to = "store.json"
		}
		if err := os.WriteFile(filepath.Join(dir, to), golden(t, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client := &oauth.Client{
		Issuer: "https://id.example.com", ClientID: "flytectl", Scopes: []string{"openid", "offline_access"}, Account: "alice@example.com",
		Now: func() time.Time { return goldenNow },
	}
	noBus := &cache.Keyring{Getenv: func(string) string { return "" }}
	allowed := func(context.Context, error) error { return nil }
	s, err := cache.New(client, append([]cache.Option{
		cache.WithDir(cache.Dir(dir)), cache.WithStore(kind), cache.WithKeyring(noBus), cache.WithLockTimeout(time.Minute),
		cache.WithRequests(r), cache.WithLoginPolicy(allowed),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// goldenSet is the set in full.plain, full.kernel and full.sealed: each field has a value.
func goldenSet() *oauth.Token {
	return &oauth.Token{
		AccessToken: "at-1", RefreshToken: "rt-1", IDToken: "it-1",
		Expiry: goldenNow.Add(-time.Hour), Obtained: goldenNow.Add(-2*time.Hour + 123456789), Renewed: goldenNow.Add(-2*time.Hour + time.Second),
		IDExpiry: goldenNow.Add(-30 * time.Minute), IDObtained: goldenNow.Add(-2*time.Hour + 123456789),
		Scopes: []string{"openid", "offline_access"}, Subject: "sub-1", Account: "alice@example.com",
		Server: goldenServer(),
	}
}

// renewedSet is the set in renewed.*, that a server gave for goldenSet's refresh token.
func renewedSet() *oauth.Token {
	return &oauth.Token{
		AccessToken: "at-2", RefreshToken: "rt-2", Expiry: goldenNow.Add(time.Hour), Obtained: goldenNow, Renewed: goldenNow.Add(time.Second),
		Scopes: []string{"openid"}, Server: oauth.Metadata{Issuer: "https://id.example.com", TokenEndpoint: "https://id.example.com/token"},
	}
}

func goldenServer() oauth.Metadata {
	return oauth.Metadata{
		Issuer: "https://id.example.com", AuthorizationEndpoint: "https://id.example.com/authorize", TokenEndpoint: "https://id.example.com/token",
		RevocationEndpoint: "https://id.example.com/revoke", DeviceEndpoint: "https://id.example.com/device", KeysURI: "https://id.example.com/keys",
		Scopes: []string{"openid", "profile"}, Challenges: []string{"S256", "plain"}, TokenAuthMethods: []string{"none", "client_secret_basic"},
		IDTokenAlgorithms: []string{"RS256", "ES256"}, IssuerInResponse: true, RequiresPushed: true,
		ClientID: "flytepropeller", HeaderKey: "flyte-authorization", Plaintext: true,
	}
}

// goldenRefresh and goldenCode are what the requests in request.*.json redeem.
func goldenRefresh() *oauth.TokenRequest {
	return &oauth.TokenRequest{Server: goldenServer(), Form: map[string][]string{"grant_type": {"refresh_token"}, "refresh_token": {"rt-1"}, "resource": {"a", "b"}}, Scopes: []string{"openid"}}
}

func goldenCode() *oauth.TokenRequest {
	return &oauth.TokenRequest{
		Server: oauth.Metadata{Issuer: "https://id.example.com", TokenEndpoint: "https://id.example.com/token"},
		Form:   map[string][]string{"grant_type": {"authorization_code"}, "code": {"c-1"}, "code_verifier": {"v-1"}},
		Keys:   json.RawMessage(`{"keys":[]}`), Nonce: "n-1", Scopes: []string{"openid", "profile"},
	}
}

// goldenFailure is a failure with the form that it has in a record: in NAME.record, as
// versions before 0.1.0 wrote it, and in NAME.2.record, as it is written now.
type goldenFailure struct {
	err  *oauth.Error
	text string // part of the error's text
}

func goldenFailures() map[string]goldenFailure {
	return map[string]goldenFailure{
		"refused":   {&oauth.Error{Class: oauth.ClassRefused, Code: "invalid_client", Description: "no such client", URI: "https://id.example.com/help", Host: "id.example.com"}, "no such client"},
		"denied":    {&oauth.Error{Class: oauth.ClassRefused, Code: "access_denied", Description: "alice said no", Host: "id.example.com", Shown: true}, "alice said no"},
		"later":     {&oauth.Error{Class: oauth.ClassTemporary, Problem: "id.example.com answered 503", Host: "id.example.com"}, "id.example.com answered 503"},
		"person":    {&oauth.Error{Class: oauth.ClassUnanswered, Problem: "no answer within 2m0s", Shown: true}, "no answer within 2m0s"},
		"untrusted": {&oauth.Error{Class: oauth.ClassUntrusted, Problem: "id.example.com is not trusted", Host: "id.example.com"}, "id.example.com"},
	}
}

func TestGoldenPlain(t *testing.T) {
	for name, want := range map[string]*oauth.Token{"full.plain": goldenSet(), "renewed.plain": renewedSet(), "small.plain": {AccessToken: "at-0"}} {
		s := goldenSource(t, cache.StoreFile, name).Store()
		wantSet(t, name, s, want)
		write(t, s, want)
		if got := stored(t, s, ".plain"); !bytes.Equal(got, golden(t, name)) {
			t.Errorf("%s is written as %q", name, got)
		}
	}
}

// The worker opens and seals with the key in its request, on every system.
func TestGoldenWorker(t *testing.T) {
	for name, c := range map[string]struct {
		kind     cache.StoreKind
		suffix   string
		spending *oauth.TokenRequest
	}{
		"request.plain.json":  {cache.StoreFile, ".plain", goldenRefresh()},
		"request.kernel.json": {cache.StoreKernel, ".kernel", goldenRefresh()},
		"request.sealed.json": {cache.StoreKeyring, ".sealed", goldenRefresh()},
		"request.code.json":   {cache.StoreFile, ".plain", goldenCode()},
	} {
		s := goldenSourceWith(t, c.kind, requests{redeem: func(spending *oauth.TokenRequest, old *oauth.Token) *oauth.Token {
			renews := goldenSet()
			if !spending.Refreshes() {
				renews = nil
			}
			if diff := cmp.Diff(c.spending, spending) + cmp.Diff(renews, old); diff != "" {
				t.Errorf("%s is read as (-golden +read):\n%s", name, diff)
			}
			return renewedSet()
		}}, nil, "full"+c.suffix)
		var answer bytes.Buffer
		if err := s.Serve(t.Context(), bytes.NewReader(golden(t, name)), &answer); err != nil {
			t.Fatal(name, err)
		}
		sameDocument(t, "answer.set.json", answer.Bytes())
		got, want := stored(t, s.Store(), c.suffix), golden(t, "renewed"+c.suffix)
		if c.suffix != ".plain" {
			got, want = unseal(t, got), unseal(t, want)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the new set is written as\n%q, not\n%q", name, got, want)
		}
	}
}

func TestGoldenRequest(t *testing.T) {
	wantRequest(t, cache.StoreFile, "full.plain", "request.plain.json", goldenRefresh())
	wantRequest(t, cache.StoreFile, "full.plain", "request.code.json", goldenCode())
}

// wantRequest checks what a worker is asked, what its answer is taken for, and what
// other processes are told while it works.
func wantRequest(t *testing.T, kind cache.StoreKind, set, name string, spending *oauth.TokenRequest) {
	t.Helper()
	var s *cache.Source
	worker := func(_ context.Context, request []byte) ([]byte, error) {
		sameDocument(t, name, request)
		host, err := os.Hostname()
		if err != nil {
			t.Error(err)
		}
		who := bytes.Replace(stored(t, s.Store(), ".who"), []byte(strconv.Itoa(os.Getpid())), []byte("4242"), 1)
		sameDocument(t, "leader.who", bytes.Replace(who, []byte(host), []byte("host.example.com"), 1))
		return golden(t, "answer.set.json"), nil
	}
	s = goldenSourceWith(t, kind, redeems(spending), []cache.Option{cache.WithWorker(worker)}, set)
	token := s.Token
	if !spending.Refreshes() {
		token = func(ctx context.Context) (*oauth.Token, error) { got, _, err := s.Login(ctx); return got, err }
	}
	got, err := token(t.Context())
	if diff := cmp.Diff(renewedSet(), got); err != nil || diff != "" {
		t.Errorf("%s: %v; answer.set.json is read as (-golden +read):\n%s", name, err, diff)
	}
}

// redeems returns the requests of a renewal that sends r.
func redeems(r *oauth.TokenRequest) requests {
	return requests{
		refresh: func() *oauth.TokenRequest { return r },
		login: func() (oauth.PreparedLogin, error) {
			return func(ctx context.Context, redeem oauth.Redeemer) (*oauth.Token, error) { return redeem(ctx, r) }, nil
		},
	}
}

func TestGoldenRecords(t *testing.T) {
	const settings = "0123456789abcdef"
	// call asks for a token, and fails as name says if it asks the server.
	call := func(name string, now time.Time, settings string, files ...string) (s *cache.Source, asked int, err error) {
		login := func() (oauth.PreparedLogin, error) {
			asked++
			failure := goldenFailures()[name].err
			if !failure.Shown {
				return nil, failure
			}
			return func(context.Context, oauth.Redeemer) (*oauth.Token, error) { return nil, failure }, nil
		}
		clock := cache.WithClock(func() time.Time { return now })
		fingerprint := cache.WithFingerprint(func() string { return settings })
		s = goldenSourceWith(t, cache.StoreFile, requests{login: login}, []cache.Option{clock, fingerprint}, files...)
		_, err = s.Token(t.Context())
		return s, asked, err
	}
	later := goldenNow.Add(time.Hour)
	for name, f := range goldenFailures() {
		s, _, _ := call(name, goldenNow, settings)
		sameDocument(t, name+".2.record", stored(t, s.Store(), ".record"))
		for _, record := range []string{name + ".record", name + ".2.record"} {
			if _, asked, err := call(name, goldenNow, settings, record); asked != 0 || err == nil || !strings.Contains(err.Error(), f.text) || oauth.ClassOf(err) != f.err.Class {
				t.Errorf("%s is read as %v, and the server was asked %d times", record, err, asked)
			}
			if _, asked, _ := call(name, later, settings, record); asked != 1 {
				t.Errorf("%s does not end with its time", record)
			}
		}
	}
	for _, record := range []string{"refused.record", "refused.2.record", "denied.2.record"} {
		if _, asked, _ := call("refused", goldenNow, "another", record); asked != 1 {
			t.Errorf("%s does not end with its settings", record)
		}
	}
	soon := goldenNow.Add(2 * time.Minute)
	s, _, _ := call("denied", soon, settings, "denied.2.record") // it counts what failed in a row
	sameDocument(t, "denied.twice.2.record", stored(t, s.Store(), ".record"))
	s, _, _ = call("denied", soon, settings, "denied.record")
	sameDocument(t, "denied.twice.2.record", stored(t, s.Store(), ".record"))
}

// A process that waits for the leader's lock reads who holds it.
func TestGoldenLeader(t *testing.T) {
	var lock *flock.Flock
	want := cache.LockOwner{PID: 4242, Host: "host.example.com", Since: goldenNow, Until: goldenNow.Add(time.Minute)}
	onWait := func(h cache.LockOwner) {
		if h != want {
			t.Errorf("leader.who is read as %+v", h)
		}
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	}
	login := func() (oauth.PreparedLogin, error) { return nil, errors.New("our turn") }
	s := goldenSourceWith(t, cache.StoreFile, requests{login: login}, []cache.Option{cache.WithOnWait(onWait)}, "leader.who")
	lock = flock.New(filepath.Join(string(s.Store().Dir), goldenID+".lock"), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Token(t.Context()); err == nil || err.Error() != "our turn" {
		t.Error(err)
	}
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/golden", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// stored returns the login's file with that suffix.
func stored(t *testing.T, s *cache.Store, suffix string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(s.Dir), goldenID+suffix))
	if err != nil {
		t.Error(err)
	}
	return text
}

func wantSet(t *testing.T, name string, s *cache.Store, want *oauth.Token) {
	t.Helper()
	got, err := s.Load(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s: %v; it is read as (-golden +read):\n%s", name, err, diff)
	}
}

func write(t *testing.T, s *cache.Store, set *oauth.Token) {
	t.Helper()
	draft, err := s.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := draft.Save(set); err != nil {
		t.Fatal(err)
	}
}

// unseal returns a sealed file's head and its opened payload. Between them is the
// nonce, which is random. It reads the format by its description: a line, the
// header with its length as a varint before it, 12 bytes of nonce, AES-256-GCM.
func unseal(t *testing.T, file []byte) []byte {
	t.Helper()
	line := bytes.IndexByte(file, '\n') + 1
	length, size := binary.Uvarint(file[line:])
	if size <= 0 || length > uint64(len(file)-line-size) {
		t.Fatalf("no header: %q", file)
	}
	head, sealed := file[:line+size+int(length)], file[line+size+int(length):]
	block, err := aes.NewCipher([]byte(goldenKey))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := aead.Open(nil, sealed[:12], sealed[12:], append([]byte(goldenID+"\n"), head...))
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(head), payload...)
}

// sameDocument checks that a JSON document has all that the golden file has. It may have more.
func sameDocument(t *testing.T, name string, text []byte) {
	t.Helper()
	var want, got any
	if err := errors.Join(json.Unmarshal(golden(t, name), &want), json.Unmarshal(text, &got)); err != nil {
		t.Fatalf("%s: %v: %s", name, err, text)
	}
	if !contains(got, want) {
		t.Errorf("%s is written as\n%s, not\n%s", name, text, golden(t, name))
	}
}

func contains(got, want any) bool {
	object, isObject := want.(map[string]any)
	if !isObject {
		return reflect.DeepEqual(got, want)
	}
	all, isObject := got.(map[string]any)
	for key, value := range object {
		if isObject = isObject && contains(all[key], value); !isObject {
			return false
		}
	}
	return isObject
}
