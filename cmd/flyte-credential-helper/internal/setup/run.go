package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// run sets up one program: plan, show, check, ask, log in, lock, plan again, journal, write,
// verify.
func (r *Run) run(ctx context.Context, caller string, i integration) error {
	p, err := i.plan(ctx)
	if err != nil {
		return err
	}
	if r.options.Print {
		return r.Write(p.printed())
	}
	if err := checkStateDir(ctx, r.Env); err != nil {
		return err
	}
	js, err := readJournals(ctx, r.Env)
	if err != nil {
		return err
	}
	t, err := js.compare(ctx, caller, p)
	if err != nil {
		return err
	}
	if err := r.Write(t.shown(p)); err != nil {
		return err
	}
	if err := js.check(ctx, t.pending); err != nil || r.options.DryRun {
		return err
	}
	if len(t.pending) > 0 && !r.options.Yes {
		if err := r.confirm(ctx); err != nil {
			return err
		}
	}
	takeBack := func() error { return nil }
	if slices.ContainsFunc(t.pending, isLoginFile) {
		if takeBack, err = r.write(ctx, caller, i, t, isLoginFile); err != nil {
			return err
		}
	}
	s, err := r.logIn(ctx, p, t.pending)
	if err != nil {
		return errors.Join(err, takeBack())
	}
	if _, err := r.write(ctx, caller, i, t, func(edit.Change) bool { return true }); err != nil {
		return err
	}
	report, err := i.verify(ctx, p, s)
	text := "\nLogged in to " + s.Settings().Server() + s.Describe(s.token)
	if len(t.journal.Changes) > 0 {
		text += "To undo this setup: " + shellquote.Join(r.command(), "setup", caller, "--undo") + "\n"
	}
	return errors.Join(r.Write(text+report), err)
}

// isLoginFile reports whether a change is of a file that the login reads.
func isLoginFile(c edit.Change) bool { return c.Kind == kindText }

// write makes the selected changes under the lock. It plans again there, because files may have
// changed during the question and the login, and fails if it would replace a value that was not
// shown. takeBack takes back what it has changed.
func (r *Run) write(ctx context.Context, caller string, i integration, shown *todo, selected func(edit.Change) bool) (takeBack func() error, err error) {
	unlock, err := lock(ctx, r.Env)
	if err != nil {
		return nil, err
	}
	defer unlock()
	p, err := i.plan(ctx)
	if err != nil {
		return nil, err
	}
	js, err := readJournals(ctx, r.Env)
	if err != nil {
		return nil, err
	}
	t, err := js.compare(ctx, caller, p)
	if err != nil {
		return nil, err
	}
	for _, c := range t.pending {
		if c.Old != nil && !slices.ContainsFunc(shown.pending, func(d edit.Change) bool { return c.Same(d) && d.Old != nil && *c.Old == *d.Old }) {
			return nil, &edit.ChangedError{Path: c.Path}
		}
	}
	if err := js.check(ctx, t.pending); err != nil {
		return nil, err
	}
	if _, err := js.keep(caller, t.lost); err != nil {
		return nil, err
	}
	if err := t.journal.Save(); err != nil {
		return nil, err
	}
	changes := slices.DeleteFunc(slices.Clone(t.pending), func(c edit.Change) bool { return !selected(c) })
	if err := js.formats.Apply(ctx, changes); err != nil {
		return nil, errors.Join(err, js.takeBack(ctx, caller, t))
	}
	return func() error {
		ctx := context.WithoutCancel(ctx)
		unlock, err := lock(ctx, r.Env)
		if err != nil {
			return err
		}
		defer unlock()
		return js.takeBack(ctx, caller, t)
	}, nil
}

// takeBack takes back the changes of a setup that has failed between two of them.
func (js *journals) takeBack(ctx context.Context, caller string, t *todo) (err error) {
	for _, c := range slices.Backward(t.pending) {
		_, e := js.formats.Revert(ctx, c)
		err = errors.Join(err, e)
	}
	if err != nil {
		return err // undo can try again
	}
	return js.of(caller).Save()
}

// checkRoot returns an error if root would write into another user's directory. A change of a
// file writes where links lead, even if nothing is there yet.
func checkRoot(c edit.Change) error {
	path := c.Path
	if c.Kind != edit.KindLink {
		var err error
		if path, err = edit.FollowLinks(path); err != nil {
			return err
		}
	}
	if err := system.CheckRoot(path); err != nil {
		return config.Errorf(config.Shell("export HOME=%s", shellquote.Join(system.RootHome())), "%v", err)
	}
	return nil
}

// checkStateDir returns an error if there is no directory for the journal, it is another user's, or
// it cannot be written.
func checkStateDir(ctx context.Context, env system.Env) error {
	if login.StateDir(env) == "" {
		return config.Errorf(config.Shell("export XDG_STATE_HOME=/a/directory/of/yours"), "there is no home directory for the journal of setup")
	}
	if err := system.CheckRoot(filepath.Join(string(login.StateDir(env)), "setup")); err != nil {
		return config.Errorf(config.Shell("export XDG_STATE_HOME=%s", shellquote.Join(system.RootState())), "%v", err)
	}
	if err := edit.CheckWritable(ctx, filepath.Join(string(login.StateDir(env)), "setup.lock")); err != nil {
		return config.Errorf(config.Shell("export XDG_STATE_HOME=/a/directory/of/yours"), "the journal of setup cannot be kept: %v", err)
	}
	return nil
}

