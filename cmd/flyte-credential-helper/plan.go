package main

import (
	"path/filepath"
	"slices"
	"strings"
)

// plan is all that setup would change.
type plan struct {
	none     bool   // nobody is to run us
	context  string // of the kubeconfig, to try in the end; empty: none uses a user of ours
	profiles []planned
	files    []plannedFile
	users    []userPlan
	moves    string   // the user that the context gets; empty: it stays
	login    string   // the profile to log in with; empty: this call's settings
	notes    []string // what a person should know before
}

// done reports whether nothing is left to change.
func (p *plan) done() bool { return len(p.profiles) == 0 && len(p.users) == 0 && p.moves == "" }

// planned is a profile to write.
type planned struct {
	name string
	profile
	replaces bool // another of that name
}

// plannedFile is a file to write, for its owner only.
type plannedFile struct {
	path, what string
	text       []byte
}

// userPlan is a kubeconfig user that is to run us.
type userPlan struct {
	name string
	exec *execUser
	was  []string // the kinds of credential that it loses
}

// plan finds out what is to change, for the options' users of k.
func (c *call) plan(k *kubeconfig, o setupOptions) (*plan, error) {
	p, make := &plan{}, c.planUser
	if o.kubelogin {
		make = c.planKubelogin
	}
	if err := make(p, k, o); err != nil {
		return nil, err
	}
	return p, c.finish(p, k)
}

// planUser plans for the settings of this call and one user of the kubeconfig.
func (c *call) planUser(p *plan, k *kubeconfig, o setupOptions) error {
	if _, err := c.key(); err != nil {
		return err
	}
	user, found := "", false
	if p.context = o.context; p.context == "" {
		p.context = k.CurrentContext
	}
	if p.context == "" {
		return usage("kubectl config get-contexts", "the kubeconfig has no current context: name one with --context")
	}
	if user, found = k.userOf(p.context); !found {
		return usage("kubectl config get-contexts", "the kubeconfig has no context %q: name one with --context, or choose one with kubectl config use-context", p.context)
	}
	if o.user != "" && o.user != user {
		user, p.moves = o.user, o.user
	}
	if user == "" {
		return usage("", "the context %s has no user: name it with --user", p.context)
	}
	name := c.profile
	switch lost := c.besideProfile(); {
	case name == "":
		name = user
		p.profiles = append(p.profiles, planned{name: name, profile: c.asProfile()})
	case len(lost) > 0:
		return usage("${EDITOR:-vi} "+c.configPath(), "kubectl will call this program with the profile %s, and not with %s: put that into the profile", name, strings.Join(lost, ", "))
	}
	p.users = append(p.users, userPlan{name: user, exec: c.pluginUser(name, nil)})
	return nil
}

// besideProfile are the flags that say something of the login beside the profile.
func (c *call) besideProfile() (flags []string) {
	for _, name := range c.given {
		if name != "profile" {
			flags = append(flags, "--"+name)
		}
	}
	return flags
}

// asProfile is what this call's flags and environment say of the login.
func (c *call) asProfile() profile {
	p := profile{}
	for _, name := range append(slices.Clone(c.given), c.inherited...) {
		s := c.setting(name)
		if s.kind == choice {
			continue
		}
		words := wordsOf(s.value)
		if s.kind == path && len(words) == 1 {
			words = []string{c.fromHere(words[0])}
		}
		p[name] = profileValue{words: words}
	}
	return p
}

// fromHere is a path as this call means it: in a profile it would start at the
// configuration's folder.
func (c *call) fromHere(name string) string {
	dir, err := c.getwd()
	if err != nil || filepath.IsAbs(name) || name == "" {
		return name
	}
	return filepath.Join(dir, name)
}

// finish takes out of p what is so already, and refuses what cannot be written.
func (c *call) finish(p *plan, k *kubeconfig) error {
	have, err := readConfig(c.configPath(), c.table())
	if err != nil {
		return err
	}
	for _, n := range p.profiles {
		if serves, found := have.profiles[n.name]["serves"]; found {
			n.profile["serves"] = serves // whom it serves is not what this is about
		}
	}
	p.profiles = slices.DeleteFunc(p.profiles, func(n planned) bool { return have.profiles[n.name].same(n.profile) })
	for i, n := range p.profiles {
		_, p.profiles[i].replaces = have.profiles[n.name]
	}
	p.users = slices.DeleteFunc(p.users, func(u userPlan) bool {
		_, old := k.credentials(u.name)
		return u.exec.same(old)
	})
	for i, u := range p.users {
		p.users[i].was = k.describe(u.name)
		for _, word := range append(slices.Clone(u.exec.Args), u.name) {
			if strings.ContainsAny(word, ",\n") {
				return usage("", "kubectl cannot write %q into a kubeconfig: choose another name with --user", word)
			}
		}
	}
	_, err = c.configText(p)
	return err
}

// configText is the configuration with the plan's profiles in it.
func (c *call) configText(p *plan) ([]byte, error) {
	text, err := readOr(c.configPath())
	for _, n := range p.profiles {
		if err == nil {
			file := &config{path: c.configPath()}
			text, err = file.withProfile(text, n.name, n.profile, c.table())
		}
	}
	return text, err
}
