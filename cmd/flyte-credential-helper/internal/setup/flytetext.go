package setup

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/goccy/go-yaml/ast"
)

// flyteText is a configuration file of Flyte's clients. Setup changes a few lines
// below its admin, and leaves all others as they are.
type flyteText struct {
	path    string
	text    []byte // nil: there is no file
	fresh   bool   // there is no admin in it
	flyte2  bool   // it is for Flyte 2's clients
	changes []flyteChange
}

// flyteChange is a key that gets a value.
type flyteChange struct {
	key   string
	words []string
	list  bool
	keeps bool   // what is there already stays
	usual string // what counts where it is not there
	was   string // what it has now, or empty
}

// value is the change's, as YAML.
func (f flyteChange) value() string {
	if f.list {
		return "[" + edit.Join(f.words, edit.Quote) + "]"
	}
	if word := f.words[0]; word != "true" && word != "false" {
		return edit.Quote(word)
	}
	return f.words[0]
}

// newFlyteText is the file at path, that is to have the command run. Flyte 2's clients
// offer what they have in their keyring first, however old, unless they are told not
// to; in a file with that key flytectl, which is Flyte 1's, does not start.
func newFlyteText(path string, text []byte, endpoint []flyteChange, command []string, flyte2 bool) *flyteText {
	f := &flyteText{path: path, text: text, flyte2: flyte2, changes: append(endpoint,
		flyteChange{key: "authType", words: []string{"ExternalCommand"}},
		flyteChange{key: "command", words: command, list: true})}
	if flyte2 {
		f.changes = append(f.changes, flyteChange{key: "disableKeyring", words: []string{"true"}})
	}
	return f
}

// changed returns the text with the changes made.
func (f *flyteText) changed() ([]byte, error) {
	if !strings.HasSuffix(f.path, "yaml") && !strings.HasSuffix(f.path, "yml") {
		return nil, config.Errorf(config.Hint{}, "%s is not YAML: write into it, under [credentials], auth_mode = external_process and command = %s", f.path, strings.Join(f.command().words, ","))
	}
	top, err := config.ParseYAML(f.path, f.text)
	if err != nil {
		return nil, err
	}
	if admin, err := edit.Pair(top, "admin"); err == nil {
		return f.splice(top, admin)
	}
	if m, ok := top.(*ast.MappingNode); top != nil && (!ok || m.IsFlowStyle) {
		return nil, f.paste()
	}
	f.fresh = true
	text := string(f.text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return []byte(text + f.admin()), nil
}

// admin is all of it, for a file that says nothing.
func (f *flyteText) admin() string {
	text := "admin:\n"
	for _, change := range f.changes {
		text += "  " + change.key + ": " + change.value() + "\n"
	}
	return text
}

// lineEdit replaces lines.
type lineEdit struct {
	from, to int
	line     string
}

// splice makes the changes in the lines of admin. It makes sure that all else says
// what it said.
func (f *flyteText) splice(top ast.Node, admin *ast.MappingValueNode) ([]byte, error) {
	m, ok := admin.Value.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) == 0 {
		return nil, f.paste()
	}
	if err := f.refuseMachine(m); err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(f.text), "\n")
	eol := "\n"
	if strings.HasSuffix(lines[0], "\r\n") {
		eol = "\r\n"
	}
	if last := lines[len(lines)-1]; last != "" {
		lines[len(lines)-1] += eol
	}
	var edits []lineEdit
	var needed []flyteChange
	for _, change := range f.changes {
		e, err := change.edit(lines, m)
		switch {
		case errors.Is(err, errReferred):
			return nil, f.paste()
		case err == nil:
			e.line += eol
			edits, needed = append(edits, e), append(needed, change)
		}
	}
	all := f.changes
	if f.changes = needed; len(needed) == 0 {
		return f.text, nil
	}
	slices.SortStableFunc(edits, func(a, b lineEdit) int { return a.from - b.from })
	for _, e := range slices.Backward(edits) {
		lines = slices.Replace(lines, e.from, e.to, e.line)
	}
	text := []byte(strings.Join(lines, ""))
	now, err := config.ParseYAML(f.path, text)
	if err != nil || !reflect.DeepEqual(saidBy(now), f.want(top)) {
		f.changes = all
		return nil, f.paste()
	}
	return text, nil
}

var (
	errReferred = errors.New("something else may refer to it")
	errSaid     = errors.New("it says so already")
)

