package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// setupOptions are the flags of setup kubernetes.
type setupOptions struct {
	user, context                string
	dryRun, yes, undo, kubelogin bool
}

// plan is all that setup would change.
type plan struct {
	context  string // of the kubeconfig, to try in the end
	profiles []planned
	files    []plannedFile
	users    []userPlan
	moves    string   // the user that the context gets; empty: it stays
	login    string   // the profile to log in with; empty: this call's settings
	notes    []string // what a person should know before
}

// planned is a profile to write.
type planned struct {
	name string
	profile
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

// setupKubernetes makes a kubeconfig's user run us: it shows the change, logs in,
// makes the change, and asks the API server who that is.
func setupKubernetes(ctx context.Context, c *call, o setupOptions) error {
	u, err := c.readUndo()
	if err != nil {
		return fmt.Errorf("what setup changed before cannot be read: %w", err)
	}
	if o.undo {
		return c.undoSetup(u)
	}
	k, err := c.readKubeconfig(ctx)
	if err != nil {
		return err
	}
	p := &plan{}
	if o.kubelogin {
		err = c.planKubelogin(p, k, o)
	} else {
		err = c.planUser(p, k, o)
	}
	if err != nil {
		return err
	}
	if len(p.users) == 0 {
		return c.write([]byte(strings.Join(append([]string{"There is nothing to take over from kubelogin."}, p.notes...), "\n") + "\n"))
	}
	if err := c.finish(p, k); err != nil {
		return err
	}
	if err := c.show(p, k); err != nil || o.dryRun {
		return err
	}
	if err := c.confirm(ctx, p, o.yes); err != nil {
		return err
	}
	paths := append(c.kubeconfigFiles(), c.configPath())
	for _, f := range p.files {
		paths = append(paths, f.path)
	}
	if err := u.watch(paths, func() error { return c.change(ctx, p, k) }); err != nil {
		return err
	}
	return c.whoami(ctx, p)
}

func (c *call) undoSetup(u *undo) error {
	if len(u.Files) == 0 {
		return c.write([]byte("There is nothing to undo.\n"))
	}
	if err := u.restore(); err != nil {
		return err
	}
	var b strings.Builder
	for _, f := range u.Files {
		fmt.Fprintf(&b, "%s is as it was before setup.\n", f.Path)
	}
	b.WriteString("The login is kept: " + program + " logout --all ends every one.\n")
	return c.write([]byte(b.String()))
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
	if name == "" {
		name = user
		p.profiles = append(p.profiles, planned{name, c.asProfile()})
	}
	p.users = append(p.users, userPlan{name: user, exec: c.pluginUser(name, nil)})
	return nil
}

// asProfile is what this call's flags and environment say of the login.
func (c *call) asProfile() profile {
	p := profile{}
	for _, name := range append(slices.Clone(c.given), c.inherited...) {
		p[name] = profileValue{words: wordsOf(c.flags.Lookup(name).Value)}
	}
	return p
}

// finish takes out of p what is so already, and refuses what cannot be written.
func (c *call) finish(p *plan, k *kubeconfig) error {
	have, err := readConfig(c.configPath(), c.table())
	if err != nil {
		return err
	}
	p.profiles = slices.DeleteFunc(p.profiles, func(n planned) bool {
		old, found := have.profiles[n.name]
		return found && old.same(n.profile)
	})
	p.users = slices.DeleteFunc(p.users, func(u userPlan) bool {
		_, old := k.credentials(u.name)
		return u.exec.same(old)
	})
	for i, u := range p.users {
		p.users[i].was, _ = k.credentials(u.name)
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

// show tells what would change.
func (c *call) show(p *plan, k *kubeconfig) error {
	var b strings.Builder
	if len(p.profiles) == 0 && len(p.users) == 0 && p.moves == "" {
		b.WriteString("Everything is set up already.\n")
		return c.write([]byte(b.String()))
	}
	b.WriteString("This changes:\n")
	for _, n := range p.profiles {
		fmt.Fprintf(&b, "\n%s, under profiles:\n%s", c.configPath(), profileText(n.name, n.profile, c.table(), 2))
	}
	for _, f := range p.files {
		fmt.Fprintf(&b, "\n%s, for you alone: %s\n", f.path, f.what)
	}
	for _, u := range p.users {
		fmt.Fprintf(&b, "\nthe kubeconfig's user %s", u.name)
		if contexts := k.contextsOf(u.name); len(contexts) > 0 {
			fmt.Fprintf(&b, " (of %s)", strings.Join(contexts, ", "))
		}
		if len(u.was) > 0 {
			fmt.Fprintf(&b, ", in place of its %s", strings.Join(u.was, ", "))
		}
		fmt.Fprintf(&b, ":\n  exec: %s\n", shellquote.Join(append([]string{u.exec.Command}, u.exec.Args...)...))
	}
	if p.moves != "" {
		fmt.Fprintf(&b, "\nthe kubeconfig's context %s, which gets that user\n", p.context)
	}
	for _, note := range p.notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	return c.write([]byte(b.String()))
}

// confirm asks the person at their terminal.
func (c *call) confirm(ctx context.Context, p *plan, yes bool) error {
	if yes || len(p.profiles) == 0 && len(p.users) == 0 && p.moves == "" {
		return nil
	}
	no := usage(shellquote.Join(append([]string{program}, append(c.args[1:], "--yes")...)...), "nothing was changed: nobody said yes")
	tty := c.terminal()
	if tty == nil {
		return no
	}
	tty.Show("\nGo on? yes or no:\n")
	for {
		line, err := tty.ReadLine(ctx)
		if err != nil {
			return no
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		case "n", "no":
			return no
		}
		tty.Show("yes or no:\n")
	}
}

// logInFor logs in as the plan's context will need it, unless somebody has.
func (c *call) logInFor(ctx context.Context, p *plan) error {
	l := c
	if p.login != "" {
		s := newSettings()
		fs := flags(s.table())
		err := fs.Set("profile", p.login)
		if err == nil {
			l, err = newCall(c.world, fs, s, s.table())
		}
		if err != nil {
			return err
		}
		defer l.close()
	}
	l.person = true
	source, err := l.source(oauth.Kind(l.tokenKind))
	if err != nil {
		return err
	}
	source.Override = true
	_, err = source.Token(ctx)
	return err
}

// change does what the plan says. It logs in before the kubeconfig is changed:
// settings that do not work are of no use there.
func (c *call) change(ctx context.Context, p *plan, k *kubeconfig) error {
	files := p.files
	if len(p.profiles) > 0 {
		text, err := c.configText(p)
		if err != nil {
			return err
		}
		files = append(files, plannedFile{path: c.configPath(), text: text})
	}
	for _, f := range files {
		if err := writeFile(f.path, f.text); err != nil {
			return err
		}
	}
	if err := c.logInFor(ctx, p); err != nil {
		return err
	}
	for _, u := range p.users {
		if err := c.setUser(ctx, k, u.name, u.exec); err != nil {
			return err
		}
	}
	if p.moves != "" {
		_, err := c.kubectl(ctx, "config", "set-context", p.context, "--user="+p.moves)
		return err
	}
	return nil
}

// whoami ends with the API server's own word.
func (c *call) whoami(ctx context.Context, p *plan) error {
	if err := c.write([]byte("\n$ kubectl --context " + shellquote.Join(p.context) + " auth whoami\n")); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "kubectl", "--context", p.context, "auth", "whoami")
	cmd.Env, cmd.Stdout, cmd.Stderr = c.environ(), c.stdout, c.stderr
	if err := cmd.Run(); err != nil {
		return &whoamiError{}
	}
	return c.write([]byte("\nTo let kubectl run no other credential plugin, which replaces the list you may have:\n" +
		"  kubectl kuberc set --section credentialplugin --policy Allowlist --allowlist-entry command=" + shellquote.Join(c.command()) + "\n" +
		"To take all of this back: " + program + " setup kubernetes --undo\n"))
}

// whoamiError is an API server that does not know who we are, or is not there.
type whoamiError struct{}

func (*whoamiError) Error() string {
	return "it is set up, but kubectl auth whoami fails: see above what the API server says"
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	two, err := os.Stat(b)
	return err == nil && os.SameFile(one, two)
}
