package setup

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// hostSetup has a caller that names a host ask us for some hosts.
type hostSetup struct {
	caller string // such as git
	hosts  []config.HostEntry

	repositories []string // of git's that were named in full

	plan  planned // the profile that serves them
	was   []byte  // the configuration
	text  []byte  // the same with the profile; nil: it is so already
	files []string
	tool  tool
}

// tool is the other program's part of a setup.
type tool interface {
	// look finds out what is to change, and which files may.
	look(ctx context.Context, h *hostSetup) (files []string, err error)
	// words tell a person what change would do; empty: nothing.
	words() string
	change(ctx context.Context) error
	// proof tries it, and tells whether it works and what is left to do.
	proof(ctx context.Context) (text string, works bool)
}

// setUpHosts shows the change, logs in, makes the change and tries it.
func setUpHosts(ctx context.Context, c *Run, caller string, names []string, t tool) error {
	h := &hostSetup{caller: caller, tool: t}
	if len(names) == 0 {
		return config.Errorf(config.Command(config.Program, "setup", caller, "HOST", "--issuer", "https://login.example.com", "--client-id", "ID"), "which host?")
	}
	for _, name := range names {
		if err := h.add(name); err != nil {
			return config.Errorf(config.Hint{}, "%v", err)
		}
	}
	u, err := readUndo(c.Env, caller)
	if err != nil {
		return err
	}
	if err := h.planProfile(c); err != nil {
		return err
	}
	if h.files, err = t.look(ctx, h); err != nil {
		return err
	}
	done := h.text == nil && t.words() == ""
	if err := c.Write(h.shown(c, done)); err != nil || c.options.DryRun {
		return err
	}
	if err := c.confirm(ctx, done || c.options.Yes); err != nil {
		return err
	}
	if err := u.orBack(func() error { return h.change(ctx, c, u) }); err != nil {
		return err
	}
	text, works := t.proof(ctx)
	if err := c.Write("\n" + text + "To take this back: " + shellquote.Join(c.command()) + " setup " + caller + " --undo\n"); err != nil || works {
		return err
	}
	return &UnprovenError{Caller: caller, what: "not all of it works"}
}

// add has a host be served, which may be named by a URL there, and for git by that of
// a repository.
func (h *hostSetup) add(name string) error {
	username := ""
	if u, err := url.Parse(name); err == nil && u.Host != "" && (h.caller == "git" || strings.Trim(u.Path, "/") == "") {
		if strings.Trim(u.Path, "/") != "" {
			h.repositories = append(h.repositories, name)
		}
		username = u.User.Username()
		name = strings.TrimPrefix(u.Scheme+"://"+u.Host, "https://")
	}
	p, err := execcred.ParsePattern(name)
	h.hosts = append(h.hosts, config.HostEntry{Pattern: p, Username: username})
	return err
}

// planProfile finds the profile that is to serve the hosts: the one in use, or a new
// one of this call's settings.
func (h *hostSetup) planProfile(c *Run) error {
	if err := c.key(); err != nil {
		return err
	}
	have, err := c.configFile()
	if err != nil {
		return err
	}
	name := c.ProfileInUse
	if lost := c.besideProfile(); name != "" && len(lost) > 0 {
		return config.Errorf(config.Shell("${EDITOR:-vi} %s", c.configPath()), "%s will have the token of the profile %s, and %s is not a part of it: put that into the profile", h.caller, name, strings.Join(lost, ", "))
	}
	p := maps.Clone(have.Profiles[name])
	if name == "" {
		name, p = cmp.Or(c.NewProfile, h.hosts[0].Pattern.String()), c.asProfile()
	}
	h.plan = planned{name: name, Profile: p}
	_, h.plan.replaces = have.Profiles[name]
	if c.ProfileInUse == "" && h.plan.replaces && !without(have.Profiles[name], "serves").Same(p) {
		return config.Errorf(config.Command(config.Program, "setup", h.caller, h.hosts[0].Pattern.String(), "--profile", name), "there is a profile %s with other settings: use it, or give this one a name of its own with --profile", name)
	}
	list := have.Serves[name]
	for _, host := range h.hosts {
		if i := slices.IndexFunc(list, func(s config.HostEntry) bool { return s.Pattern == host.Pattern }); i < 0 {
			host.Username = cmp.Or(host.Username, c.GitUsername())
			list = append(list, host)
		}
	}
	if len(list) == len(have.Serves[name]) {
		return nil
	}
	p["serves"] = config.ProfileValue{Words: config.ServesText(list)}
	if h.was, err = edit.Read(c.configPath()); err == nil {
		h.text, err = (&config.File{Path: c.configPath()}).WithProfile(h.was, name, p)
	}
	return err
}

