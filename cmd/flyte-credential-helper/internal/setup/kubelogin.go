package setup

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup/kubelogin"
)

// planKubelogin plans for every user of the kubeconfig that runs kubelogin, or
// the one that is named.
func (c kubernetesSetup) planKubelogin(p *kubePlan, k *kubeconfig, o KubernetesOptions) error {
	if len(c.Given()) > 0 {
		return config.Errorf(config.Command(config.Program, "setup", "kubernetes", "--from-kubelogin"), "--from-kubelogin takes every setting from kubelogin's flags: --%s goes into the profile afterwards", c.Given()[0])
	}
	first, only := k.CurrentContext, o.User
	if o.Context != "" {
		user, found := k.userOf(o.Context)
		if !found || only != "" && only != user {
			return config.Errorf(config.Command("kubectl", "config", "get-contexts"), "the kubeconfig has no context %q with that user", o.Context)
		}
		first, only = o.Context, user
	}
	now, _ := k.userOf(first)
	for _, u := range k.Users {
		_, e := k.credentials(u.Name)
		if e == nil || only != "" && only != u.Name {
			continue
		}
		user := kubelogin.User{Name: u.Name, Command: e.Command, Args: e.Args, Env: map[string]string{}}
		for _, v := range e.Env {
			user.Env[v.Name] = v.Value
		}
		if !kubelogin.Runs(user) {
			continue
		}
		made, err := kubelogin.Translate(user, kubelogin.Paths{Dir: filepath.Dir(c.configPath()), Absolute: c.absolute})
		if unsupported := (*kubelogin.UnsupportedError)(nil); errors.As(err, &unsupported) {
			p.notes = append(p.notes, fmt.Sprintf("The user %s stays with kubelogin: %s.", u.Name, unsupported.Reason))
			continue
		}
		if err != nil {
			return err
		}
		p.profiles = append(p.profiles, planned{name: u.Name, Profile: made.Profile})
		for _, f := range made.Files {
			p.files = append(p.files, plannedFile{f.Path, f.What, []byte(f.Text)})
		}
		p.users = append(p.users, userPlan{name: u.Name, exec: c.pluginUser(u.Name, e.Env)})
		for _, note := range made.Notes {
			p.notes = append(p.notes, fmt.Sprintf("The user %s: %s.", u.Name, note))
		}
		if contexts := k.contextsOf(u.Name); u.Name == now {
			p.context, p.login = first, u.Name
		} else if p.context == "" && len(contexts) > 0 {
			p.context, p.login = contexts[0], u.Name
		}
	}
	if only != "" && len(p.users)+len(p.notes) == 0 {
		return config.Errorf(config.Command("kubectl", "config", "get-users"), "the kubeconfig has no user %q that runs kubelogin", only)
	}
	if p.none = len(p.users) == 0; !p.none && p.login == "" {
		p.login = p.users[0].name
	}
	return nil
}
