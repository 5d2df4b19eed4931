package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func fullKey() Key {
	return Key{
		Server: []string{"https://id.example.com"}, Client: "flytectl", Grant: "person",
		Scopes: []string{"offline_access", "openid", "profile"}, Audience: "https://flyte.example.com",
		Resource:   []string{"https://a.example.com", "https://b.example.com"},
		AuthParams: map[string]string{"acr_values": "2", "prompt": "login"}, TokenParams: map[string]string{"x": "1", "y": "2"},
		RefreshParams: map[string]string{"z": "3", "w": "4"}, Account: "alice@example.com",
	}
}

// Whoever updates the program stays logged in: an ID that changes is a login
// lost for everybody, in silence. It is the SHA-256 of this text.
func TestIDIsPinned(t *testing.T) {
	const text = `{"Server":["https://id.example.com"],"Client":"flytectl","Grant":"person","Scopes":["offline_access","openid","profile"],` +
		`"Audience":"https://flyte.example.com","Resource":["https://a.example.com","https://b.example.com"],` +
		`"AuthParams":{"acr_values":"2","prompt":"login"},"TokenParams":{"x":"1","y":"2"},"RefreshParams":{"w":"4","z":"3"},"Account":"alice@example.com"}`
	sum := sha256.Sum256([]byte(text))
	if got, want := fullKey().ID(), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("ID is %s, not the SHA-256 of the canonical JSON, %s", got, want)
	}
	if got, want := fullKey().ID(), "807eba8da69fb3ee4a4927105b0a6fac9a6d39582ca9cda26b2358a3cd342480"; got != want {
		t.Errorf("ID of a full key is %s; it was %s", got, want)
	}
	if got, want := testKey().ID(), "929221cfa8b770e7e4ee4e95ae1b8efe817b3bc8748af863ff7872d1dcdb5779"; got != want {
		t.Errorf("ID of a plain key is %s; it was %s", got, want)
	}
}

// It is the JSON that encoding/json writes, whatever the settings hold.
func TestDocumentIsJSON(t *testing.T) {
	odd := "\x00\n\"\\<>&\u2028ä\xff\x7f"
	for _, k := range []Key{
		{}, testKey(), fullKey(), {Server: []string{}, Scopes: []string{}, AuthParams: map[string]string{}},
		{Server: []string{odd, ""}, Client: odd, Scopes: []string{"{", "[", ","}, AuthParams: map[string]string{odd: odd, "b": "", "a": "x"}, Account: odd},
	} {
		want, err := json.Marshal(k)
		check(t, err)
		if got := k.document(); string(got) != string(want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func TestIDKnowsNoOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shuffled := func(list []string) []string {
		list = append(slices.Clone(list), list[r.IntN(len(list))]) // said twice is said once
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list
	}
	rebuilt := func(params map[string]string) map[string]string {
		m := map[string]string{}
		for _, k := range shuffled(slices.Collect(maps.Keys(params))) {
			m[k] = params[k]
		}
		return m
	}
	want := fullKey().ID()
	for range 1000 {
		k := fullKey()
		k.Scopes, k.Resource = shuffled(k.Scopes), shuffled(k.Resource)
		k.AuthParams, k.TokenParams, k.RefreshParams = rebuilt(k.AuthParams), rebuilt(k.TokenParams), rebuilt(k.RefreshParams)
		before := slices.Clone(k.Scopes)
		if got := k.ID(); got != want {
			t.Fatalf("%+v: another ID", k)
		}
		if !slices.Equal(before, k.Scopes) {
			t.Fatal("ID sorted its caller's scopes")
		}
	}
	if k := fullKey(); (Key{Server: []string{"a", "b"}}).ID() == (Key{Server: []string{"b", "a"}}).ID() || k.ID() != want {
		t.Error("the servers have an order: which endpoint is which")
	}
}

// A field that is added to Key and not part of the ID makes two logins one.
func TestEachFieldChangesTheID(t *testing.T) {
	seen := map[string]string{fullKey().ID(): "nothing"}
	add := func(id, name string) {
		t.Helper()
		if other, found := seen[id]; found {
			t.Errorf("%s: the same ID as with %s changed", name, other)
		}
		seen[id] = name
	}
	fields := reflect.TypeFor[Key]().NumField()
	for i := range fields {
		name := reflect.TypeFor[Key]().Field(i).Name
		if name == "ClientSecret" {
			continue // see TestAnotherSecretIsTheSameLogin
		}
		changed, emptied := fullKey(), fullKey()
		if reflect.ValueOf(&changed).Elem().Field(i).IsZero() {
			t.Errorf("fullKey leaves out %s", name)
		}
		switch f := reflect.ValueOf(&changed).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "2")
		case reflect.Slice:
			f.Set(reflect.Append(f, reflect.ValueOf("another")))
		case reflect.Map:
			f.SetMapIndex(reflect.ValueOf("another"), reflect.ValueOf("value"))
		default:
			t.Fatalf("%s is a %s, which this test does not know", name, f.Kind())
		}
		reflect.ValueOf(&emptied).Elem().Field(i).SetZero()
		add(changed.ID(), name)
		add(emptied.ID(), "no "+name)
	}
	// What moves from one field to another is not the same either.
	add(Key{Server: []string{"s"}, AuthParams: map[string]string{"a": "b"}}.ID(), "auth parameter")
	add(Key{Server: []string{"s"}, TokenParams: map[string]string{"a": "b"}}.ID(), "token parameter")
	add(Key{Server: []string{"s"}, RefreshParams: map[string]string{"a": "b"}}.ID(), "refresh parameter")
	add(Key{Server: []string{"s"}, Scopes: []string{"a", "b"}}.ID(), "scopes")
	add(Key{Server: []string{"s"}, Scopes: []string{"a b"}}.ID(), "one scope")
	add(Key{Server: []string{"s"}, Resource: []string{"a", "b"}}.ID(), "resources")
}

