package main

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

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// hostSetup has a caller that names a host ask us for some hosts.
type hostSetup struct {
	caller string // such as git
	hosts  []served

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

// setupHosts shows the change, logs in, makes the change and tries it.
func setupHosts(ctx context.Context, c *call, caller string, names []string, t tool, a asked) error {
	h := &hostSetup{caller: caller, tool: t}
	if len(names) == 0 {
		return usage(program+" setup "+caller+" "+"HOST --issuer https://login.example.com --client-id ID", "which host?")
	}
	for _, name := range names {
		if err := h.add(name); err != nil {
			return usage("", "%v", err)
		}
	}
	u, err := c.readUndo(caller)
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
	if err := c.write([]byte(h.shown(c, done))); err != nil || a.dryRun {
		return err
	}
	if err := c.confirm(ctx, done || a.yes); err != nil {
		return err
	}
	if err := u.orBack(func() error { return h.change(ctx, c, u) }); err != nil {
		return err
	}
	text, works := t.proof(ctx)
	if err := c.write([]byte("\n" + text + "To take this back: " + shellquote.Join(c.command()) + " setup " + caller + " --undo\n")); err != nil || works {
		return err
	}
	return &unprovenError{caller: caller, what: "not all of it works"}
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
	h.hosts = append(h.hosts, served{pattern: p, username: username})
	return err
}

// planProfile finds the profile that is to serve the hosts: the one in use, or a new
// one of this call's settings.
func (h *hostSetup) planProfile(c *call) error {
	if _, err := c.key(); err != nil {
		return err
	}
	have, err := readConfig(c.configPath(), c.table())
	if err != nil {
		return err
	}
	name := c.profile
	if lost := c.besideProfile(); name != "" && len(lost) > 0 {
		return usage("${EDITOR:-vi} "+c.configPath(), "%s will have the token of the profile %s, and %s is not a part of it: put that into the profile", h.caller, name, strings.Join(lost, ", "))
	}
	p := maps.Clone(have.profiles[name])
	if name == "" {
		name, p = cmp.Or(c.newProfile, h.hosts[0].pattern.String()), c.asProfile()
	}
	h.plan = planned{name: name, profile: p}
	_, h.plan.replaces = have.profiles[name]
	if c.profile == "" && h.plan.replaces && !have.profiles[name].without("serves").same(p) {
		return usage(program+" setup "+h.caller+" "+h.hosts[0].pattern.String()+" --profile "+name, "there is a profile %s with other settings: use it, or give this one a name of its own with --profile", name)
	}
	list := have.serves[name]
	for _, host := range h.hosts {
		if i := slices.IndexFunc(list, func(s served) bool { return s.pattern == host.pattern }); i < 0 {
			host.username = cmp.Or(host.username, presetOf(c.provider).gitUsername)
			list = append(list, host)
		}
	}
	if len(list) == len(have.serves[name]) {
		return nil
	}
	p["serves"] = profileValue{words: servesText(list)}
	if h.was, err = readOr(c.configPath()); err == nil {
		h.text, err = newConfig(c.configPath()).withServes(h.was, name, p, list[len(have.serves[name]):], c.table())
	}
	return err
}

// without is p without a key.
func (p profile) without(key string) profile {
	rest := maps.Clone(p)
	delete(rest, key)
	return rest
}

func (h *hostSetup) shown(c *call, done bool) string {
	if done {
		return "Everything is set up already.\n"
	}
	var hosts []string
	for _, host := range h.hosts {
		hosts = append(hosts, host.pattern.String())
	}
	text := fmt.Sprintf("%s is to have the token of %s for %s. This changes:\n", h.caller, c.server(), strings.Join(hosts, ", "))
	if h.text != nil {
		text += fmt.Sprintf("\n%s, under profiles:\n%s", c.configPath(), profileText(h.plan.name, h.plan.profile.masked(), c.table(), 2))
	}
	if words := h.tool.words(); words != "" {
		text += "\n" + words
	}
	return text
}

// change logs in before the other program is told of us: settings that do not work
// are of no use there.
func (h *hostSetup) change(ctx context.Context, c *call, u *undo) error {
	u.uses(h.plan.name)
	if h.text != nil {
		write := func() error { return replaceFile(c.configPath(), h.was, h.text) }
		if err := u.watch([]string{c.configPath()}, write); err != nil {
			return err
		}
	}
	s := newSettings()
	s.bound, s.profile = true, h.plan.name
	l, err := c.with(s)
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.logInNow(ctx, oauth.Access); err != nil {
		return err
	}
	return u.watch(h.files, func() error { return h.tool.change(ctx) })
}

// link is a name under which other programs find us on PATH.
type link struct {
	c    *call
	path string
	made bool // it is there, and leads to us
}

// lookLink finds where the link of that name is or belongs: beside the program, where
// PATH leads there, else in the person's own folder.
func (c *call) lookLink(name string) (*link, error) {
	self, err := c.executable()
	if err != nil {
		return nil, err
	}
	if found, err := exec.LookPath(name); err == nil {
		if !sameFile(found, self) {
			return nil, usage("ls -l "+shellquote.Join(found), "%s is another program: it would be asked in place of this one", found)
		}
		return &link{c, found, true}, nil
	}
	dir := filepath.Join(c.home, ".local", "bin")
	if found, err := exec.LookPath(program); err == nil && sameFile(found, self) {
		dir = filepath.Dir(found)
	}
	path := filepath.Join(dir, linkFile(name))
	return &link{c, path, sameFile(path, self)}, nil
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
	self, err := l.c.executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return err
	}
	return makeLink(self, l.path)
}

// remark says what is left to do where PATH does not lead to the link.
func (l *link) remark() string {
	if _, err := exec.LookPath(filepath.Base(l.path)); err == nil {
		return ""
	}
	return fmt.Sprintf("%s is not on PATH, so nobody finds it there yet: put it there, and start the other program anew.\n", filepath.Dir(l.path))
}
