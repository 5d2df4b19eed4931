package setup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup/kubelogin"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// kubernetesSetup configures users of a kubeconfig to run this program with a profile.
type kubernetesSetup struct {
	*Run
	options KubernetesOptions
}

// KubernetesOptions are the flags of setup kubernetes.
type KubernetesOptions struct {
	User, Context string
	FromKubelogin bool
}

// Kubernetes sets up kubectl, and all programs that read its kubeconfig.
func Kubernetes(ctx context.Context, r *Run, o KubernetesOptions) error {
	s := kubernetesSetup{r, o}
	if !o.FromKubelogin {
		return r.run(ctx, "kubernetes", s)
	}
	p, err := s.plan(ctx)
	if err != nil || len(p.steps) > 0 {
		return errors.Join(err, r.run(ctx, "kubernetes", s))
	}
	return r.Write("No user of the kubeconfig has to be migrated from kubelogin.\n" + strings.Join(p.notes, "\n") + "\n")
}

// target is a kubeconfig user that will run this program.
type target struct {
	user     string
	contexts []string // that use it
	moves    string   // the context that gets the user, or empty
	profile  string
	settings config.Profile // of the profile; nil: it exists
	files    []kubelogin.File
	env      []execEnv
}

func (s kubernetesSetup) plan(ctx context.Context) (*plan, error) {
	k, err := readKubeconfig(s.Env, func(path string) ([]byte, error) { return edit.ReadWhole(ctx, path, readKubeFile) })
	if err != nil {
		return nil, err
	}
	p := &plan{}
	var targets []target
	var contexts []string
	if s.options.FromKubelogin {
		targets, p.notes, err = s.fromKubelogin(k)
	} else {
		targets, err = s.oneUser(k)
	}
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		steps, notes, err := s.steps(k, t)
		if err != nil {
			return nil, err
		}
		p.steps, p.notes = append(p.steps, steps...), append(p.notes, notes...)
		contexts = append(contexts, t.contexts...)
	}
	p.summary = "kubectl will run this program in the context " + strings.Join(contexts, ", ")
	if len(targets) > 0 {
		p.profile = targets[0].profile
		p.context = append(targets[0].contexts, "")[0]
	}
	if len(targets) > 1 {
		p.notes = append(p.notes, "Only the context "+p.context+" is checked now. The other users log in when they are used.")
	}
	return p, nil
}

// oneUser returns the user of the context, or of the options, for the settings of this call.
func (s kubernetesSetup) oneUser(k *kubeconfig) ([]target, error) {
	if err := s.checkSettings(); err != nil {
		return nil, err
	}
	name := s.options.Context
	if name == "" {
		name = k.current
	}
	c := k.context(name)
	contexts := config.Command("kubectl", "config", "get-contexts")
	switch {
	case len(k.contexts) == 0:
		return nil, config.Errorf(config.Hint{}, "%s has no context: get a kubeconfig for your cluster first, or name its file in KUBECONFIG", k.newUsers)
	case name == "":
		return nil, config.Errorf(contexts, "the kubeconfig has no current context: name one with --context")
	case c == nil:
		return nil, config.Errorf(contexts, "the kubeconfig has no context %q: name one with --context", name)
	}
	t := target{user: c.Context.User, contexts: []string{name}, profile: s.ProfileInUse}
	if u := s.options.User; u != "" && u != t.user {
		t.user, t.moves = u, name
	}
	if t.user == "" {
		return nil, config.Errorf(config.Hint{}, "the context %s has no user: name one with --user", name)
	}
	for _, other := range k.contextsOf(t.user) {
		if other != name {
			t.contexts = append(t.contexts, other)
		}
	}
	if server := k.clusters[c.Context.Cluster].Server; strings.HasPrefix(server, "http://") {
		return nil, config.Errorf(config.Hint{}, "the API server of the context %s is %s: kubectl sends credentials by https only", name, server)
	}
	if t.profile == "" {
		t.profile, t.settings = t.user, s.asProfile()
	}
	return []target{t}, s.checkProfile("kubectl will run this program with")
}

