package setup

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

// runsProgram reports whether a value of the entry of a change runs this program and no other.
// The entry is ours then, whatever else the user has changed in it.
func runsProgram(c edit.Change, value string) bool {
	switch {
	case c.Kind == kindGit:
		return isOurGitHelper(value)
	case c.Kind == kindKubeconfig && c.Key[0] == "users":
		var u kubeUser
		return yaml.Unmarshal([]byte("user: "+value+"\n"), &u) == nil && u.User.Exec.isOurs()
	case c.Kind == kindFlyte && c.Key[1] == "command":
		words, _ := edit.ValueOf(value).([]any)
		return len(words) > 0 && isProgram(words[0])
	}
	return false
}

// isProgram reports whether a word is the name or a path of this program.
func isProgram(word any) bool {
	name, _ := word.(string)
	return strings.TrimSuffix(filepath.Base(name), ".exe") == config.Program
}

// replacedBefore returns the value to put back for an entry that setup changes again: what the
// earlier setup replaced if the entry is ours now, otherwise what the entry has now. lost is the
// other of the two, if it says anything else than setup wrote.
func replacedBefore(earlier edit.Change, now string) (old, lost *string) {
	switch {
	case earlier.New == now:
		return earlier.Old, nil
	case runsProgram(earlier, now):
		return earlier.Old, &now
	case earlier.Kind == kindGoEnv:
		rest := strings.Join(slices.DeleteFunc(strings.Split(now, ";"), isOurGoauth), ";")
		if rest == "" {
			return earlier.Old, nil
		}
		return &rest, nil
	case earlier.Old != nil && *earlier.Old == now:
		return &now, nil
	}
	return &now, earlier.Old
}
