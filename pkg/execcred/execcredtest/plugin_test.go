package execcredtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
)

// secret is the token of all plugins here. It is in no finding.
const secret = "at-secret"

// good is what a good plugin says.
const good = `{"kind":"ExecCredential","apiVersion":"VERSION","status":{"token":"at-secret"}}` + "\n"

// documents are plugins that take requests as they should, and say this. OTHER
// is the version that was not asked for.
var documents = map[string]string{
	"good":                    good,
	"unknown key":             strings.Replace(good, `"token"`, `"grease":{},"token"`, 1),
	"duplicated key":          strings.Replace(good, `"token"`, `"token":"","token"`, 1),
	"byte order mark":         "\ufeff" + good,
	"no kind":                 strings.Replace(good, `"kind":"ExecCredential",`, "", 1),
	"YAML":                    "kind: ExecCredential\napiVersion: VERSION\nstatus: {token: at-secret}\n",
	"expiry in fractions":     withExpiry(`"2999-01-01T00:00:00.123456789Z"`),
	"expiry elsewhere":        withExpiry(`"2999-01-01T00:00:00+05:30"`),
	"expiry null":             withExpiry("null"),
	"expiry past":             withExpiry(`"2020-01-01T00:00:00Z"`),
	"expiry a number":         withExpiry("32472144000"),
	"text before":             "Opening the browser\n" + good,
	"text after":              good + "bye\n",
	"two documents":           good + good,
	"nothing":                 "",
	"no apiVersion":           strings.Replace(good, `"apiVersion":"VERSION",`, "", 1),
	"other version":           strings.Replace(good, "VERSION", "OTHER", 1),
	"v1alpha1":                strings.Replace(good, "VERSION", group+"v1alpha1", 1),
	"other kind":              strings.Replace(good, "ExecCredential", "TokenReview", 1),
	"Status":                  strings.Replace(good, "status", "Status", 1),
	"Token":                   strings.Replace(good, `"token"`, `"Token"`, 1),
	"no status":               `{"kind":"ExecCredential","apiVersion":"VERSION"}`,
	"empty status":            `{"kind":"ExecCredential","apiVersion":"VERSION","status":{}}`,
	"certificate without key": strings.Replace(good, `"token"`, `"clientCertificateData":"x","token"`, 1),
	"line feed in the token":  strings.Replace(good, secret, secret+`\nx`, 1),
	"space in the token":      strings.Replace(good, secret, secret+` x`, 1),
}

func withExpiry(value string) string {
	return strings.Replace(good, `"token"`, `"expirationTimestamp":`+value+`,"token"`, 1)
}

// modes are all plugins, by name.
func modes() map[string]func() int {
	all := map[string]func() int{
		"failure with an answer": func() int { print(good, V1); return 3 },
		"failure":                func() int { return fail(errors.New("the reason")) },
		"silent failure":         func() int { return 3 },
		"deaf":                   func() int { print(good, V1); return 0 },
		"echo":                   echoing,
		"pedantic":               when(strange),
		"strict about the kind": when(func(info string) bool {
			return json.Valid([]byte(info)) && !strings.Contains(info, `"kind":"ExecCredential",`)
		}),
		"no cluster":              when(func(info string) bool { return strings.Contains(info, `"cluster"`) }),
		"no config":               when(func(info string) bool { return strings.Contains(info, `"config":{`) }),
		"no terminal":             when(func(info string) bool { return strings.Contains(info, `"interactive":true`) }),
		"not by hand":             when(func(info string) bool { return info == "" }),
		"stdin read":              func() int { _, _ = io.Copy(io.Discard, os.Stdin); return answer(good) },
		"refusal on stdout":       func() int { return refuse(os.Stdout) },
		"silent refusal":          func() int { return refuse(io.Discard) },
		"once":                    func() int { return once(func() int { return fail(errors.New("not again")) }) },
		"once well":               func() int { return once(func() int { return answer("bye") }) },
		"one at a time":           oneAtATime,
		"stdout held":             func() int { return leave(func(c *exec.Cmd) { c.Stdout = os.Stdout }) },
		"stderr held":             func() int { return leave(func(c *exec.Cmd) { c.Stderr = os.Stderr }) },
		"nothing held by a child": func() int { return leave(func(*exec.Cmd) {}) },
		"endless":                 func() int { stay(); return 0 },
		"scribe":                  scribe,
	}
	for name, document := range documents {
		all[name] = func() int { return answer(document) }
	}
	return all
}