// lock takes the lock of all setups of this user.
func lock(ctx context.Context, env system.Env) (unlock func(), err error) {
	if err := checkStateDir(ctx, env); err != nil {
		return nil, err
	}
	path := filepath.Join(string(login.StateDir(env)), "setup.lock")
	if err := edit.MakeDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f := flock.New(path, flock.SetPermissions(0o600))
	if _, err := f.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return func() { _ = f.Unlock() }, nil
}

// check returns why a file cannot be edited or written, or nil.
func (js *journals) check(ctx context.Context, changes []edit.Change) error {
	for _, c := range changes {
		if err := checkRoot(c); err != nil {
			return err
		}
		_, err := js.formats.Preview(ctx, c.Path, changes)
		if err == nil {
			err = edit.CheckWritable(ctx, c.Path)
		}
		if locked := (*edit.LockedError)(nil); errors.As(err, &locked) {
			return err
		}
		if err != nil {
			return config.Errorf(config.Text("to see the lines and write them yourself, use --print"), "%v", err)
		}
	}
	return nil
}

// todo is what is left to do of a plan.
type todo struct {
	pending []edit.Change  // the changes to make, with the values that they replace
	lines   map[int]string // shown for them, by index
	journal *edit.Journal  // as it has to be before the first change
	lost    []edit.Change  // values that no file and no journal will have
}

// compare finds what is left to do.
func (js *journals) compare(ctx context.Context, caller string, p *plan) (*todo, error) {
	t := &todo{lines: map[int]string{}}
	mine := js.of(caller)
	var add []edit.Change
	for _, s := range p.steps {
		c := s.Change
		now, err := js.formats.Current(ctx, c)
		if form := (*edit.YAMLError)(nil); c.Kind == kindKubeconfig && errors.As(err, &form) {
			// kubectl writes a file only if it changes something.
			kubectl := "kubectl config --kubeconfig " + shellquote.Join(c.Path)
			err = config.Errorf(config.Shell("%s set-context rewrite && %s delete-context rewrite", kubectl, kubectl), "%v", err)
		}
		if err != nil {
			return nil, err
		}
		earlier := cmp.Or(mine.Find(c), js.find(c))
		if now != nil && (js.formats.Same(c, *now) || c.Kind == edit.KindFile) {
			if earlier != nil { // setup has made it
				add = append(add, edit.Change{Path: c.Path, Kind: c.Kind, Key: c.Key, Old: earlier.Old, New: earlier.New, For: c.For})
			}
			continue
		}
		t.lines[len(t.pending)] = s.lines
		c.Old = now
		t.pending = append(t.pending, c)
		if earlier != nil && now != nil {
			var lost *string
			c.Old, lost = replacedBefore(*earlier, *now)
			t.lost = append(t.lost, edit.Change{Path: c.Path, Kind: c.Kind, Key: c.Key, Old: lost})
		}
		add = append(add, c)
	}
	t.journal = mine.Add(add)
	return t, nil
}

// shown tells users what changes.
func (t *todo) shown(p *plan) string {
	var b strings.Builder
	if len(t.pending) == 0 {
		b.WriteString("Everything is set up already.\n")
	} else {
		fmt.Fprintf(&b, "%s. This changes:\n", p.summary)
	}
	path, shown := "", ""
	for i, c := range t.pending {
		lines := t.lines[i]
		if lines == "" {
			continue
		}
		if path != c.Path {
			fmt.Fprintf(&b, "\n%s:\n", c.Path)
		}
		if lines != shown {
			b.WriteString(indented(lines))
		}
		path, shown = c.Path, lines
		if c.Old == nil {
			continue
		}
		if old := shownOld(c); old != "" {
			fmt.Fprintf(&b, "  (in place of %s)\n", old)
		}
	}
	for _, note := range p.notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	return b.String()
}

// shownOld describes the value that a change replaces. It shows no secret.
func shownOld(c edit.Change) string {
	switch {
	case c.Kind == kindText:
		return "another text"
	case c.Kind == kindProfile && len(c.Key) == 1:
		return "the profile of that name"
	case c.Kind == kindFlyte:
		return c.Key[1] + ": " + strings.Join(strings.Fields(*c.Old), " ")
	case c.Kind == kindKubeconfig && c.Key[0] == "users":
		return shownUser(*c.Old)
	}
	return strings.ReplaceAll(strings.TrimSpace(*c.Old), "\n", "; ")
}

func indented(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}

// printed has the lines of the plan, for users who write them themselves.
func (p *plan) printed() string {
	var b strings.Builder
	path, shown := "", ""
	for _, s := range p.steps {
		if s.lines == "" || s.lines == shown {
			continue
		}
		if path != s.Path {
			fmt.Fprintf(&b, "# %s\n", s.Path)
		}
		path, shown = s.Path, s.lines
		if s.command != nil {
			b.WriteString(shellquote.Join(s.command...) + "\n")
			continue
		}
		b.WriteString(strings.TrimSuffix(s.lines, "\n") + "\n")
	}
	for _, note := range p.notes {
		fmt.Fprintf(&b, "# %s\n", strings.ReplaceAll(note, "\n", "\n# "))
	}
	return b.String()
}
