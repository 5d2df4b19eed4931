package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// peer is another program that keeps credentials, and the arguments with which
// it answers from what it keeps. HOME, ISSUER and CLIENT in the arguments stand for its own
// home and for the server.
type peer struct {
	name    string
	program string // looked up on PATH, and where git has its own
	prime   []string
	primeIn string // to stdin when it is primed
	args    []string
	in      string
	end     []string // ends what it leaves running, if it does
	secrets bool     // it needs a Secret Service
}

func peers() []peer {
	const git, login = "protocol=https\nhost=example.com\n", "protocol=https\nhost=example.com\nusername=ann\npassword=secret\n"
	store, socket := []string{"--file", "HOME/git"}, []string{"--socket", "HOME/socket/s"}
	kubelogin := []string{
		"get-token", "--oidc-issuer-url=ISSUER", "--oidc-client-id=CLIENT", "--oidc-pkce-method=S256",
		"--token-cache-dir=HOME/kubelogin", "--browser-command=HOME/browser",
	}
	return []peer{
		{name: "git credential-store", program: "git-credential-store", prime: append(store, "store"), primeIn: login, args: append(store, "get"), in: git},
		{name: "git credential-cache", program: "git-credential-cache", prime: append(socket, "store"), primeIn: login, args: append(socket, "get"), in: git, end: append(socket, "exit")},
		{name: "kubelogin get-token", program: "kubelogin", prime: kubelogin, args: kubelogin},
		{name: "docker-credential-secretservice get", program: "docker-credential-secretservice", prime: []string{"store"}, primeIn: `{"ServerURL":"https://example.com","Username":"ann","Secret":"secret"}`, args: []string{"get"}, in: "https://example.com", secrets: true},
	}
}

// peerRows are those of the peers that are here and can be primed.
func (b *bench) peerRows(ctx context.Context) (rows []row, err error) {
	m, err := b.machine()
	if err != nil {
		return nil, err
	}
	if b.bus != nil {
		m.Env = append(m.Env, b.bus.Env()...)
	}
	for _, p := range peers() {
		switch path := find(ctx, p.program); {
		case !b.wants(p.name):
		case path == "":
			b.note("absent: %s", p.program)
		case p.secrets && b.bus == nil:
			b.note("skipped, for want of a Secret Service: %s", p.program)
		default:
			r, err := b.prime(ctx, p, path, m)
			if err != nil {
				b.note("cannot be primed: %s: %v", p.program, err)
				continue
			}
			rows = append(rows, r)
		}
	}
	m.Server.ResetCounts()
	return rows, nil
}

// find looks for a program on PATH, and where git keeps its own.
func find(ctx context.Context, program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	dir, err := exec.CommandContext(ctx, "git", "--exec-path").Output()
	if err != nil {
		return ""
	}
	path, err := exec.LookPath(filepath.Join(strings.TrimSpace(string(dir)), program))
	if err != nil {
		return ""
	}
	return path
}

// prime has the peer keep a credential, and makes its row. The home that it
// gets is its own.
func (b *bench) prime(ctx context.Context, p peer, path string, m *testenv.Machine) (r row, err error) {
	home, err := os.MkdirTemp(m.Dir, "peer-")
	if err != nil {
		return r, err
	}
	words := strings.NewReplacer("HOME", home, "ISSUER", m.Server.URL, "CLIENT", oauthtest.PublicClient)
	command := func(args []string, stdin string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, path)
		for _, a := range args {
			cmd.Args = append(cmd.Args, words.Replace(a))
		}
		cmd.Env = append(m.Env[:len(m.Env):len(m.Env)], "HOME="+home)
		cmd.Stdin = strings.NewReader(stdin)
		testenv.OwnSession(cmd)
		return cmd
	}
	r = row{name: p.name, binary: []string{path}, stdin: filepath.Join(home, "stdin")}
	err = errors.Join(os.Mkdir(filepath.Join(home, "socket"), 0o700), os.WriteFile(r.stdin, []byte(p.in), 0o600), browser(home, m))
	if err != nil {
		return r, err
	}
	if err := quiet(command(p.prime, p.primeIn)); err != nil {
		return r, err
	}
	if p.end != nil {
		b.endings = append(b.endings, func() error { return command(p.end, "").Run() })
	}
	answer := command(p.args, p.in)
	r.args, r.env = answer.Args[1:], answer.Env
	if out, err := answer.Output(); err != nil || len(out) == 0 {
		return r, fmt.Errorf("it gives no answer: %v", err)
	}
	return r, nil
}

// browser writes a program that opens what it is given in the machine's browser,
// for peers that take no arguments to theirs.
func browser(home string, m *testenv.Machine) error {
	script := "#!/bin/sh\nexec " + m.Browser() + ` "$@"` + "\n"
	return os.WriteFile(filepath.Join(home, "browser"), []byte(script), 0o700)
}

// quiet runs a command whose output is of interest only if it fails. A daemon
// that it leaves may hold its output open, so that goes to a file.
func quiet(cmd *exec.Cmd) error {
	f, err := os.CreateTemp("", "bench-output")
	if err != nil {
		return err
	}
	defer func() { _, _ = f.Close(), os.Remove(f.Name()) }()
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(f.Name())
		return fmt.Errorf("%w: %s", err, oneLine(said))
	}
	return nil
}
