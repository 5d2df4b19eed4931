package setup

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

const kindKubeconfig = "kubeconfig"

// kubeconfig is what kubectl reads. If several files have an entry of one name, the first counts.
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
type kubeconfig struct {
	current  string
	contexts []kubeContext
	clusters map[string]KubeCluster
	users    []kubeUser
	newUsers string // the file that kubectl writes new entries to
}

type kubeContext struct {
	Name    string
	Context struct{ Cluster, User string }
	path    string
}

// KubeCluster is how client-go connects to an API server.
type KubeCluster struct {
	Server          string
	ServerName      string `yaml:"tls-server-name"`
	SkipVerify      bool   `yaml:"insecure-skip-tls-verify"`
	CertificateFile string `yaml:"certificate-authority"`
	Certificates    string `yaml:"certificate-authority-data"` // base64, instead of the file
	ProxyURL        string `yaml:"proxy-url"`
	Extensions      []struct {
		Name      string
		Extension any
	}
}

type kubeUser struct {
	Name string
	User struct {
		Exec                  *execUser
		Token                 any
		TokenFile             any `yaml:"tokenFile"`
		Username              any
		ClientCertificate     any `yaml:"client-certificate"`
		ClientCertificateData any `yaml:"client-certificate-data"`
	}
	path string
}

// otherCredential names the key of a credential because of which client-go does not run the
// plugin, or "".
func (u kubeUser) otherCredential() string {
	for _, c := range []struct {
		key   string
		value any
	}{
		{"token", u.User.Token}, {"tokenFile", u.User.TokenFile}, {"username", u.User.Username},
		{"client-certificate", u.User.ClientCertificate}, {"client-certificate-data", u.User.ClientCertificateData},
	} {
		if c.value != nil && c.value != "" {
			return c.key
		}
	}
	return ""
}

// execUser is the exec section of a user.
type execUser struct {
	Command            string
	Args               []string
	Env                []execEnv
	ProvideClusterInfo bool `yaml:"provideClusterInfo"`
}

// isOurs reports whether e runs this program. It may be nil.
func (e *execUser) isOurs() bool {
	return e != nil && isProgram(e.Command)
}

type execEnv struct{ Name, Value string }

