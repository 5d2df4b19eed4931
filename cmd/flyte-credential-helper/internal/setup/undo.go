package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
)

// undo is what one setup has changed, and since when it uses which profiles. It lies
// in the state directory, since a kubeconfig may hold secrets.
type undo struct {
	path   string
	self   string    // the program
	config string    // the folder of its configuration
	began  time.Time // this run of setup
	record
	was record     // as it was read
	now []undoFile // what this run has changed
}

type record struct {
	Files    []undoFile           `json:"files"` // changes, the oldest first
	Profiles map[string]time.Time `json:"profiles,omitempty"`
}

// readUndo reads what the setup of that name has changed.
func readUndo(env system.Env, setup string) (*undo, error) {
	if login.StateDir(env) == "" {
		return nil, config.Errorf(config.Shell("export XDG_STATE_HOME=/a/directory/of/yours"), "there is no home directory to keep in what setup changes")
	}
	u := &undo{path: filepath.Join(string(login.StateDir(env)), "setup."+setup), config: filepath.Dir(config.ConfigPath(env)), began: env.Now()}
	u.self, _ = env.Executable() // without one there are no links to it
	text, err := os.ReadFile(u.path)
	if err == nil {
		err = json.Unmarshal(text, &u.record)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("what setup changed before cannot be read: %w", err)
	}
	if u.Profiles == nil {
		u.Profiles = map[string]time.Time{}
	}
	u.was = record{slices.Clone(u.Files), maps.Clone(u.Profiles)}
	return u, nil
}

// setup is the name of the one whose record it is.
func (u *undo) setup() string { return filepath.Ext(u.path)[1:] }

// uses notes that what setup changes will use a profile.
func (u *undo) uses(profile string) {
	if profile != "" {
		u.Profiles[profile] = u.began
	}
}

// ours reports whether a file is one that others need to run us.
func (u *undo) ours(f undoFile) bool { return f.Link || filepath.Dir(f.Path) == u.config }

// orBack does what a setup does. Where that fails, all goes back that watch has seen
// it change, but for what somebody else has changed since.
func (u *undo) orBack(f func() error) error {
	err := f()
	if err == nil || len(u.now) == 0 {
		return err
	}
	for _, f := range slices.Backward(u.now) {
		now, failed := f.read()
		switch {
		case failed != nil:
		case edit.Sum(now) == f.After:
			failed = edit.WriteOrDelete(f.Path, f.Before)
		case edit.Sum(now) != edit.Sum(f.Before):
			failed = fmt.Errorf("%s has changed meanwhile, and stays as it is", f.Path)
		}
		if failed != nil {
			err = fmt.Errorf("%w; and %w", err, failed)
		}
	}
	u.record = u.was
	return errors.Join(err, u.save())
}

// watch reads files before f and after it, and notes what it has changed, even where
// it fails.
func (u *undo) watch(paths []string, f func() error) error {
	before := map[string]*undoFile{}
	for _, path := range paths {
		was, err := u.lookAt(path)
		if err != nil {
			return err
		}
		before[path] = was
	}
	failed := f()
	for _, path := range paths {
		after, err := u.lookAt(path)
		if err == nil && after.After != before[path].After {
			after.Before, after.When = before[path].Text, u.began
			u.now = append(u.now, *after)
			u.add(*after)
		}
		failed = errors.Join(failed, err)
	}
	return errors.Join(failed, u.save())
}

// add notes a change. It is one with the change before where nobody has changed the
// file in between.
func (u *undo) add(f undoFile) {
	for i, last := range slices.Backward(u.Files) {
		if last.Path == f.Path && last.After == edit.Sum(f.Before) {
			u.Files[i].Text, u.Files[i].After = f.Text, f.After
			return
		}
		if last.Path == f.Path {
			break
		}
	}
	u.Files = append(u.Files, f)
}

// save keeps the record, or none where there is nothing to take back.
func (u *undo) save() error {
	if len(u.Files) == 0 {
		return edit.WriteOrDelete(u.path, nil)
	}
	text, err := json.Marshal(u.record)
	if err != nil {
		return err
	}
	return edit.Write(u.path, text)
}
