package setup

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
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
			list = append(list, GitHelper{Value: h.value, Place: h.place(), Ours: isRunByGit(h.value), Unset: h.unset()})
		}
	}
	return list, err
}

// isRunByGit reports whether git runs this program for a helper: the program that it names exists.
func isRunByGit(value string) bool {
	words, err := shellquote.Split(strings.TrimPrefix(value, "!"))
	if err == nil && isOurGitHelper(value) {
		_, err = exec.LookPath(words[0])
		return err == nil
	}
	return gitHelperPath(value) != ""
}

// IsOurs reports whether a command is the name or a path of this program.
func IsOurs(command string) bool { return isProgram(command) }

// IsOurGoauth reports whether an entry of GOAUTH runs this program.
func IsOurGoauth(entry string) bool { return isOurGoauth(entry) }

// KubePlugin is a context of the kubeconfig whose user runs this program.
type KubePlugin struct {
	Context, User string
	Current       bool   // it is the current context
	Command       string // as client-go runs it
	Args          []string
	Other         string // another credential of the user, because of which client-go does not run the program
	Cluster       KubeCluster

	path    string   // the kubeconfig that has the user
	environ []string // NAME=VALUE each, that the kubeconfig adds
	info    config.ClusterInfo
}

// KubePlugins returns the contexts of the kubeconfig that run this program, the current one first.
func KubePlugins(env system.Env) (list []KubePlugin, err error) {
	k, err := readKubeconfig(env, readKubeFile)
	if err != nil {
		return nil, err
	}
	for _, c := range k.contexts {
		switch u := k.user(c.Context.User); {
		case u == nil || !u.User.Exec.runs(env):
		case c.Name == k.current:
			list = slices.Insert(list, 0, k.plugin(c, *u))
		default:
			list = append(list, k.plugin(c, *u))
		}
	}
	return list, nil
}

// runs reports whether e runs this program, whatever its name. It may be nil.
func (e *execUser) runs(env system.Env) bool {
	if e == nil || e.isOurs() {
		return e != nil
	}
	self, err := env.Executable()
	found, missing := exec.LookPath(e.Command)
	return err == nil && missing == nil && system.SameFile(found, self)
}

// plugin describes a context whose user runs this program.
func (k *kubeconfig) plugin(c kubeContext, u kubeUser) KubePlugin {
	e := u.User.Exec
	p := KubePlugin{
		Context: c.Name, User: u.Name, Current: c.Name == k.current, Command: e.Command, Args: e.Args,
		Other: u.otherCredential(), Cluster: k.clusters[c.Context.Cluster], path: u.path,
	}
	if strings.ContainsRune(e.Command, filepath.Separator) {
		p.Command = beside(u.path, e.Command)
	}
	for _, v := range e.Env {
		p.environ = append(p.environ, v.Name+"="+v.Value)
	}
	if e.ProvideClusterInfo {
		p.info = p.Cluster.info()
	}
	return p
}

// beside returns a path of a kubeconfig, which is relative to the directory of that file.
func beside(kubeconfig, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(kubeconfig), path)
}

// info is what client-go says of the cluster to the plugin.
func (c KubeCluster) info() config.ClusterInfo {
	info := config.ClusterInfo{Server: (&execcred.KubernetesRequest{Server: c.Server}).Host(), SkipVerify: c.SkipVerify}
	for _, e := range c.Extensions {
		if e.Name == config.ClusterExtension {
			info.Config, _ = json.Marshal(e.Extension) // without it, the plugin gets none either
		}
	}
	return info
}

// Input returns what the settings of the plugin's call are resolved from.
func (p KubePlugin) Input(in config.Input) (config.Input, error) {
	flags := config.NewFlags(config.Every)
	if err := flags.Parse(p.Args); err != nil {
		return in, config.Errorf(config.Edit(p.path), "the kubeconfig's user %s runs this program with arguments that it does not know: %v", p.User, err)
	}
	if err := config.CheckEnviron(p.environ); err != nil {
		return in, config.Errorf(config.Edit(p.path), "the kubeconfig's user %s: %v", p.User, err)
	}
	in.CommandLine, in.Environ, in.Cluster = flags.CommandLine(), slices.Concat(in.Environ, p.environ), p.info
	return in, nil
}

// TryRegistry asks a container registry whether it accepts a user name and a token, as docker
// does. refused reports that the registry was reached and does not accept them.
func TryRegistry(ctx context.Context, transport *http.Transport, url, username string, token oauth.Secret) (refused bool, err error) {
	r := &registry{client: &http.Client{Transport: transport}, url: url, username: username, secret: token.Reveal()}
	err = r.take(ctx)
	return errors.As(err, new(*refusedError)), err
}
