package setup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// callers are the programs whose setups have a journal.
func callers() []string { return []string{"kubernetes", "flyte", "git", "docker", "bazel", "goauth"} }

// journals are the journals of all setups.
type journals struct {
	formats edit.Formats
	all     map[string]*edit.Journal // by caller
	old     map[string][]byte        // records of earlier versions that could not be converted completely
}

func readJournals(ctx context.Context, env system.Env) (*journals, error) {
	js := &journals{formats: formats(env), all: map[string]*edit.Journal{}, old: map[string][]byte{}}
	for _, caller := range callers() {
		j, other, err := edit.ReadJournal(filepath.Join(string(login.StateDir(env)), "setup."+caller))
		if err != nil {
			return nil, err
		}
		if other != nil {
			changes, complete := js.changesOf(ctx, caller, other)
			if j = j.Add(changes); !complete {
				js.old[caller] = other
			}
		}
		js.all[caller] = j
	}
	return js, nil
}

func (js *journals) of(caller string) *edit.Journal { return js.all[caller] }

// find returns the change of the same entry in some journal, or nil.
func (js *journals) find(c edit.Change) *edit.Change {
	for _, caller := range callers() {
		if found := js.all[caller].Find(c); found != nil {
			return found
		}
	}
	return nil
}

// user returns another setup that needs a change too, or "".
func (js *journals) user(caller string, c edit.Change) string {
	for _, other := range callers() {
		if other != caller && js.all[other].Find(c) != nil {
			return other
		}
	}
	return ""
}

// Undo takes back what setup has changed for a caller: for the hosts or contexts of names, or
// for all. It needs no settings, because they may be what is to be undone.
func Undo(ctx context.Context, env system.Env, caller string, names []string, dryRun bool) error {
	unlock, err := lock(ctx, env)
	if err != nil {
		return err
	}
	defer unlock()
	js, err := readJournals(ctx, env)
	if err != nil {
		return err
	}
	if caller != "kubernetes" && caller != "flyte" {
		if names, err = hostArguments(env.Args, caller, names); err != nil {
			return err
		}
	}
	mine := js.of(caller)
	if len(mine.Changes) == 0 && js.old[caller] == nil {
		return errors.Join(mine.Save(), env.Write("There is nothing to undo.\n"))
	}
	if err := known(mine, caller, names); err != nil {
		return err
	}
	u := &undoing{journals: js, caller: caller, names: names, dryRun: dryRun}
	kept, failed := u.changes(ctx, mine.Changes)
	if !dryRun {
		mine.Changes = kept
		failed = errors.Join(failed, u.keepRecord(mine.Path), mine.Save())
	}
	if failed == nil {
		u.tell("The logins are kept. To end them, use %s logout.", command(env))
	}
	return errors.Join(env.Write(u.report()), failed)
}

