package setup

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
)

// bazelTool is Bazel's part: a link, and a line that the person writes where their
// project has its options.
type bazelTool struct {
	c     *Run
	link  *link
	hosts []string
}

func (t *bazelTool) look(_ context.Context, h *hostSetup) (files []string, err error) {
	if t.link, err = t.c.lookLink("bazel-credential-flyte"); err != nil {
		return nil, err
	}
	for _, p := range h.hosts {
		t.hosts = append(t.hosts, p.Pattern.String())
	}
	return []string{t.link.path}, nil
}

func (t *bazelTool) words() string                { return t.link.words() }
func (t *bazelTool) change(context.Context) error { return t.link.make() }

func (t *bazelTool) proof(context.Context) (text string, works bool) {
	text = "Write into your project's .bazelrc:\n"
	for _, host := range t.hosts {
		option := "--credential_helper=" + login.WithoutScheme(host) + "=" + t.link.path
		if strings.ContainsAny(option, " \t'\"\\") { // as Bazel reads a .bazelrc
			option = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(option) + `"`
		}
		text += "  common " + option + "\n"
	}
	return text, true
}

// goTool is the go command's part: we stand before what GOAUTH had.
type goTool struct {
	c    *Run
	want string // empty: it is so already
	was  string
}

func (t *goTool) look(ctx context.Context, h *hostSetup) ([]string, error) {
	for _, p := range h.hosts {
		if strings.HasPrefix(p.Pattern.String(), "http://") {
			return nil, config.Errorf(config.Hint{}, "the go command sends tokens by https only, and not to %s", p.Pattern)
		}
	}
	values, err := t.env(ctx, "GOAUTH", "GOENV")
	if err != nil {
		return nil, err
	}
	ours := t.c.command() + " goauth"
	if strings.ContainsAny(ours, ";\n") || len(strings.Fields(ours)) != 2 {
		return nil, config.Errorf(config.Hint{}, "GOAUTH cannot name %s: put the program where its path has no blanks", t.c.command())
	}
	t.was = values[0]
	switch {
	case t.was == "off": // which go takes alone only
		t.want = ours
	case !slices.Contains(strings.Split(t.was, ";"), ours):
		t.want = strings.TrimSuffix(ours+";"+t.was, ";")
	}
	if t.c.Getenv("GOAUTH") != "" && t.want != "" {
		return nil, config.Errorf(config.Command("unset", "GOAUTH"), "GOAUTH is set in the environment, which comes before what go env -w writes")
	}
	return []string{values[1]}, nil
}

func (t *goTool) env(ctx context.Context, args ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"env"}, args...)...)
	cmd.Env = t.c.Environ()
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, config.Errorf(config.Hint{}, "go is not on PATH: setup has it change its configuration")
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"), err
}

func (t *goTool) words() string {
	if t.want == "" {
		return ""
	}
	return fmt.Sprintf("go env GOAUTH: %s, in place of %s\n", t.want, t.was)
}

func (t *goTool) change(ctx context.Context) error {
	if t.want == "" {
		return nil
	}
	_, err := t.env(ctx, "-w", "GOAUTH="+t.want)
	return err
}

func (t *goTool) proof(ctx context.Context) (text string, works bool) {
	cmd := exec.CommandContext(ctx, t.c.command(), "goauth")
	cmd.Env = t.c.Environ()
	if out, err := cmd.Output(); err != nil || len(out) == 0 {
		return "The go command does not get the token yet: see " + config.Program + " goauth\n", false
	}
	return "The go command gets the token.\n", true
}