func (h *hostSetup) shown(c *Run, done bool) string {
	if done {
		return "Everything is set up already.\n"
	}
	var hosts []string
	for _, host := range h.hosts {
		hosts = append(hosts, host.Pattern.String())
	}
	text := fmt.Sprintf("%s is to have the token of %s for %s. This changes:\n", h.caller, c.Server(), strings.Join(hosts, ", "))
	if h.text != nil {
		text += fmt.Sprintf("\n%s, under profiles:\n%s", c.configPath(), config.ProfileText(h.plan.name, h.plan.Profile.Shown(), 2))
	}
	if words := h.tool.words(); words != "" {
		text += "\n" + words
	}
	return text
}

// change logs in before the other program is told of us: settings that do not work
// are of no use there.
func (h *hostSetup) change(ctx context.Context, c *Run, u *undo) error {
	u.uses(h.plan.name)
	if h.text != nil {
		write := func() error { return edit.Replace(c.configPath(), h.was, h.text) }
		if err := u.watch([]string{c.configPath()}, write); err != nil {
			return err
		}
	}
	if err := c.logInWithProfile(ctx, h.plan.name, true, oauth.Access); err != nil {
		return err
	}
	return u.watch(h.files, func() error { return h.tool.change(ctx) })
}

// link is a name under which other programs find us on PATH.
type link struct {
	c    *Run
	path string
	made bool // it is there, and leads to us
}

// lookLink finds where the link of that name is or belongs: beside the program, where
// PATH leads there, else in the person's own folder.
func (c *Run) lookLink(name string) (*link, error) {
	self, err := c.Executable()
	if err != nil {
		return nil, err
	}
	if found, err := exec.LookPath(name); err == nil {
		if !system.SameFile(found, self) {
			return nil, config.Errorf(config.Command("ls", "-l", found), "%s is another program: it would be asked in place of this one", found)
		}
		return &link{c, found, true}, nil
	}
	dir := filepath.Join(c.Home, ".local", "bin")
	if found, err := exec.LookPath(config.Program); err == nil && system.SameFile(found, self) {
		dir = filepath.Dir(found)
	}
	path := filepath.Join(dir, system.LinkName(name))
	return &link{c, path, system.SameFile(path, self)}, nil
}

func (l *link) words() string {
	if l.made {
		return ""
	}
	return l.path + ", a link to this program\n"
}

func (l *link) make() error {
	if l.made {
		return nil
	}
	self, err := l.c.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return err
	}
	return system.Link(self, l.path)
}

// remark says what is left to do where PATH does not lead to the link.
func (l *link) remark() string {
	if _, err := exec.LookPath(filepath.Base(l.path)); err == nil {
		return ""
	}
	return fmt.Sprintf("%s is not on PATH, so nobody finds it there yet: put it there, and start the other program anew.\n", filepath.Dir(l.path))
}

// without is p without a key.
func without(p config.Profile, key string) config.Profile {
	rest := maps.Clone(p)
	delete(rest, key)
	return rest
}

// Git sets up git for hosts.
func Git(ctx context.Context, c *Run, hosts []string) error {
	return setUpHosts(ctx, c, "git", hosts, &gitTool{c: c})
}

// Docker sets up docker for registries.
func Docker(ctx context.Context, c *Run, hosts []string) error {
	return setUpHosts(ctx, c, "docker", hosts, &dockerTool{c: c})
}

// Bazel sets up Bazel for hosts.
func Bazel(ctx context.Context, c *Run, hosts []string) error {
	return setUpHosts(ctx, c, "bazel", hosts, &bazelTool{c: c})
}

// Goauth sets up the go command for hosts.
func Goauth(ctx context.Context, c *Run, hosts []string) error {
	return setUpHosts(ctx, c, "goauth", hosts, &goTool{c: c})
}
