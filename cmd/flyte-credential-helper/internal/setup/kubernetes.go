package setup

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

// kubernetesSetup is a run for kubectl.
type kubernetesSetup struct{ *Run }

// KubernetesOptions are the flags that setup kubernetes has for itself.
type KubernetesOptions struct {
	User, Context string
	FromKubelogin bool
}

// Kubernetes makes a kubeconfig's user run us: it shows the change, logs in,
// makes the change, and asks the API server who that is.
func Kubernetes(ctx context.Context, r *Run, o KubernetesOptions) error {
	c := kubernetesSetup{r}
	u, err := readUndo(c.Env, "kubernetes")
	if err != nil {
		return err
	}
	k, err := readKubeconfig(ctx, c.Env)
	if err != nil {
		return err
	}
	p, err := c.plan(k, o)
	if err != nil {
		return err
	}
	if err := c.show(p, k); err != nil || c.options.DryRun || p.none {
		return err
	}
	if err := c.legacyConfirm(ctx, c.options.Yes || p.done()); err != nil {
		return err
	}
	if err := u.orBack(func() error { return c.change(ctx, u, p, k) }); err != nil {
		return err
	}
	return c.whoami(ctx, p)
}

// show tells what would change.
func (c kubernetesSetup) show(p *kubePlan, k *kubeconfig) error {
	var b strings.Builder
	switch {
	case p.none:
		b.WriteString("There is nothing to take over from kubelogin.\n")
	case p.done():
		b.WriteString("Everything is set up already.\n")
	default:
		b.WriteString("This changes:\n")
	}
	for _, n := range p.profiles {
		where := "under profiles"
		if n.replaces {
			where += ", in place of what has that name"
		}
		fmt.Fprintf(&b, "\n%s, %s:\n%s", c.configPath(), where, config.ProfileText(n.name, n.Profile.Shown(), 2))
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
	return c.Write(b.String())
}

// change does what the plan says. It logs in before the kubeconfig is changed:
// settings that do not work are of no use there.
func (c kubernetesSetup) change(ctx context.Context, u *undo, p *kubePlan, k *kubeconfig) error {
	for _, n := range p.profiles {
		u.uses(n.name)
	}
	for _, user := range p.users {
		u.uses(cmp.Or(c.ProfileInUse, user.name))
	}
	files := p.files
	if len(p.profiles) > 0 {
		text, err := c.configText(p)
		if err != nil {
			return err
		}
		files = append(files, plannedFile{path: c.configPath(), text: text})
	}
	for _, f := range files {
		if err := u.watch([]string{f.path}, func() error { return edit.Write(f.path, f.text) }); err != nil {
			return err
		}
	}
	// It logs in as the context will need it.
	err := error(nil)
	if p.login == "" {
		err = c.legacyLogIn(ctx, c.Resolved, "")
	} else {
		err = c.logInWithProfile(ctx, p.login, false, "")
	}
	if err != nil {
		return err
	}
	return u.watch(c.kubeconfigFiles(), func() error { return c.changeKubeconfig(ctx, p, k) })
}

// changeKubeconfig has kubectl write what the plan says.
func (c kubernetesSetup) changeKubeconfig(ctx context.Context, p *kubePlan, k *kubeconfig) error {
	for _, u := range p.users {
		if err := c.setUser(ctx, k, u.name, u.exec); err != nil {
			return err
		}
	}
	if p.moves != "" {
		_, err := kubectl(ctx, c.Env, "config", "set-context", p.context, "--user="+p.moves)
		return err
	}
	return nil
}

// whoami ends with the API server's own word.
func (c kubernetesSetup) whoami(ctx context.Context, p *kubePlan) error {
	if p.context == "" {
		return nil
	}
	if err := c.Write("\n$ kubectl --context " + shellquote.Join(p.context) + " auth whoami\n"); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "kubectl", "--context", p.context, "auth", "whoami")
	cmd.Env, cmd.Stdout, cmd.Stderr = c.Environ(), c.Stdout, c.Stderr
	if err := cmd.Run(); err != nil {
		return &VerifyError{Text: "kubectl auth whoami fails"}
	}
	tried := ""
	if len(p.users) > 1 {
		tried = "\nOnly the context " + p.context + " was tried: the other users log in when they are first asked for.\n"
	}
	return c.Write(tried + "\nTo let kubectl run no other credential plugin, which replaces the list you may have:\n" +
		"  kubectl kuberc set --section credentialplugin --policy Allowlist --allowlist-entry command=" + shellquote.Join(c.command()) + "\n" +
		"To take all of this back: " + shellquote.Join(c.command()) + " setup kubernetes --undo\n")

}
