package setup

import (
	"context"
	"errors"
	"net/http"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// GitHelper is a helper that git applies to a URL.
type GitHelper struct {
	Value string // empty: git forgets the helpers before it
	Place string // the file and line that configures it
	Ours  bool   // it runs this program
	// Unset is the command that removes it, if it is in a repository's configuration, which
	// setup does not change.
	Unset []string
}

// GitHelpers returns the helpers that git applies to a URL without path, in the order in which
// git runs them. The helpers before an empty one are left out: git does not run them.
func GitHelpers(ctx context.Context, env system.Env, url string) (list []GitHelper, err error) {
	effective, err := gitHelpers(ctx, env)
	for _, h := range effective {
		switch {
		case !h.appliesTo(url):
		case h.value == "":
			list = nil
		default:
			list = append(list, GitHelper{Value: h.value, Place: h.place(), Ours: isOurGitHelper(h.value), Unset: h.unset()})
		}
	}
	return list, err
}

// IsOurGoauth reports whether an entry of GOAUTH runs this program.
func IsOurGoauth(entry string) bool { return isOurGoauth(entry) }

// KubePlugin is a context of the kubeconfig whose user runs this program.
type KubePlugin struct {
	Context string
	Args    []string // of this program
	Environ []string // NAME=VALUE each, that the kubeconfig adds
}

// KubePlugins returns the contexts of the kubeconfig that run this program, or none if it
// cannot be read.
func KubePlugins(env system.Env) (list []KubePlugin) {
	k, err := readKubeconfig(env)
	if err != nil {
		return nil
	}
	for _, c := range k.contexts {
		u := k.user(c.Context.User)
		if u == nil || !u.User.Exec.isOurs() {
			continue
		}
		p := KubePlugin{Context: c.Name, Args: u.User.Exec.Args}
		for _, v := range u.User.Exec.Env {
			p.Environ = append(p.Environ, v.Name+"="+v.Value)
		}
		list = append(list, p)
	}
	return list
}

// TryRegistry asks a container registry whether it accepts a user name and a token, as docker
// does. refused reports that the registry was reached and does not accept them.
func TryRegistry(ctx context.Context, transport *http.Transport, url, username string, token oauth.Secret) (refused bool, err error) {
	r := &registry{client: &http.Client{Transport: transport}, url: url, username: username, secret: token.Reveal()}
	err = r.take(ctx)
	return errors.As(err, new(*refusedError)), err
}
