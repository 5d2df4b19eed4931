package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// gitTool is git's part: for each host an empty helper, which has git forget those
// for all hosts, and ours.
type gitTool struct {
	c       *Run
	helper  string
	urls    []string // of all hosts
	changes []string // those for which git does not ask us yet
	was     map[string][]string

	repositories []string // to try it with
}

func (t *gitTool) look(ctx context.Context, h *hostSetup) ([]string, error) {
	t.repositories = h.repositories
	self, err := t.c.Executable()
	if err != nil {
		return nil, err
	}
	if found, err := exec.LookPath(config.Program); err == nil && system.SameFile(found, self) {
		self = found
	}
	t.helper, t.was = self+" git", map[string][]string{} // an absolute path goes to the shell as it stands
	if quoted := shellquote.Join(self); quoted != self {
		t.helper = "!" + quoted + " git"
	}
	for _, p := range h.hosts {
		url := p.Pattern.String()
		if !strings.Contains(url, "://") {
			url = "https://" + url
		}
		values, err := t.values(ctx, url)
		if err != nil {
			return nil, err
		}
		t.urls, t.was[url] = append(t.urls, url), values
		if !slices.Equal(values, []string{"", t.helper}) {
			t.changes = append(t.changes, url)
		}
	}
	return t.files(), nil
}

// files are those that git config --global may write to.
func (t *gitTool) files() []string {
	if path := t.c.Getenv("GIT_CONFIG_GLOBAL"); path != "" {
		return []string{path}
	}
	config := t.c.Getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = filepath.Join(t.c.Home, ".config")
	}
	return []string{filepath.Join(t.c.Home, ".gitconfig"), filepath.Join(config, "git", "config")}
}

func helperKey(url string) string { return "credential." + url + ".helper" }

// values are the helpers that the person's own configuration has for url.
func (t *gitTool) values(ctx context.Context, url string) ([]string, error) {
	out, err := t.git(ctx, nil, "config", "--global", "--null", "--get-all", helperKey(url))
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil, nil // none
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

func (t *gitTool) git(ctx context.Context, in []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env, cmd.Stdin = t.c.Environ(), bytes.NewReader(in)
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, config.Errorf(config.Hint{}, "git is not on PATH: setup has it change its configuration")
	}
	return out, err
}

func (t *gitTool) words() (text string) {
	for _, url := range t.changes {
		text += fmt.Sprintf("git's configuration, %s: an empty one, so that no other is asked, and %s", helperKey(url), t.helper)
		if was := t.was[url]; len(was) > 0 {
			text += fmt.Sprintf(", in place of %q", was)
		}
		text += "\n"
	}
	return text
}

func (t *gitTool) change(ctx context.Context) error {
	for _, url := range t.changes {
		for _, args := range [][]string{{"--replace-all", helperKey(url), ""}, {"--add", helperKey(url), t.helper}} {
			if _, err := t.git(ctx, nil, append([]string{"config", "--global"}, args...)...); err != nil {
				return fmt.Errorf("git config %s: %w", args[0], err)
			}
		}
	}
	return nil
}

// proof has git itself ask.
func (t *gitTool) proof(ctx context.Context) (text string, works bool) {
	works = true
	for _, url := range t.urls {
		if strings.Contains(url, "*") {
			continue
		}
		protocol, host, _ := strings.Cut(url, "://")
		out, err := t.git(ctx, []byte("protocol="+protocol+"\nhost="+host+"\n\n"), "credential", "fill")
		if err != nil || !bytes.Contains(out, []byte("\npassword=")) {
			text += "git does not get the token for " + host + ": see printf 'protocol=" + protocol + "\\nhost=" + host + "\\n\\n' | git credential fill\n"
			works = false
			continue
		}
		text += "git gets the token for " + host + ".\n"
	}
	for _, repository := range t.repositories {
		if _, err := t.git(ctx, nil, "ls-remote", "--quiet", repository, "HEAD"); err != nil {
			text += "git ls-remote " + repository + " fails all the same: " + lastLine(err) + "\n"
			works = false
			continue
		}
		text += "git ls-remote " + repository + " works.\n"
	}
	return text, works
}

// lastLine is the last thing that a program said which failed.
func lastLine(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err.Error()
	}
	text := strings.TrimSpace(string(exit.Stderr))
	return oauth.Printable(text[strings.LastIndexByte(text, '\n')+1:])
}
