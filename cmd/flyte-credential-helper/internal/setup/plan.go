package setup

import (
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

// kubePlan is all that setup would change.
type kubePlan struct {
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
func (p *kubePlan) done() bool { return len(p.profiles) == 0 && len(p.users) == 0 && p.moves == "" }

// planned is a profile to write.
type planned struct {
	name string
	config.Profile
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
func (c kubernetesSetup) plan(k *kubeconfig, o KubernetesOptions) (*kubePlan, error) {
	p, make := &kubePlan{}, c.planUser
	if o.FromKubelogin {
		make = c.planKubelogin
	}
	if err := make(p, k, o); err != nil {
		return nil, err
	}
	return p, c.finish(p, k)
}

// planUser plans for the settings of this call and one user of the kubeconfig.
func (c kubernetesSetup) planUser(p *kubePlan, k *kubeconfig, o KubernetesOptions) error {
	if err := c.checkSettings(); err != nil {
		return err
	}
	user, found := "", false
	if p.context = o.Context; p.context == "" {
		p.context = k.CurrentContext
	}
	if p.context == "" {
		return config.Errorf(config.Command("kubectl", "config", "get-contexts"), "the kubeconfig has no current context: name one with --context")
	}
	if user, found = k.userOf(p.context); !found {
		return config.Errorf(config.Command("kubectl", "config", "get-contexts"), "the kubeconfig has no context %q: name one with --context, or choose one with kubectl config use-context", p.context)
	}
	if o.User != "" && o.User != user {
		user, p.moves = o.User, o.User
	}
	if user == "" {
		return config.Errorf(config.Hint{}, "the context %s has no user: name it with --user", p.context)
	}
	name := c.ProfileInUse
	switch lost := c.flagsBesideProfile(); {
	case name == "":
		name = user
		p.profiles = append(p.profiles, planned{name: name, Profile: c.asProfile()})
	case len(lost) > 0:
		return config.Errorf(config.Shell("${EDITOR:-vi} %s", c.configPath()), "kubectl will call this program with the profile %s, and not with %s: put that into the profile", name, strings.Join(lost, ", "))
	}
	p.users = append(p.users, userPlan{name: user, exec: c.pluginUser(name, nil)})
	return nil
}

// finish takes out of p what is so already, and refuses what cannot be written.
func (c kubernetesSetup) finish(p *kubePlan, k *kubeconfig) error {
	have, err := c.configFile()
	if err != nil {
		return err
	}
	for _, n := range p.profiles {
		if serves, found := have.Profiles[n.name]["serves"]; found {
			n.Profile["serves"] = serves // whom it serves is not what this is about
		}
	}
	p.profiles = slices.DeleteFunc(p.profiles, func(n planned) bool { return have.Profiles[n.name].Same(n.Profile) })
	for i, n := range p.profiles {
		_, p.profiles[i].replaces = have.Profiles[n.name]
	}
	p.users = slices.DeleteFunc(p.users, func(u userPlan) bool {
		_, old := k.credentials(u.name)
		return u.exec.same(old)
	})
	for i, u := range p.users {
		p.users[i].was = k.describe(u.name)
		for _, word := range append(slices.Clone(u.exec.Args), u.name) {
			if strings.ContainsAny(word, ",\n") {
				return config.Errorf(config.Hint{}, "kubectl cannot write %q into a kubeconfig: choose another name with --user", word)
			}
		}
	}
	_, err = c.configText(p)
	return err
}

// configText is the configuration with the plan's profiles in it.
func (c kubernetesSetup) configText(p *kubePlan) ([]byte, error) {
	text, err := edit.Read(c.configPath())
	for _, n := range p.profiles {
		if err == nil {
			file := &config.File{Path: c.configPath()}
			text, err = file.WithProfile(text, n.name, n.Profile)
		}
	}
	return text, err
}