func print(document, version string) {
	other := V1
	if version == V1 {
		other = V1Beta1
	}
	fmt.Print(strings.NewReplacer("VERSION", version, "OTHER", other).Replace(document))
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 3
}

// asked is the version that was asked for.
func asked() (string, error) {
	info := os.Getenv(infoVariable)
	if info == "" {
		return V1, nil
	}
	var e struct{ APIVersion string }
	if err := json.Unmarshal([]byte(info), &e); err != nil {
		return "", err
	}
	if e.APIVersion != V1 && e.APIVersion != V1Beta1 {
		return e.APIVersion, errors.New("what is that?")
	}
	return e.APIVersion, nil
}

func answer(document string) int {
	version, err := asked()
	if err != nil {
		return fail(err)
	}
	print(document, version)
	return 0
}

func echoing() int {
	version, err := asked()
	if err != nil && version == "" && os.Getenv(infoVariable) == "{" {
		return fail(err)
	}
	print(good, version)
	return 0
}

// when fails in silence where it does not like the request.
func when(bad func(info string) bool) func() int {
	return func() int {
		if bad(os.Getenv(infoVariable)) {
			return 4
		}
		return answer(good)
	}
}

func strange(info string) bool {
	d := json.NewDecoder(strings.NewReader(info))
	d.DisallowUnknownFields()
	var e clientv1.ExecCredential
	err := d.Decode(&e)
	return err != nil && strings.Contains(err.Error(), "unknown field")
}

func refuse(w io.Writer) int {
	if _, err := asked(); err != nil {
		fmt.Fprintln(w, err)
		return 4
	}
	return answer(good)
}

// own is a file of the test's.
func own(name string) string { return filepath.Join(os.Getenv("EXECCREDTEST_DIR"), name) }

func created(name string) bool {
	f, err := os.OpenFile(own(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}

// once does then where client-go runs it for the second time.
func once(then func() int) int {
	if id := os.Getenv("EXECCREDTEST"); id != "" && !created(id) {
		return then()
	}
	return answer(good)
}

// oneAtATime keeps its place until another one came, and went without.
func oneAtATime() int {
	if !created("place") {
		created("gone")
		return fail(errors.New("taken"))
	}
	for range 4000 {
		if _, err := os.Stat(own("gone")); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return answer(good)
}

// scribe writes down how it was asked.
func scribe() int {
	_ = os.WriteFile(own("asked"), []byte(os.Getenv(infoVariable)), 0o600)
	return answer(good)
}

// leave leaves a child behind that has what change gives it.
func leave(change func(*exec.Cmd)) int {
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), modeVariable+"=child")
	change(child)
	if _, err := child.StdinPipe(); err != nil { // ends with us
		return fail(err)
	}
	if err := child.Start(); err != nil {
		return fail(err)
	}
	return answer(good)
}

// stay says on the test's connection when the process is on its own, and stays
// until the test hangs up.
func stay() {
	c, err := net.Dial("tcp", os.Getenv("EXECCREDTEST_HOLD"))
	if err != nil {
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	_, _ = c.Write([]byte("alone"))
	_, _ = c.Read(make([]byte, 1))
}

// holder is what children hold on to.
type holder struct {
	net.Listener
	t *testing.T
}

func newHolder(t *testing.T) holder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return holder{l, t}
}

func (h holder) env() string { return "EXECCREDTEST_HOLD=" + h.Addr().String() }

// alone waits for a child whose parent has ended. To hang up ends the child.
func (h holder) alone() (hangUp func()) {
	h.t.Helper()
	c, err := h.Accept()
	if err != nil {
		h.t.Fatal(err)
	}
	word := make([]byte, len("alone"))
	if _, err := io.ReadFull(c, word); err != nil || !bytes.Equal(word, []byte("alone")) {
		h.t.Fatalf("%q, %v", word, err)
	}
	return func() { _ = c.Close() }
}

// plugin is the plugin of a mode.
func plugin(t *testing.T, mode string, env ...string) Plugin {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if modes()[mode] == nil {
		t.Fatalf("no plugin is called %q", mode)
	}
	return Plugin{Command: self, Env: append(env, modeVariable+"="+mode, "EXECCREDTEST_DIR="+t.TempDir())}
}
