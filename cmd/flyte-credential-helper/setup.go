package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// setupOptions are the flags that setup kubernetes has for itself.
type setupOptions struct {
	user, context string
	kubelogin     bool
}

// setupKubernetes makes a kubeconfig's user run us: it shows the change, logs in,
// makes the change, and asks the API server who that is.
func setupKubernetes(ctx context.Context, c *call, o setupOptions, a asked) error {
	u, err := c.readUndo("kubernetes")
	if err != nil {
		return err
	}
	k, err := c.readKubeconfig(ctx)
	if err != nil {
		return err
	}
	p, err := c.plan(k, o)
	if err != nil {
		return err
	}
	if err := c.show(p, k); err != nil || a.dryRun || p.none {
		return err
	}
	if err := c.confirm(ctx, a.yes || p.done()); err != nil {
		return err
	}
	if err := u.orBack(func() error { return c.change(ctx, u, p, k) }); err != nil {
		return err
	}
	return c.whoami(ctx, p)
}

// show tells what would change.
func (c *call) show(p *plan, k *kubeconfig) error {
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
		fmt.Fprintf(&b, "\n%s, %s:\n%s", c.configPath(), where, profileText(n.name, n.profile.masked(), c.table(), 2))
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

// errSaidNo is a person's no to what setup is going to change.
var errSaidNo = errors.New("you said no: nothing was changed")

// confirm asks the person at their terminal, unless they have said yes.
func (c *call) confirm(ctx context.Context, yes bool) error {
	if yes {
		return nil
	}
	no := usage(pasted(append([]string{program}, append(c.args[1:], "--yes")...)), "nothing was changed: nobody said yes")
	tty := c.terminal()
	if tty == nil {
		return no
	}
	tty.say("\nGo on? yes or no:\n")
	for {
		line, err := tty.ReadLine(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return no
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		case "n", "no":
			return errSaidNo
		}
		tty.say("yes or no:\n")
	}
}

// logInFor logs in as the plan's context will need it, unless somebody has.
func (c *call) logInFor(ctx context.Context, p *plan) error {
	if p.login == "" {
		return c.logInNow(ctx, oauth.Kind(c.tokenKind))
	}
	s := newSettings()
	s.profile = p.login
	l, err := c.with(s)
	if err != nil {
		return err
	}
	defer l.close()
	return l.logInNow(ctx, oauth.Kind(l.tokenKind))
}

// with is a call with the settings of a profile. What it wants of the person is still
// this call's matter.
func (c *call) with(s *settings) (*call, error) {
	s.said = []string{"profile"}
	l, err := newCall(c.world, s, s.table())
	if err == nil {
		l.verb, l.tty = c.verb, c.terminal() // which one reads: both would get half of it
	}
	return l, err
}

// logInNow logs in for a kind of token, unless somebody has.
func (c *call) logInNow(ctx context.Context, kind oauth.Kind) error {
	c.person = true
	source, err := c.source(kind)
	if err != nil {
		return err
	}
	source.IgnoreBackoff = true
	_, err = source.Token(ctx)
	return err
}

// change does what the plan says. It logs in before the kubeconfig is changed:
// settings that do not work are of no use there.
func (c *call) change(ctx context.Context, u *undo, p *plan, k *kubeconfig) error {
	for _, n := range p.profiles {
		u.uses(n.name)
	}
	for _, user := range p.users {
		u.uses(cmp.Or(c.profile, user.name))
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
		if err := u.watch([]string{f.path}, func() error { return writeFile(f.path, f.text) }); err != nil {
			return err
		}
	}
	if err := c.logInFor(ctx, p); err != nil {
		return err
	}
	return u.watch(c.kubeconfigFiles(), func() error { return c.changeKubeconfig(ctx, p, k) })
}

// changeKubeconfig has kubectl write what the plan says.
func (c *call) changeKubeconfig(ctx context.Context, p *plan, k *kubeconfig) error {
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
	if p.context == "" {
		return nil
	}
	if err := c.write([]byte("\n$ kubectl --context " + shellquote.Join(p.context) + " auth whoami\n")); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "kubectl", "--context", p.context, "auth", "whoami")
	cmd.Env, cmd.Stdout, cmd.Stderr = c.environ(), c.stdout, c.stderr
	if err := cmd.Run(); err != nil {
		return &unprovenError{caller: "kubernetes", what: "kubectl auth whoami fails"}
	}
	tried := ""
	if len(p.users) > 1 {
		tried = "\nOnly the context " + p.context + " was tried: the other users log in when they are first asked for.\n"
	}
	return c.write([]byte(tried + "\nTo let kubectl run no other credential plugin, which replaces the list you may have:\n" +
		"  kubectl kuberc set --section credentialplugin --policy Allowlist --allowlist-entry command=" + shellquote.Join(c.command()) + "\n" +
		"To take all of this back: " + shellquote.Join(c.command()) + " setup kubernetes --undo\n"))
}

// unprovenError is a setup that does not work, at whose end ever that is.
type unprovenError struct{ caller, what string }

func (e *unprovenError) Error() string {
	return "it is set up, but " + e.what + ": see above what it says"
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	two, err := os.Stat(b)
	return err == nil && os.SameFile(one, two)
}