// A client keeps its login when its secret changes.
func TestAnotherSecretIsTheSameLogin(t *testing.T) {
	k := fullKey()
	k.ClientSecret = "another"
	if k.ID() != fullKey().ID() {
		t.Error("the ID depends on the client's secret")
	}
}

func TestIDOfNilAndEmpty(t *testing.T) {
	k := Key{
		Server: []string{"s"}, Scopes: []string{}, Resource: []string{},
		AuthParams: map[string]string{}, TokenParams: map[string]string{}, RefreshParams: map[string]string{},
	}
	if k.ID() != (Key{Server: []string{"s"}}).ID() {
		t.Error("empty is not as nil")
	}
	if k.AuthParams == nil {
		t.Error("ID changed its caller's map")
	}
}

func TestItem(t *testing.T) {
	allowed := regexp.MustCompile(`^[A-Za-z0-9._:/@-]{1,220}$`)
	item := func(server, account string) string {
		k := testKey()
		k.Server, k.Account = []string{server}, account
		return k.item(k.ID())
	}
	accounts := []string{"", "alice@example.com", "bob@example.com", "a b", "a-b", "a\nb", "a'b", `a"b`, "a;b", "a\x00b", "ä", "日本", "\xff", strings.Repeat("long", 100), strings.Repeat("long", 100) + "er"}
	seen := map[string]string{}
	for _, server := range []string{"https://id.example.com", "https://id.example.com:8443/realms/a b", "https://idé.example.com\nadd-generic-password"} {
		for _, account := range accounts {
			got := item(server, account)
			if !allowed.MatchString(got) {
				t.Errorf("%q, %q: the item's name %q has characters that mean something to a keyring", server, account, got)
			}
			if other, found := seen[got]; found {
				t.Errorf("%q and %q share the item %q", account, other, got)
			}
			seen[got] = account
		}
	}
	got := item("https://id.example.com", "alice@example.com")
	if !strings.HasPrefix(got, "https://id.example.com/alice@example.com/") || !strings.HasSuffix(got, "/"+keyFor("alice@example.com").ID()[:8]) {
		t.Errorf("the item is named %q: a person would not know it", got)
	}
	if item("https://id.example.com", "") == item("https://id.example.com", "x") {
		t.Error("two accounts at one server share an item")
	}
	other := testKey()
	other.Client = "another"
	if other.item(other.ID()) == testKey().item(testKey().ID()) {
		t.Error("two clients at one server share an item")
	}
}

func keyFor(account string) Key {
	k := testKey()
	k.Account = account
	return k
}