// edit is the line of the change in admin. The key is written as it is there: Flyte 1
// tells no capitals.
func (f *flyteChange) edit(lines []string, admin *ast.MappingNode) (lineEdit, error) {
	indent := admin.Values[0].Key.GetToken().Position.Column - 1
	blanks := strings.Repeat(" ", indent)
	i := slices.IndexFunc(admin.Values, func(v *ast.MappingValueNode) bool { return strings.EqualFold(v.Key.GetToken().Value, f.key) })
	if i < 0 {
		if len(f.words) == 1 && f.words[0] == f.usual {
			return lineEdit{}, errSaid
		}
		last := admin.Values[len(admin.Values)-1].Key.GetToken().Position.Line - 1
		at := edit.ListEnd(lines, edit.BlockEnd(lines, last, indent), indent)
		return lineEdit{at, at, blanks + f.key + ": " + f.value()}, nil
	}
	old := admin.Values[i]
	if f.keeps || f.isSaidBy(old.Value) {
		return lineEdit{}, errSaid
	}
	if _, named := old.Value.(*ast.AnchorNode); named {
		return lineEdit{}, errReferred
	}
	f.key = old.Key.GetToken().Value
	f.was = strings.Join(strings.Fields(old.Value.String()), " ")
	start := old.Key.GetToken().Position.Line - 1
	return lineEdit{start, edit.ListEnd(lines, edit.BlockEnd(lines, start, indent), indent), blanks + f.key + ": " + f.value() + remark(lines[start], old)}, nil
}

// remark is the comment behind a value that begins on its key's line.
func remark(line string, old *ast.MappingValueNode) string {
	value := old.Value.GetToken()
	if value.Position.Line != old.Key.GetToken().Position.Line {
		return ""
	}
	at := strings.LastIndexAny(line, "]}") + 1 // what a comment begins with may stand in a value
	if _, one := edit.Scalar(old.Value); one {
		at = min(value.Position.Column-1+len(strings.TrimSpace(value.Origin)), len(line))
	}
	if i := strings.Index(line[at:], " #"); i >= 0 {
		return strings.TrimRight(line[at+i:], "\r\n")
	}
	return ""
}

// refuseMachine leaves alone what needs no person to log in.
func (f *flyteText) refuseMachine(m *ast.MappingNode) error {
	for _, v := range m.Values {
		key := v.Key.GetToken().Value
		text, _ := edit.Scalar(v.Value)
		if key == "clientSecretLocation" || key == "clientSecretEnvVar" || key == "authType" && strings.EqualFold(text, "ClientSecret") {
			return config.Errorf(config.Hint{}, "%s has admin.%s, so it is a machine's, which needs no person to log in: it is left as it is", f.path, key)
		}
	}
	return nil
}

// command is the one that Flyte's clients are to run.
func (f *flyteText) command() flyteChange {
	return f.changes[slices.IndexFunc(f.changes, func(c flyteChange) bool { return c.list })]
}

// paste is for a file that is written in a way that is not changed here.
func (f *flyteText) paste() error {
	return config.Errorf(config.Hint{}, "%s cannot be changed by setup as it is written (a value in braces, or one that others refer to): under admin, say authType: ExternalCommand, and command: %s", f.path, f.command().value())
}

// shown is what a person is told of the changes.
func (f *flyteText) shown() string {
	if len(f.changes) == 0 {
		return "Everything is set up already.\n"
	}
	switch {
	case f.text == nil:
		return "This makes " + f.path + ":\n\n" + f.admin()
	case f.fresh:
		return "This adds to " + f.path + ":\n\n" + f.admin()
	}
	text := "This changes " + f.path + ", under admin:\n\n"
	for _, change := range f.changes {
		text += "  " + change.key + ": " + change.value()
		if change.was != "" {
			text += "    (in place of " + change.was + ")"
		}
		text += "\n"
	}
	return text
}

// saidBy is what a node says: maps, lists and words.
func saidBy(n ast.Node) any {
	switch n := n.(type) {
	case *ast.MappingNode:
		m := map[string]any{}
		for _, v := range n.Values {
			m[v.Key.GetToken().Value] = saidBy(v.Value)
		}
		return m
	case *ast.SequenceNode:
		list := []any{}
		for _, v := range n.Values {
			list = append(list, saidBy(v))
		}
		return list
	}
	if word, ok := edit.Scalar(n); ok {
		return word
	}
	if n == nil {
		return nil
	}
	return n.String()
}

// isSaidBy reports whether a value says it, and perhaps more: a command may have been
// set up with more flags.
func (f flyteChange) isSaidBy(n ast.Node) bool {
	old, want := saidBy(n), f.said()
	if have, ok := old.([]any); ok && f.list && len(have) > len(f.words) {
		old = have[:len(f.words)]
	}
	return reflect.DeepEqual(old, want)
}

func (f flyteChange) said() any {
	if !f.list {
		return f.words[0]
	}
	list := []any{}
	for _, word := range f.words {
		list = append(list, word)
	}
	return list
}

// want is what the file is to say.
func (f *flyteText) want(top ast.Node) any {
	all, _ := saidBy(top).(map[string]any)
	admin, _ := all["admin"].(map[string]any)
	for _, change := range f.changes {
		admin[change.key] = change.said()
	}
	return all
}