// known returns an error if setup has not changed anything for one of names.
func known(j *edit.Journal, caller string, names []string) error {
	var all []string
	for _, c := range j.Changes {
		all = append(all, c.For...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for _, name := range names {
		if !slices.Contains(all, name) {
			return config.Errorf(config.Hint{}, "setup %s has changed nothing for %s, only for %s", caller, name, strings.Join(all, ", "))
		}
	}
	return nil
}

// undoing is one undo.
type undoing struct {
	*journals
	caller string
	names  []string // the hosts or contexts; empty: all
	dryRun bool
	told   []reportLine
}

// reportLine is a line of the report of an undo.
type reportLine struct {
	text string
	path string // the file that keeps its other entries; empty: the line is about something else
}

func (u *undoing) tell(format string, args ...any) {
	u.add(reportLine{text: fmt.Sprintf(format, args...)})
}

// add adds a line to the report, once.
func (u *undoing) add(line reportLine) {
	if !slices.Contains(u.told, line) {
		u.told = append(u.told, line)
	}
}

// report is what undo prints.
func (u *undoing) report() (text string) {
	for _, line := range u.told {
		text += line.text + "\n"
	}
	return text
}

// changes takes changes back, the last first, and returns those that the journal has to keep. A
// failure ends it: what it could not remove may need the rest.
func (u *undoing) changes(ctx context.Context, all []edit.Change) (kept []edit.Change, failed error) {
	for _, c := range slices.Backward(all) {
		rest := slices.DeleteFunc(slices.Clone(c.For), func(name string) bool { return slices.Contains(u.names, name) })
		if len(u.names) > 0 && len(rest) > 0 {
			if len(rest) < len(c.For) && c.Kind == kindKubeconfig {
				u.tell("%s is kept in %s: %s needs it", name(c), c.Path, strings.Join(rest, ", "))
			}
			c.For = rest
			kept = append(kept, c)
			continue
		}
		if failed == nil {
			failed = u.change(ctx, c)
		}
		if failed != nil {
			kept = append(kept, c)
		}
	}
	slices.Reverse(kept)
	return kept, failed
}

// change takes one change back, unless another setup needs it.
func (u *undoing) change(ctx context.Context, c edit.Change) error {
	if other := u.user(u.caller, c); other != "" {
		if c.Kind != edit.KindFile {
			u.tell("%s is kept in %s: setup %s uses it", name(c), c.Path, other)
		}
		return nil
	}
	if u.dryRun {
		if c.Kind != edit.KindFile {
			u.tell("would remove our entries from %s", c.Path)
		}
		return nil
	}
	if err := checkRoot(c); err != nil {
		return err
	}
	now, err := u.formats.Current(ctx, c)
	if err != nil {
		return err
	}
	if now != nil && !u.formats.Same(c, *now) && runsProgram(c, *now) {
		u.tell("%s in %s was changed after setup and still runs this program: the change is dropped", name(c), c.Path)
		if err := u.keepReplaced(edit.Change{Path: c.Path, Kind: c.Kind, Key: c.Key, Old: now}); err != nil {
			return err
		}
		c.New = *now
	}
	if u.isEmptied(ctx, c, now) {
		if err := u.formats.Apply(ctx, []edit.Change{{Path: c.Path, Kind: c.Kind, Key: c.Key, New: *c.Old}}); err != nil {
			return err
		}
		u.tell("%s in %s was empty: it is as it was before setup", name(c), c.Path)
		return nil
	}
	done, err := u.formats.Revert(ctx, c)
	if err != nil {
		return err
	}
	if now, err = u.formats.Current(ctx, c); err != nil {
		return err
	}
	return u.reverted(c, done, now)
}

// reverted reports what became of a change. done says that it was taken back. now is the value of
// the entry; nil means that there is none.
func (u *undoing) reverted(c edit.Change, done bool, now *string) error {
	switch {
	case done && c.Kind == edit.KindLink && c.Old != nil:
		u.tell("%s leads to %s again", c.Path, *c.Old)
	case done && (c.Kind == edit.KindFile || c.Kind == edit.KindLink):
		u.told = slices.DeleteFunc(u.told, func(line reportLine) bool { return line.path == c.Path })
		u.tell("removed %s", c.Path)
	case done:
		u.add(reportLine{text: "removed our entries from " + c.Path + "; other changes kept", path: c.Path})
	case c.Kind == edit.KindFile:
	case now != nil && c.Old != nil && *now == *c.Old:
		u.tell("%s in %s is as it was before setup", name(c), c.Path)
	case now != nil && strings.Contains(*now, config.Program):
		return changedError(c, *now)
	case now == nil:
		u.tell("%s is not in %s any more", name(c), c.Path)
		return u.keepReplaced(c)
	default:
		u.tell("%s is kept in %s: it was changed after setup", name(c), c.Path)
		return u.keepReplaced(c)
	}
	return nil
}

// changedError means that an entry was changed and still runs this program, so that the profile
// cannot be removed.
func changedError(c edit.Change, now string) error {
	values := strings.Split(strings.TrimSpace(now), "\n")
	place, hint := placeOf(c.Path, 0, func(lines []string) bool {
		return len(lines) >= len(values) && slices.EqualFunc(lines[:len(values)], values, func(line, v string) bool { return strings.Contains(line, strings.TrimSpace(v)) })
	}), config.Shell("${EDITOR:-vi} %s", shellquote.Join(c.Path))
	if c.Kind == edit.KindLink {
		place, hint = c.Path, config.Command("rm", c.Path)
	}
	return config.Errorf(hint, "%s: %s was changed after setup and still runs this program: remove it, and repeat the undo", place, name(c))
}

// isEmptied reports whether the user has removed what setup wrote, so that the entry says nothing
// and can have the replaced value again.
func (u *undoing) isEmptied(ctx context.Context, c edit.Change, now *string) bool {
	if _, isYAML := u.formats[c.Kind].(edit.YAML); !isYAML || c.Old == nil {
		return false
	}
	if now == nil {
		c.Key = c.Key[:len(c.Key)-1]
		parent, err := u.formats.Current(ctx, c)
		return err == nil && parent != nil
	}
	return edit.SameValue(*now, "") || edit.SameValue(*now, "{}")
}

// keepReplaced keeps a replaced value that cannot be put back.
func (u *undoing) keepReplaced(c edit.Change) error {
	kept, err := u.keep(u.caller, []edit.Change{c})
	if kept != "" {
		u.tell("the value that setup replaced in %s is kept in %s", name(c), kept)
	}
	return err
}

// keep writes replaced values that no file and no journal has any more to the file path, because
// they may be credentials. path is empty if there is none. git keeps other helpers, and a record of
// an earlier version is kept itself.
func (js *journals) keep(caller string, lost []edit.Change) (path string, err error) {
	lost = slices.DeleteFunc(slices.Clone(lost), func(c edit.Change) bool {
		return c.Old == nil || c.Kind == kindGit || c.Kind == kindGoEnv
	})
	if len(lost) == 0 || js.old[caller] != nil {
		return "", nil
	}
	path = js.of(caller).Path + ".old"
	j, other, err := edit.ReadJournal(path)
	if err != nil {
		return "", err
	}
	if other != nil {
		return "", config.Errorf(config.Command("mv", path, path+".1"), "%s is the record of an earlier version, and setup needs its name", path)
	}
	for _, c := range lost {
		if !slices.ContainsFunc(j.Changes, func(d edit.Change) bool { return d.Same(c) && *d.Old == *c.Old }) {
			j.Changes = append(j.Changes, c)
		}
	}
	return path, j.Save()
}

// name is what users call an entry.
func name(c edit.Change) string {
	switch c.Kind {
	case edit.KindLink:
		return "the link"
	case kindKubeconfig: // users or contexts, and the selector of a name
		return "the " + strings.TrimSuffix(c.Key[0], "s") + " " + strings.TrimSuffix(strings.TrimPrefix(c.Key[1], "[name="), "]")
	}
	return strings.Join(c.Key, " ")
}

// keepRecord keeps the record of an earlier version if a part of it could not be understood.
func (u *undoing) keepRecord(path string) error {
	text := u.old[u.caller]
	if text == nil {
		return nil
	}
	u.tell("the record of an earlier version could not be undone completely: it is kept in %s.old", path)
	return edit.Write(path+".old", text)
}