// readKubeconfig reads the files of KUBECONFIG, or ~/.kube/config.
func readKubeconfig(env system.Env, read func(path string) ([]byte, error)) (*kubeconfig, error) {
	k := &kubeconfig{clusters: map[string]KubeCluster{}}
	var paths []string
	for _, path := range filepath.SplitList(env.Getenv("KUBECONFIG")) {
		if path != "" {
			paths = append(paths, absolute(env, path))
		}
	}
	if len(paths) == 0 {
		file := filepath.Join(".kube", "config")
		paths = []string{filepath.Join(env.HomeWith(file), file)}
	}
	k.newUsers = paths[len(paths)-1]
	exists := false
	for _, path := range paths {
		text, err := read(path)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue
		}
		if !exists {
			exists, k.newUsers = true, path
		}
		if err := k.add(path, text); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func readKubeFile(path string) ([]byte, error) {
	text, err := edit.Read(path)
	if err != nil {
		err = config.Errorf(config.Inspect("ls", "-l", path), "cannot read the kubeconfig: %v", err)
	}
	return text, err
}

// add adds the entries of a file whose names are new.
func (k *kubeconfig) add(path string, text []byte) error {
	var f struct {
		CurrentContext string `yaml:"current-context"`
		Contexts       []kubeContext
		Clusters       []struct {
			Name    string
			Cluster KubeCluster
		}
		Users []kubeUser
	}
	if _, err := edit.ParseYAML(text); err != nil {
		return config.Errorf(config.Edit(path), "%s: %v", path, err)
	}
	if err := yaml.Unmarshal(text, &f); err != nil {
		return config.Errorf(config.Edit(path), "%s is not a kubeconfig", path)
	}
	if k.current == "" {
		k.current = f.CurrentContext
	}
	for _, c := range f.Contexts {
		if k.context(c.Name) == nil {
			c.path = path
			k.contexts = append(k.contexts, c)
		}
	}
	for _, u := range f.Users {
		if k.user(u.Name) == nil {
			u.path = path
			k.users = append(k.users, u)
		}
	}
	for _, c := range f.Clusters {
		if _, found := k.clusters[c.Name]; !found {
			c.Cluster.CertificateFile = beside(path, c.Cluster.CertificateFile)
			k.clusters[c.Name] = c.Cluster
		}
	}
	return nil
}

// context returns the context of that name, or nil.
func (k *kubeconfig) context(name string) *kubeContext {
	i := slices.IndexFunc(k.contexts, func(c kubeContext) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &k.contexts[i]
}

// user returns the user of that name, or nil.
func (k *kubeconfig) user(name string) *kubeUser {
	i := slices.IndexFunc(k.users, func(u kubeUser) bool { return u.Name == name })
	if i < 0 {
		return nil
	}
	return &k.users[i]
}

// contextsOf are the names of the contexts that use a user.
func (k *kubeconfig) contextsOf(user string) (names []string) {
	for _, c := range k.contexts {
		if c.Context.User == user {
			names = append(names, c.Name)
		}
	}
	return names
}

// shownUser names the credentials in the value of a user.
func shownUser(value string) string {
	all, ok := edit.ValueOf(value).(map[string]any)
	var known struct{ User struct{ Exec execUser } }
	if !ok || yaml.Unmarshal([]byte("user: "+value+"\n"), &known) != nil {
		return "another user"
	}
	kinds := slices.Sorted(maps.Keys(all))
	if i := slices.Index(kinds, "exec"); i >= 0 {
		words := append([]string{known.User.Exec.Command}, known.User.Exec.Args...)
		kinds[i] = "exec (" + strings.Join(words[:min(len(words), 3)], " ") + " …)"
	}
	return strings.Join(kinds, ", ")
}

// text writes a user that runs a plugin, with all fields that kubectl writes. A login happens in
// the browser or at the terminal's device, so stdin stays the caller's. The cluster's information
// keeps a token that one cluster rejected apart from those of others.
func (e execUser) text() string {
	text := "\n  exec:\n    apiVersion: client.authentication.k8s.io/v1\n    args:\n"
	for _, arg := range e.Args {
		text += "    - " + edit.Quote(arg) + "\n"
	}
	text += "    command: " + edit.Quote(e.Command) + "\n    env:"
	for _, v := range e.Env {
		text += "\n    - name: " + edit.Quote(v.Name) + "\n      value: " + edit.Quote(v.Value)
	}
	if len(e.Env) == 0 {
		text += " null"
	}
	return text + "\n    interactiveMode: Never\n    provideClusterInfo: " + strconv.FormatBool(true)
}

// userKey and contextKey are the entries of a kubeconfig that setup changes.
func userKey(name string) []string { return []string{"users", "[name=" + name + "]", "user"} }
func contextKey(name string) []string {
	return []string{"contexts", "[name=" + name + "]", "context", "user"}
}

// kubeconfigKeys are the entries of a kubeconfig that can be ours.
func kubeconfigKeys(text []byte) (keys [][]string, err error) {
	k := &kubeconfig{clusters: map[string]KubeCluster{}}
	if text != nil {
		err = k.add("", text)
	}
	for _, u := range k.users {
		if u.User.Exec.isOurs() {
			keys = append(keys, userKey(u.Name))
		}
	}
	for _, c := range k.contexts {
		keys = append(keys, contextKey(c.Name))
	}
	return keys, err
}

// KubeNames are the contexts and users of the kubeconfig, or none if it cannot be read.
func KubeNames(env system.Env) (contexts, users []string) {
	k, err := readKubeconfig(env, readKubeFile)
	if err != nil {
		return nil, nil
	}
	for _, c := range k.contexts {
		contexts = append(contexts, c.Name)
	}
	for _, u := range k.users {
		users = append(users, u.Name)
	}
	return contexts, users
}
