package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// kubeconfig is what kubectl makes of the person's kubeconfig files. It is read
// and written by kubectl only, which knows where they are and what else is in
// them.
type kubeconfig struct {
	CurrentContext string `json:"current-context"`
	Contexts       []struct {
		Name    string `json:"name"`
		Context struct {
			User string `json:"user"`
		} `json:"context"`
	} `json:"contexts"`
	Users []struct {
		Name string          `json:"name"`
		User json.RawMessage `json:"user"`
	} `json:"users"`
}

// execUser is the part of a kubeconfig's user that runs a credential plugin.
type execUser struct {
	APIVersion         string    `json:"apiVersion"`
	Command            string    `json:"command"`
	Args               []string  `json:"args"`
	Env                []execEnv `json:"env"`
	InteractiveMode    string    `json:"interactiveMode"`
	ProvideClusterInfo bool      `json:"provideClusterInfo"`
}

type execEnv struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// kubectl runs kubectl and returns what it says.
func kubectl(ctx context.Context, w system.Env, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	cmd.Env = w.Environ()
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, config.Errorf(config.Hint{}, "kubectl is not on PATH: setup has it change the kubeconfig")
	case errors.As(err, &exit):
		return nil, fmt.Errorf("kubectl %s: %s", strings.Join(args[:2], " "), bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

func readKubeconfig(ctx context.Context, w system.Env) (*kubeconfig, error) {
	text, err := kubectl(ctx, w, "config", "view", "--raw", "--output=json")
	if err != nil {
		return nil, err
	}
	k := &kubeconfig{}
	if err := json.Unmarshal(text, k); err != nil {
		return nil, fmt.Errorf("what kubectl config view says cannot be read: %w", err)
	}
	return k, nil
}

// kubeconfigFiles are those that kubectl may write to.
func (c kubernetesSetup) kubeconfigFiles() []string {
	if list := c.Getenv("KUBECONFIG"); list != "" {
		return slices.DeleteFunc(filepath.SplitList(list), func(path string) bool { return path == "" })
	}
	return []string{filepath.Join(c.Home, ".kube", "config")}
}

// userOf is the user of a context, or empty.
func (k *kubeconfig) userOf(context string) (user string, found bool) {
	for _, c := range k.Contexts {
		if c.Name == context {
			return c.Context.User, true
		}
	}
	return "", false
}

// contextsOf are the contexts that use a user.
func (k *kubeconfig) contextsOf(user string) (names []string) {
	for _, c := range k.Contexts {
		if c.Context.User == user {
			names = append(names, c.Name)
		}
	}
	return names
}

// credentials are the kinds of credential that a user has, by kubeconfig's names,
// and its exec, if it is one of them.
func (k *kubeconfig) credentials(user string) (kinds []string, e *execUser) {
	for _, u := range k.Users {
		if u.Name != user {
			continue
		}
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(u.User, &fields) // what has another form has no names
		kinds = slices.Sorted(maps.Keys(fields))
		if raw, found := fields["exec"]; found && json.Unmarshal(raw, &e) != nil {
			e = nil
		}
	}
	return kinds, e
}

// describe names what a user has, without its secrets: the kinds of credential,
// and of a plugin its command.
func (k *kubeconfig) describe(user string) []string {
	kinds, e := k.credentials(user)
	for i, kind := range kinds {
		if kind == "exec" && e != nil {
			words := append([]string{e.Command}, e.Args...)
			kinds[i] = "exec (" + strings.Join(words[:min(len(words), 3)], " ") + " …)"
		}
	}
	return kinds
}

// same reports whether two users run the same plugin in the same way.
func (e *execUser) same(other *execUser) bool {
	return other != nil && e.APIVersion == other.APIVersion && e.Command == other.Command && e.InteractiveMode == other.InteractiveMode &&
		e.ProvideClusterInfo == other.ProvideClusterInfo &&
		slices.Equal(e.Args, other.Args) && slices.Equal(e.Env, other.Env)
}

// pluginUser is the user that runs us with a profile. As a login happens in the
// browser or at the terminal's device, stdin stays the caller's. The cluster keeps a
// token that one cluster rejected apart from those of others.
func (c kubernetesSetup) pluginUser(profile string, env []execEnv) *execUser {
	return &execUser{
		APIVersion: "client.authentication.k8s.io/v1", Command: c.command(),
		Args: []string{"kubernetes", "--profile", profile}, Env: env, InteractiveMode: "Never", ProvideClusterInfo: true,
	}
}

// setUser makes user what e says, in place of what it was.
func (c kubernetesSetup) setUser(ctx context.Context, k *kubeconfig, user string, e *execUser) error {
	if kinds, _ := k.credentials(user); kinds != nil {
		if _, err := kubectl(ctx, c.Env, "config", "delete-user", user); err != nil {
			return err
		}
	}
	args := []string{
		"config", "set-credentials", user, "--exec-api-version=" + e.APIVersion, "--exec-command=" + e.Command,
		"--exec-interactive-mode=" + e.InteractiveMode, "--exec-provide-cluster-info=" + strconv.FormatBool(e.ProvideClusterInfo),
	}
	for _, arg := range e.Args {
		args = append(args, "--exec-arg="+arg)
	}
	for _, v := range e.Env {
		args = append(args, "--exec-env="+v.Name+"="+v.Value)
	}
	_, err := kubectl(ctx, c.Env, args...)
	return err
}

// ContextNames are the contexts of the kubeconfig, or none if kubectl cannot be run.
func ContextNames(ctx context.Context, env system.Env) (names []string) {
	k, err := readKubeconfig(ctx, env)
	if err != nil {
		return nil
	}
	for _, c := range k.Contexts {
		names = append(names, c.Name)
	}
	return names
}

// UserNames are the users of the kubeconfig, or none if kubectl cannot be run.
func UserNames(ctx context.Context, env system.Env) (names []string) {
	k, err := readKubeconfig(ctx, env)
	if err != nil {
		return nil
	}
	for _, u := range k.Users {
		names = append(names, u.Name)
	}
	return names
}