// fromKubelogin returns the users that run kubelogin, the one of the current context first.
func (s kubernetesSetup) fromKubelogin(k *kubeconfig) (targets []target, notes []string, err error) {
	if given := s.Given(); len(given) > 0 {
		return nil, nil, config.Errorf(config.Command(config.Program, "setup", "kubernetes", "--from-kubelogin"), "--from-kubelogin takes all settings from kubelogin's flags: write --%s into the profile afterwards", given[0])
	}
	current, only := k.current, s.options.User
	if name := s.options.Context; name != "" {
		c := k.context(name)
		if c == nil || only != "" && only != c.Context.User {
			return nil, nil, config.Errorf(config.Command("kubectl", "config", "get-contexts"), "the kubeconfig has no context %q with that user", name)
		}
		current, only = name, c.Context.User
	}
	for _, u := range k.users {
		e := u.User.Exec
		if e == nil || only != "" && only != u.Name {
			continue
		}
		from := kubelogin.User{Name: u.Name, Command: e.Command, Args: e.Args, Env: map[string]string{}}
		for _, v := range e.Env {
			from.Env[v.Name] = v.Value
		}
		if !kubelogin.Runs(from) {
			continue
		}
		made, err := kubelogin.Translate(from, kubelogin.Paths{Dir: filepath.Dir(s.configPath()), Absolute: s.absolute})
		if unsupported := (*kubelogin.UnsupportedError)(nil); errors.As(err, &unsupported) {
			notes = append(notes, fmt.Sprintf("The user %s stays with kubelogin: %s.", u.Name, unsupported.Reason))
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		t := target{user: u.Name, contexts: k.contextsOf(u.Name), profile: u.Name, settings: made.Profile, files: made.Files, env: e.Env}
		for _, note := range made.Notes {
			notes = append(notes, fmt.Sprintf("The user %s: %s.", u.Name, note))
		}
		if slices.Contains(t.contexts, current) {
			t.contexts = append([]string{current}, slices.DeleteFunc(t.contexts, func(c string) bool { return c == current })...)
			targets = slices.Insert(targets, 0, t)
		} else {
			targets = append(targets, t)
		}
	}
	if only != "" && len(targets)+len(notes) == 0 {
		return nil, nil, config.Errorf(config.Command("kubectl", "config", "get-users"), "the kubeconfig has no user %q that runs kubelogin", only)
	}
	return targets, notes, nil
}

// steps are the changes for one user: files, the profile, the API servers that may select the
// profile, the user, and the context that gets the user.
func (s kubernetesSetup) steps(k *kubeconfig, t target) (steps []step, notes []string, err error) {
	add := func(path, kind string, key []string, value, lines string) {
		c := edit.Change{Path: path, Kind: kind, Key: key, New: value, For: t.contexts}
		steps = append(steps, step{Change: c, lines: lines})
	}
	for _, f := range t.files {
		steps = append(steps, newFile(f.Path, "", t.contexts))
		add(f.Path, kindText, []string{"the text"}, f.Text, f.What)
	}
	file, err := s.configFile()
	if err != nil {
		return nil, nil, err
	}
	shown := file.Profiles[t.profile]
	if t.settings != nil {
		shown = t.settings
		for _, list := range []string{"serves", "clusters"} {
			if v, found := file.Profiles[t.profile][list]; found {
				shown[list] = v
			}
		}
	}
	servers, notes := k.servers(t.contexts)
	for _, server := range servers {
		shown = shown.WithCluster(server)
	}
	lines := "profiles:\n" + config.ProfileText(t.profile, shown.Shown(), 2)
	if t.settings == nil && s.ProfileInUse == t.profile && s.ProfileFile != s.configPath() {
		servers = nil // the administrator lists them
	} else {
		steps = append(steps, newFile(s.configPath(), "", t.contexts))
	}
	if t.settings != nil {
		add(s.configPath(), kindProfile, []string{t.profile}, config.ProfileText(t.profile, without(t.settings, "serves", "clusters"), 0), lines)
	}
	for _, server := range servers {
		add(s.configPath(), kindProfile, []string{t.profile, "clusters", server.String()}, edit.Quote(server.String()), lines)
	}
	e := execUser{Command: s.command(), Args: []string{"kubernetes", "--profile", t.profile}, Env: t.env}
	path := k.newUsers
	if u := k.user(t.user); u != nil {
		path = u.path
	}
	add(path, kindKubeconfig, userKey(t.user), e.text(), "users:\n- name: "+edit.Quote(t.user)+"\n  user:"+strings.ReplaceAll(e.text(), "\n", "\n  "))
	if t.moves != "" {
		add(k.context(t.moves).path, kindKubeconfig, contextKey(t.moves), edit.Quote(t.user),
			"contexts:\n- name: "+edit.Quote(t.moves)+"\n  context:\n    user: "+edit.Quote(t.user))
	}
	return steps, notes, nil
}

// servers are the API servers of contexts that may select a profile, and notes on the others.
func (k *kubeconfig) servers(contexts []string) (servers []execcred.Pattern, notes []string) {
	for _, name := range contexts {
		cluster := k.clusters[k.context(name).Context.Cluster]
		r := execcred.KubernetesRequest{Server: cluster.Server}
		switch {
		case strings.HasPrefix(cluster.Server, "http://"):
			notes = append(notes, fmt.Sprintf("The API server of the context %s is %s. kubectl sends credentials by https only.", name, cluster.Server))
		case r.Host() != execcred.Host{} && !slices.Contains(servers, r.Host().Pattern()):
			servers = append(servers, r.Host().Pattern())
		}
	}
	return servers, notes
}

// verify asks the API server who the user is, through kubectl. If kubectl or the API server has
// no answer to that, the server is asked what the user may do.
func (s kubernetesSetup) verify(ctx context.Context, p *plan, l *session) (string, error) {
	if p.context == "" {
		return "", nil
	}
	auth := func(words ...string) ([]byte, error) {
		return output(ctx, s.Env, "", append([]string{"kubectl", "--context", p.context, "--request-timeout=8s", "auth"}, words...)...)
	}
	out, err := auth("whoami", "--output=json")
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound), errors.As(err, new(*system.TimeoutError)):
		return err.Error() + ", so the kubeconfig was not checked.\n", nil
	case err != nil:
		if _, old := auth("can-i", "--list"); old == nil {
			return s.allowlist(ctx) + "The API server accepts the token.\n", nil
		}
		if s.reachable(ctx, p.context) {
			return "", &VerifyError{"the kubeconfig is set up, but kubectl auth whoami fails: " + err.Error()}
		}
		as := ""
		if l.token.Account != "" {
			as = " as " + l.token.Account
		}
		return "Set up and logged in" + as + "; the API server could not be reached: " + err.Error() + "\n", nil
	}
	var review struct {
		Status struct{ UserInfo struct{ Username string } }
	}
	if json.Unmarshal(out, &review) != nil || review.Status.UserInfo.Username == "" {
		return "", &VerifyError{"the kubeconfig is set up, but kubectl auth whoami answers " + oauth.Printable(string(out))}
	}
	return s.allowlist(ctx) + "The API server identifies you as " + oauth.Printable(review.Status.UserInfo.Username) + ".\n", nil
}

// allowlist is the advice to make kubectl run no other plugin, if kubectl has that function.
func (s kubernetesSetup) allowlist(ctx context.Context) string {
	if _, err := output(ctx, s.Env, "", "kubectl", "kuberc", "set", "--help"); err != nil {
		return ""
	}
	return "To make kubectl run no other credential plugin (this replaces the list that you may have):\n" +
		"  kubectl kuberc set --section credentialplugin --policy Allowlist --allowlist-entry command=" + shellquote.Join(s.command()) + "\n"
}

// reachable reports whether the API server of a context accepts connections.
func (s kubernetesSetup) reachable(ctx context.Context, name string) bool {
	k, err := readKubeconfig(s.Env, readKubeFile)
	if err != nil || k.context(name) == nil {
		return false
	}
	u, err := url.Parse(k.clusters[k.context(name).Context.Cluster].Server)
	if err != nil {
		return false
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
