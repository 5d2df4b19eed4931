package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// kubeconfig is what kubectl reads from the user's files:
// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
type kubeconfig struct {
	CurrentContext string `json:"current-context"`
	Contexts       []struct {
		Name    string `json:"name"`
		Context struct {
			Cluster string `json:"cluster"`
			User    string `json:"user"`
		} `json:"context"`
	} `json:"contexts"`
	Clusters []struct {
		Name    string      `json:"name"`
		Cluster kubeCluster `json:"cluster"`
	} `json:"clusters"`
	Users []struct {
		Name string   `json:"name"`
		User kubeUser `json:"user"`
	} `json:"users"`
}

type kubeCluster struct {
	Server                   string `json:"server"`
	TLSServerName            string `json:"tls-server-name"`
	InsecureSkipTLSVerify    bool   `json:"insecure-skip-tls-verify"`
	CertificateAuthority     string `json:"certificate-authority"`
	CertificateAuthorityData []byte `json:"certificate-authority-data"`
	ProxyURL                 string `json:"proxy-url"`
	Extensions               []struct {
		Name      string          `json:"name"`
		Extension json.RawMessage `json:"extension"`
	} `json:"extensions"`
}

// info returns what client-go says of the cluster.
func (c kubeCluster) info() config.ClusterInfo {
	r := execcred.KubernetesRequest{Server: c.Server}
	info := config.ClusterInfo{Server: r.Host(), SkipVerify: c.InsecureSkipTLSVerify}
	for _, e := range c.Extensions {
		if e.Name == "client.authentication.k8s.io/exec" {
			info.Config = e.Extension
		}
	}
	return info
}

// kubeUser has the parts of a user that tell how it authenticates.
type kubeUser struct {
	Exec *kubeExec `json:"exec"`
	// Client-go runs no plugin if one of these is set. Their values are not kept.
	Token                 present `json:"token"`
	TokenFile             present `json:"tokenFile"`
	Username              present `json:"username"`
	ClientCertificate     present `json:"client-certificate"`
	ClientCertificateData present `json:"client-certificate-data"`
}

// other names another credential of the user because of which the plugin is not run, or "".
func (u kubeUser) other() string {
	for _, c := range []struct {
		name string
		set  present
	}{
		{"token", u.Token}, {"tokenFile", u.TokenFile}, {"username", u.Username},
		{"client-certificate", u.ClientCertificate}, {"client-certificate-data", u.ClientCertificateData},
	} {
		if c.set {
			return c.name
		}
	}
	return ""
}

// present tells that a value is set, without the value.
type present bool

// UnmarshalJSON implements [json.Unmarshaler].
func (p *present) UnmarshalJSON(text []byte) error {
	*p = len(text) > 2 // more than "" or {}
	return nil
}

type kubeExec struct {
	APIVersion string   `json:"apiVersion"`
	Command    string   `json:"command"`
	Args       []string `json:"args"`
	Env        []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"env"`
	ProvideClusterInfo bool `json:"provideClusterInfo"`
}

// runs reports whether the user runs this program.
func (e *kubeExec) runs(env system.Env) bool {
	if e == nil {
		return false
	}
	if strings.TrimSuffix(filepath.Base(e.Command), ".exe") == config.Program {
		return true
	}
	self, err := env.Executable()
	found, missing := exec.LookPath(e.Command)
	return err == nil && missing == nil && system.SameFile(found, self)
}

// errNoTool means that a caller is not installed, which is no finding.
var errNoTool = errors.New("it is not installed")

// toolOutput runs a caller's program with interaction off and returns its stdout. The error is
// what the program wrote last.
func toolOutput(ctx context.Context, env system.Env, name string, args ...string) ([]byte, error) {
	return outputWith(ctx, env, nil, name, args...)
}

// outputWith is toolOutput for a program that gets open files, from descriptor 3 on.
func outputWith(ctx context.Context, env system.Env, files []*os.File, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, stepLimit, fmt.Errorf("%s does not answer", name))
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.ExtraFiles, cmd.WaitDelay = withoutInteraction(env), files, stepLimit/10
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errNoTool
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &exit) && len(exit.Stderr) > 0:
		return nil, fmt.Errorf("%s: %s", name, oauth.Printable(lastLine(string(exit.Stderr))))
	}
	return out, err
}

// lastLine returns the last line of what a program wrote.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// withoutInteraction returns the environment for another program, in which neither git, nor
// its helpers, nor this program asks the user anything, and the go command fetches no toolchain.
func withoutInteraction(env system.Env) []string {
	return append(env.Environ(), "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never", "GIT_ASKPASS=", "SSH_ASKPASS=", "GOTOOLCHAIN=local", config.Variable("interactive")+"=never")
}

// readKubeconfig has kubectl read the kubeconfig.
func readKubeconfig(ctx context.Context, env system.Env) (*kubeconfig, error) {
	out, err := toolOutput(ctx, env, "kubectl", "config", "view", "--raw", "--output=json")
	if err != nil {
		return nil, err
	}
	k := &kubeconfig{}
	if err := json.Unmarshal(out, k); err != nil {
		return nil, errors.New("the output of kubectl config view cannot be read")
	}
	return k, nil
}

// kubePlugin is a context of the kubeconfig whose user runs this program.
type kubePlugin struct {
	context, user string
	exec          *kubeExec
	other         string // another credential of the user, because of which the plugin is not run
	cluster       kubeCluster
}

// plugins returns the contexts whose users run this program.
func (k *kubeconfig) plugins(env system.Env) (list []kubePlugin) {
	for _, c := range k.Contexts {
		p := kubePlugin{context: c.Name, user: c.Context.User}
		for _, u := range k.Users {
			if u.Name == p.user {
				p.exec, p.other = u.User.Exec, u.User.other()
			}
		}
		for _, cluster := range k.Clusters {
			if cluster.Name == c.Context.Cluster {
				p.cluster = cluster.Cluster
			}
		}
		if p.exec.runs(env) {
			list = append(list, p)
		}
	}
	return list
}

// currentPlugin returns the current context, or nil if its user does not run this program.
func currentPlugin(ctx context.Context, env system.Env) (*kubePlugin, error) {
	k, err := readKubeconfig(ctx, env)
	if err != nil {
		return nil, err
	}
	for _, p := range k.plugins(env) {
		if p.context == k.CurrentContext {
			return &p, nil
		}
	}
	return nil, nil
}

// input returns what the settings of the plugin's call are resolved from.
func (p *kubePlugin) input(in config.Input) (config.Input, error) {
	flags := config.NewFlags(config.Every)
	if err := flags.Parse(p.exec.Args); err != nil {
		return in, config.Errorf(config.Command("kubectl", "config", "view"), "the kubeconfig's user %s runs this program with arguments that it does not know: %v", p.user, err)
	}
	in.CommandLine = flags.CommandLine()
	in.Environ = slices.Clone(in.Environ)
	for _, v := range p.exec.Env {
		in.Environ = append(in.Environ, v.Name+"="+v.Value)
	}
	if p.exec.ProvideClusterInfo {
		in.Cluster = p.cluster.info()
	}
	return in, nil
}
