package execcred

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Each request of each caller gets its answer, and an error only if the caller reads one.
func TestServe(t *testing.T) {
	const (
		git    = "protocol=https\nhost=a.example.com\n"
		docker = "a.example.com"
		bazel  = `{"uri":"https://a.example.com/x"}`
	)
	errLogin := errors.New("a login is needed")
	for _, c := range []struct {
		protocol   Protocol
		args, in   string
		err        error // of the GetFunc
		want, fail string
	}{
		{Kubernetes, "", "", nil, `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"at"}}` + "\n", ""},
		{Kubernetes, "", "", errLogin, "", errLogin.Error()},
		{Kubernetes, "", "", ErrNoCredential, "", ErrNoCredential.Error()},
		{Git, "get", git, nil, "username=me\npassword=at\n", ""},
		{Git, "get", git, ErrNoCredential, "", ""},
		{Git, "get", git, errLogin, GitQuit, errLogin.Error()},
		{Git, "get", "host=a.example.com\n", nil, "", ""},
		{Git, "get", "protocol=ssh\nhost=a.example.com\n", nil, "", ""},
		{Git, "capability", "", nil, GitCapabilities, ""},
		{Git, "erase", git, nil, "", ""},
		{Git, "store", git, nil, "", ""},
		{Git, "new-operation", git, nil, "", ""},
		{Git, "", git, nil, "", ""},
		{Docker, "get", docker, nil, `{"ServerURL":"a.example.com","Username":"me","Secret":"at"}` + "\n", ""},
		{Docker, "get", docker, ErrNoCredential, ErrDockerNotFound.Error() + "\n", ErrDockerNotFound.Error()},
		{Docker, "get", docker, errLogin, errLogin.Error() + "\n", errLogin.Error()},
		{Docker, "get", "", nil, ErrDockerNoServer.Error() + "\n", ErrDockerNoServer.Error()},
		{Docker, "get", "ssh://a.example.com", nil, ErrDockerNotFound.Error() + "\n", ErrDockerNotFound.Error()},
		{Docker, "list", "", nil, "{}\n", ""},
		{Docker, "erase", docker, nil, "", ""},
		{Docker, "store", "{}", nil, "this credential helper does not store passwords\n", "not store"},
		{Docker, "", docker, nil, "docker's operations are get, store, erase and list, not \"\"\n", "operations"},
		{Bazel, "get", bazel, nil, `{"headers":{"Authorization":["Bearer at"]}}` + "\n", ""},
		{Bazel, "get", bazel, ErrNoCredential, BazelNone, ""},
		{Bazel, "get", bazel, errLogin, "", errLogin.Error()},
		{Bazel, "get", `{"uri":"ftp://a.example.com/x"}`, nil, BazelNone, ""},
		{Bazel, "get", "x", nil, "", "not Bazel's"},
		{Bazel, "put", bazel, nil, "", "only operation"},
		{"smtp", "get", "", nil, "", "not a protocol"},
	} {
		var out bytes.Buffer
		process := Process{Args: strings.Fields(c.args), Getenv: func(string) string { return "" }, Stdin: strings.NewReader(c.in), Stdout: &out}
		err := Serve(t.Context(), c.protocol, process, func(_ context.Context, r Request) (Credential, error) {
			if host, _ := ParseHost("https", "a.example.com"); r.Host != host && r.Host.String() != "a.example.com" && r.Cluster == nil || r.Rejected(Credential{Token: "at"}) {
				t.Errorf("%s %q asks for %+v", c.protocol, c.in, r)
			}
			return Credential{Token: "at", Username: "me"}, c.err
		})
		if out.String() != c.want || (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%s %s %q: %q, %v", c.protocol, c.args, c.in, out.String(), err)
		}
	}
}

// git asks again for a token that the server rejected, and the plugin is told so.
func TestServeRejection(t *testing.T) {
	state := "state[]=" + gitState + gitFingerprint("old") + "\n"
	process := Process{Args: []string{"get"}, Stdin: strings.NewReader("protocol=https\nhost=a.example.com\n" + state), Stdout: io.Discard}
	err := Serve(t.Context(), Git, process, func(_ context.Context, r Request) (Credential, error) {
		if !r.Rejected(Credential{Token: "old"}) || r.Rejected(Credential{Token: "new"}) {
			t.Error("the wrong token counts as rejected")
		}
		return Credential{Token: "new"}, nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A request that cannot be read, or is too long, and an answer that cannot be written are
// errors.
func TestServeBrokenStreams(t *testing.T) {
	get := func(context.Context, Request) (Credential, error) { return Credential{Token: "at"}, nil }
	broken := errors.New("broken")
	_, closed := io.Pipe()
	closed.CloseWithError(broken)
	for name, p := range map[string]Process{
		"stdin":  {Args: []string{"get"}, Stdin: iotest.ErrReader(broken), Stdout: io.Discard},
		"long":   {Args: []string{"get"}, Stdin: strings.NewReader(strings.Repeat("a", maxRequest+1)), Stdout: io.Discard},
		"stdout": {Args: []string{"get"}, Stdin: strings.NewReader("a.example.com"), Stdout: closed},
	} {
		if err := Serve(t.Context(), Docker, p, get); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
