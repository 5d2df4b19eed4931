package setup

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

// file undoes one file, if it can be.
func (u *undoing) file(path string) {
	changes := slices.DeleteFunc(slices.Clone(u.Files), func(f undoFile) bool { return f.Path != path })
	other, profile := u.neededBy(changes[0])
	switch {
	case u.ours(changes[0]) && len(u.stuck) > 0:
		u.tell(path+" stays as it is: "+u.stuck[0]+" needs it.", path+" would stay as it is: "+u.stuck[0]+" needs it.")
		return
	case other != nil:
		why := fmt.Sprintf(", and with it %s: setup %s uses it.", path, other.setup())
		u.tell("The profile "+profile+" stays"+why, "The profile "+profile+" would stay"+why)
		other.take(changes, u.Profiles)
	case !u.restore(path, changes):
		u.stuck = append(u.stuck, path)
		return
	}
	u.Files = slices.DeleteFunc(slices.Clone(u.Files), func(f undoFile) bool { return f.Path == path })
}

// neededBy finds a setup that has come to use a profile since that change of ours.
func (u *undoing) neededBy(f undoFile) (other *undo, profile string) {
	if f.Link || !u.ours(f) {
		return nil, ""
	}
	for _, other := range u.others {
		for _, profile := range slices.Sorted(maps.Keys(u.Profiles)) {
			if since, uses := other.Profiles[profile]; uses && len(other.Files) > 0 && since.After(f.When) {
				return other, profile
			}
		}
	}
	return nil, ""
}

// take has u undo what another setup would have.
func (u *undo) take(changes []undoFile, profiles map[string]time.Time) {
	u.Files = append(u.Files, changes...)
	slices.SortStableFunc(u.Files, func(a, b undoFile) int { return a.When.Compare(b.When) })
	for profile, since := range profiles {
		if _, uses := u.Profiles[profile]; !uses {
			u.Profiles[profile] = since
		}
	}
}

// restore undoes a file's changes, the last first: all of them, or none.
func (u *undoing) restore(path string, changes []undoFile) bool {
	now, err := changes[0].read()
	text, ok := now, true
	for _, f := range slices.Backward(changes) {
		if ok {
			text, ok = f.back(text)
		}
	}
	switch {
	case err != nil:
	case !ok:
		return u.leave(path, changes[0].Before)
	case !u.dryRun:
		err = edit.Change(path, now, text)
	}
	if err != nil {
		u.tell(fmt.Sprintf("%s stays as it is: %v.", path, err), fmt.Sprintf("%s would stay as it is: %v.", path, err))
		return false
	}
	u.tellOf(path, changes[0].Before, now, text)
	return true
}

// tellOf says what became of a file, which was now and is text.
func (u *undoing) tellOf(path string, before, now, text []byte) {
	end := " as it was before setup."
	if text == nil {
		end = " as it was before setup: not there."
	}
	switch edit.Sum(text) {
	case edit.Sum(before):
		u.tell(path+" is"+end, path+" would be"+end)
	case edit.Sum(now):
		u.tell("Nothing of setup's is left in "+path+", which stays as it is.", "Nothing of setup's is left in "+path+", which would stay as it is.")
	default:
		u.tell("What setup put into "+path+" is out of it; what others wrote there stays.", "What setup put into "+path+" would be out of it; what others wrote there would stay.")
	}
}

// copyOf is where the i-th file that cannot be undone is laid as it was before.
func (u *undo) copyOf(i int) string { return fmt.Sprintf("%s.%d", u.path, i) }

// leave has a file stay as it is. What it was before lies beside the record, for the
// person to take from.
func (u *undoing) leave(path string, before []byte) (undone bool) {
	why := " stay as it is: it has changed where setup wrote."
	copied := u.copyOf(len(u.stuck))
	u.tell(path+" stays as it is: it has changed where setup wrote. What it was before is in "+copied+".", path+" would"+why)
	if u.dryRun {
		return false
	}
	if err := edit.Write(copied, before); err != nil {
		u.tell(fmt.Sprintf("No copy of what it was can be kept: %v.", err), "")
	}
	if !u.hint.IsCommand() {
		u.hint = config.Command("diff", copied, path)
	}
	return false
}
