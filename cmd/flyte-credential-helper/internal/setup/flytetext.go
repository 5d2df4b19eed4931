package setup

import (
	"context"
	"reflect"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

// flyteYAML is the form of Flyte's files. Flyte 1's clients ignore the case of keys.
func flyteYAML() edit.YAML { return edit.YAML{FoldCase: true} }

// flyteText is a configuration file of Flyte's clients, in which setup sets entries of admin.
type flyteText struct {
	path    string
	text    []byte // nil: there is no file
	flyte2  bool   // it is for Flyte 2's clients
	command []string
	changes []flyteChange
}

// flyteChange is a key of admin that gets a value.
type flyteChange struct {
	key   string
	value string  // as YAML
	keeps bool    // a value that is there stays
	usual string  // the value that an absent key has
	old   *string // nil: there is none
}

// newFlyteText is the file at path, whose readers will run the command. Flyte 2's clients
// send an old token from their keyring first, unless disableKeyring is set. flytectl, which is a
// client of Flyte 1, does not start if its file has that key.
func newFlyteText(path string, text []byte, endpoint []flyteChange, command []string, flyte2 bool) *flyteText {
	f := &flyteText{path: path, text: text, flyte2: flyte2, command: command, changes: append(endpoint,
		flyteChange{key: "authType", value: "ExternalCommand"},
		flyteChange{key: "command", value: edit.QuoteList(command)})}
	if flyte2 {
		f.changes = append(f.changes, flyteChange{key: "disableKeyring", value: "true"})
	}
	return f
}

// changed returns the text with the changes made. It keeps the changes that were necessary.
func (f *flyteText) changed() (text []byte, err error) {
	all := f.changes
	if !strings.HasSuffix(f.path, "yaml") && !strings.HasSuffix(f.path, "yml") {
		return nil, config.Errorf(config.Hint{}, "%s is not YAML: under [credentials], set auth_mode = external_process and command = %s", f.path, strings.Join(f.command, ","))
	}
	if err := f.refuseMachine(); err != nil {
		return nil, err
	}
	text, f.changes = f.text, nil
	for _, c := range all {
		key := []string{"admin", c.key}
		c.old, err = flyteYAML().Get(context.Background(), f.text, key)
		switch {
		case err != nil:
		case c.old != nil && (c.keeps || c.isSaidBy(*c.old)), c.old == nil && c.value == c.usual && f.hasAdmin():
			continue
		default:
			f.changes = append(f.changes, c)
			text, err = flyteYAML().Set(context.Background(), text, key, &c.value)
		}
		if err != nil {
			return nil, config.Errorf(config.Hint{}, "%s cannot be edited: %v: add these lines by hand: %s", f.path, err, lines(all))
		}
	}
	return text, nil
}

func (f *flyteText) hasAdmin() bool {
	admin, _ := flyteYAML().Get(context.Background(), f.text, []string{"admin"})
	return admin != nil && strings.TrimSpace(*admin) != ""
}

// isSaidBy reports whether a value says it, and perhaps more: a command may have more flags.
func (c flyteChange) isSaidBy(old string) bool {
	have, want := edit.ValueOf(old), edit.ValueOf(c.value)
	if list, ok := have.([]any); ok {
		if wanted, ok := want.([]any); ok && len(list) > len(wanted) {
			have = list[:len(wanted)]
		}
	}
	return reflect.DeepEqual(have, want)
}

// refuseMachine refuses the file of a machine, which logs in without a user.
func (f *flyteText) refuseMachine() error {
	for _, key := range []string{"clientSecretLocation", "clientSecretEnvVar", "authType"} {
		value, err := flyteYAML().Get(context.Background(), f.text, []string{"admin", key})
		if err != nil || value == nil || key == "authType" && !strings.EqualFold(strings.Trim(*value, `"'`), "ClientSecret") {
			continue
		}
		return config.Errorf(config.Hint{}, "%s has admin.%s, so it is the file of a machine, which needs no user to log in: it is not changed", f.path, key)
	}
	return nil
}

// lines are the changes as lines of the file.
func lines(changes []flyteChange) string {
	text := "admin:\n"
	for _, c := range changes {
		text += "  " + c.key + ": " + c.value + "\n"
	}
	return text
}

// shown is what users are told of the changes.
func (f *flyteText) shown() string {
	if len(f.changes) == 0 {
		return "Everything is set up already.\n"
	}
	text := "This changes " + f.path + ":\n\nadmin:\n"
	for _, c := range f.changes {
		text += "  " + c.key + ": " + c.value
		if c.old != nil {
			text += "    (in place of " + strings.Join(strings.Fields(*c.old), " ") + ")"
		}
		text += "\n"
	}
	return text
}
