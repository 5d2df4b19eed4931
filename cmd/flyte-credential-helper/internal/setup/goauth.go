package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/version"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// goauthSetup configures the go command: this program is the first of GOAUTH, in the file that go
// env -w writes. https://go.dev/ref/mod#private-module-repo-auth
type goauthSetup struct{ hostSetup }

// Goauth sets up the go command for hosts.
func Goauth(ctx context.Context, r *Run, hosts []string) error {
	return r.runForHosts(ctx, "goauth", hosts, func(h hostSetup) integration { return goauthSetup{h} })
}

func (g goauthSetup) plan(ctx context.Context) (*plan, error) {
	for _, h := range g.hosts {
		if strings.HasPrefix(h.Pattern.String(), "http://") {
			return nil, config.Errorf(config.Hint{}, "the go command sends tokens by https only: it cannot use %s", h.Pattern)
		}
	}
	names := hostNames(g.hosts)
	p, err := g.hostPlan("the go command", g.hosts)
	if err != nil {
		return nil, err
	}
	values, err := g.env(ctx, "GOVERSION", "GOENV", "GOAUTH", "GOPRIVATE")
	if err != nil {
		return nil, err
	}
	release, file, list := values[0], values[1], values[2]
	ours := g.command() + " goauth"
	switch {
	case version.IsValid(release) && version.Compare(release, "go1.24") < 0:
		return nil, config.Errorf(config.Command("go", "version"), "this is %s: GOAUTH needs go1.24 or later", release)
	case file == "off" || file == "":
		return nil, config.Errorf(config.Command("unset", "GOENV"), "GOENV is off: the go command reads no configuration file")
	case strings.ContainsAny(ours, ";\n") || len(strings.Fields(ours)) != 2:
		return nil, config.Errorf(config.Hint{}, "GOAUTH cannot name %s: move the program to a path without blanks and semicolons", g.command())
	case g.Getenv("GOAUTH") != "" && !slices.Contains(strings.Split(list, ";"), ours):
		return nil, config.Errorf(config.Command("unset", "GOAUTH"), "the variable GOAUTH overrides what go env -w writes")
	}
	file = g.absolute(file)
	c := edit.Change{Path: file, Kind: kindGoEnv, Key: []string{"GOAUTH"}, New: withOurs(list, ours), For: names}
	p.steps = append(p.steps, newFile(file, "", names), step{Change: c, lines: "GOAUTH=" + c.New})
	private := strings.FieldsFunc(values[3], func(r rune) bool { return r == ',' })
	known := len(private)
	for _, name := range names {
		host, _, _ := strings.Cut(name, ":") // patterns of module paths have no port
		if !slices.Contains(private, host) {
			private = append(private, host)
		}
	}
	if len(private) > known {
		p.notes = append(p.notes, "If these are hosts of modules, and not of a module proxy: so that the go command does not ask the public proxy and checksum database for them:\n  "+
			shellquote.Join("go", "env", "-w", "GOPRIVATE="+strings.Join(private, ",")))
	}
	return p, nil
}

// withOurs returns a value of GOAUTH with our command first. Our command with another path, as
// the program had before, is replaced, and so is off, which the go command accepts only alone.
func withOurs(list, ours string) string {
	rest := slices.DeleteFunc(strings.Split(list, ";"), func(entry string) bool {
		return entry == "" || entry == "off" || isOurGoauth(entry)
	})
	return strings.Join(append([]string{ours}, rest...), ";")
}

// isOurGoauth reports whether an entry of GOAUTH runs this program.
func isOurGoauth(entry string) bool {
	words := strings.Fields(entry)
	return len(words) == 2 && words[1] == "goauth" && isProgram(words[0])
}

func (g goauthSetup) env(ctx context.Context, names ...string) ([]string, error) {
	out, err := output(ctx, g.Env, "", append([]string{"go", "env"}, names...)...)
	if errors.As(err, new(*system.ExitError)) {
		return nil, fmt.Errorf("go env: %w", err)
	}
	text := strings.ReplaceAll(string(out), "\r", "") // of a file with CR LF
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), err
}

// verify checks that the go command runs this program, and that it answers with our token.
func (g goauthSetup) verify(ctx context.Context, p *plan, s *session) (string, error) {
	values, err := g.env(ctx, "GOAUTH")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(values[0], ";")
	if !isOurGoauth(first) {
		return "", &VerifyError{"the go command is set up, but go env GOAUTH is " + oauth.Printable(values[0])}
	}
	out, err := output(ctx, g.Env, "", strings.Fields(first)...)
	if err != nil {
		return "", &VerifyError{"the go command is set up, but it does not get the token: " + err.Error()}
	}
	if !bytes.Contains(out, []byte(s.credential.Value.Reveal())) {
		return "", &VerifyError{"the go command is set up, but it gets another credential than our token"}
	}
	return "The go command gets the token.\n", nil
}

const kindGoEnv = "goenv"

// goEnvFormat is the file of go env -w: one NAME=VALUE a line.
type goEnvFormat struct{}

// Get implements [edit.Format].
func (goEnvFormat) Get(_ context.Context, text []byte, key []string) (value *string, err error) {
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(strings.TrimRight(line, "\r\n"), key[0]+"="); found {
			value = &rest
		}
	}
	return value, nil
}

// Set implements [edit.Format].
func (goEnvFormat) Set(_ context.Context, text []byte, key []string, value *string) ([]byte, error) {
	lines := slices.Collect(strings.Lines(string(text)))
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, key[0]+"=") })
	rest := slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, key[0]+"=") })
	if value == nil {
		return []byte(strings.Join(rest, "")), nil
	}
	entry := key[0] + "=" + *value + "\n" // the go command reads a CR as a part of the value
	if at < 0 {
		if at = len(rest); at > 0 && !strings.HasSuffix(rest[at-1], "\n") {
			entry = "\n" + entry
		}
	}
	return []byte(strings.Join(slices.Insert(rest, at, entry), "")), nil
}

// Revert implements [edit.Reverter]. If the user has changed the value, only our command is
// removed from it.
func (g goEnvFormat) Revert(ctx context.Context, text []byte, c edit.Change) ([]byte, error) {
	now, err := g.Get(ctx, text, c.Key)
	if err != nil || now == nil {
		return text, err
	}
	if *now == c.New {
		return g.Set(ctx, text, c.Key, c.Old)
	}
	rest := strings.Join(slices.DeleteFunc(strings.Split(*now, ";"), isOurGoauth), ";")
	if rest == *now {
		return text, nil
	}
	if rest == "" {
		return g.Set(ctx, text, c.Key, nil)
	}
	return g.Set(ctx, text, c.Key, &rest)
}
