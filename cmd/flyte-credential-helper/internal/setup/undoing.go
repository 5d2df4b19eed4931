package setup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// undoing takes back what a setup has changed, each file by itself.
type undoing struct {
	*undo
	others []*undo
	dryRun bool
	told   []string
	stuck  []string // the files that cannot be undone
	hint   config.Hint
}

// Undo takes back what the setup of a caller has changed. It needs no settings: they may be
// what is to be undone. If only names a file, that is undone, and no other.
func Undo(env system.Env, caller, only string, dryRun bool) error {
	mine, err := readUndo(env, caller)
	if err != nil {
		return err
	}
	u := &undoing{undo: mine, dryRun: dryRun}
	if u.others, err = otherUndos(env, mine); err != nil {
		return err
	}
	u.forget()
	paths := u.paths(only)
	for _, path := range paths {
		u.file(path)
	}
	if len(paths) == 0 {
		u.told = []string{"There is nothing to undo."}
	} else {
		u.tell("Logins stay: "+command(env)+" status lists them, and logout ends them.", "")
	}
	if err := errors.Join(u.keep(), env.Write(strings.Join(u.told, "\n")+"\n")); err != nil || len(u.stuck) == 0 || dryRun {
		return err
	}
	return config.Errorf(u.hint, "%s could not be undone", strings.Join(u.stuck, ", "))
}

// otherUndos are the records of the other setups.
func otherUndos(env system.Env, mine *undo) (others []*undo, err error) {
	for _, setup := range []string{"kubernetes", "flyte", "git", "docker", "bazel", "goauth"} {
		if setup == mine.setup() {
			continue
		}
		other, err := readUndo(env, setup)
		if err != nil {
			return nil, err
		}
		others = append(others, other)
	}
	return others, nil
}

// paths are the files to undo, the last first, but what is ours after all that may
// need it.
func (u *undoing) paths(only string) (paths []string) {
	var ours []string
	for _, f := range slices.Backward(u.Files) {
		switch {
		case only != "" && filepath.Clean(f.Path) != filepath.Clean(only) && !system.SameFile(f.Path, only), slices.Contains(append(paths, ours...), f.Path):
		case u.ours(f):
			ours = append(ours, f.Path)
		default:
			paths = append(paths, f.Path)
		}
	}
	return append(paths, ours...)
}

// tell says what is so now, or what would be.
func (u *undoing) tell(is, would string) {
	if u.dryRun {
		is = would
	}
	if is != "" {
		u.told = append(u.told, is)
	}
}

// keep saves what is left to be undone, by whom. Ours comes last: what has two records
// can still be undone.
func (u *undoing) keep() (err error) {
	for _, r := range append(u.others, u.undo) {
		if !u.dryRun && len(r.Files) != len(r.was.Files) {
			err = errors.Join(err, r.save())
		}
	}
	return err
}

// forget removes the copies of an undo that could not be.
func (u *undoing) forget() {
	for i := range u.Files {
		if !u.dryRun {
			_ = os.Remove(u.copyOf(i))
		}
	}
}
