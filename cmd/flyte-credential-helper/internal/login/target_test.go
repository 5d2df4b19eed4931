package login

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// environment is one with these variables, and without a terminal.
func environment(variables map[string]string) system.Env {
	var environ []string
	for name, value := range variables {
		environ = append(environ, name+"="+value)
	}
	return system.Env{
		Getenv: func(name string) string { return variables[name] }, Environ: func() []string { return environ },
		StateHome: "/state", Stderr: &bytes.Buffer{},
	}
}

// resolved are the settings of a command line.
func resolved(t *testing.T, args ...string) *config.Resolved {
	t.Helper()
	flags := config.NewFlags(config.Every)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	r, err := config.Resolve(config.Input{CommandLine: flags.CommandLine(), ReadFile: func(string) ([]byte, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A worker gets every field of the target, whatever it is.
func TestTargetIsComplete(t *testing.T) {
	var want Target
	fill(t, reflect.ValueOf(&want).Elem(), "x")
	text, err := json.Marshal(work{Target: want, Kind: oauth.ID, Patience: 3})
	if err != nil {
		t.Fatal(err)
	}
	var got work
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Target); diff != "" || got.Kind != oauth.ID || got.Patience != 3 {
		t.Errorf("(-sent +received):\n%s%+v", diff, got)
	}
}

// fill sets every field of a value to something else than zero.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8:
		v.SetUint(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), name)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{name: name}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	default:
		t.Fatalf("%s has the kind %s, which this test does not fill", name, v.Kind())
	}
}

// A client's secret goes to workers in the target, and to no other process.
func TestClientSecret(t *testing.T) {
	env := environment(map[string]string{
		"SECRET": "hunter2", "OTHER": "x", "FLYTE_API_KEY": "hunter2", "FLYTE_CREDENTIALS_CLIENT_SECRET": "hunter2",
		"FLYTE_CREDENTIAL_HELPER_HEADER": "X=hunter2", "FLYTE_CREDENTIAL_HELPER_TOKEN_PARAM": "x=hunter2", "FLYTE_CREDENTIAL_HELPER_REFRESH_PARAM": "x=hunter2",
	})
	r := resolved(t, "--issuer", "https://id.example.com", "--client-id", "c", "--client-secret-env", "SECRET")
	target, err := newTarget(r, env, newSecretFunc(r, env))
	if err != nil || target.ClientSecret != "hunter2" {
		t.Errorf("%v: %+v", err, target)
	}
	if environ := childEnviron(r, env); len(environ) != 1 || environ[0] != "OTHER=x" {
		t.Errorf("other programs get %q", environ)
	}
	if revoked := target.ofClient("another"); revoked.Settings.ClientID != "another" || revoked.ClientSecret != "" {
		t.Errorf("another client has the secret: %+v", revoked)
	}
}

// A login ID does not change: settings are identified as they always were.
func TestKeyOf(t *testing.T) {
	for args, id := range map[string]cache.Key{
		"--issuer https://a --client-id c":                                      {Server: []string{"https://a"}, Client: "c", Grant: cache.GrantUser},
		"--endpoint flyte.example.com":                                          {Server: []string{"flyte.example.com"}, Grant: cache.GrantUser},
		"--endpoint f --token-endpoint https://t":                               {Server: []string{"f", "", "https://t"}, Grant: cache.GrantUser},
		"--auth-endpoint https://a --token-endpoint https://t --account me":     {Server: []string{"https://a", "https://t"}, Grant: cache.GrantUser, Account: "me"},
		"--issuer https://a --grant client-credentials --scope b --scope a":     {Server: []string{"https://a"}, Grant: cache.GrantClient, Scopes: []string{"a", "b"}},
		"--issuer https://a --header A=b --ca-file x --min-ttl 3s --store file": {Server: []string{"https://a"}, Grant: cache.GrantUser},
	} {
		if got := cache.KeyOf(unread(resolved(t, strings.Fields(args)...)).client(clientParts{})); got.ID() != id.ID() {
			t.Errorf("%s: %+v", args, got)
		}
	}
}
