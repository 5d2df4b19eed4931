package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/goccy/go-yaml/ast"
)

// ProfileText writes a profile as YAML, indented by indent blanks.
func ProfileText(name string, p Profile, indent int) string {
	var b strings.Builder
	margin := strings.Repeat(" ", indent)
	b.WriteString(margin + edit.Quote(name) + ":\n")
	for _, s := range Table() {
		v, found := p[s.Name]
		if !found {
			continue
		}
		b.WriteString(margin + "  " + s.Name + ": ")
		switch s.byDefault().(type) {
		case mapValue:
			b.WriteString("{" + edit.Join(v.Words, func(word string) string {
				name, value, _ := strings.Cut(word, "=")
				return edit.Quote(name) + ": " + edit.Quote(value)
			}) + "}\n")
		case listValue, portsValue:
			b.WriteString("[" + edit.Join(v.Words, edit.Quote) + "]\n")
		default:
			b.WriteString(edit.Quote(v.Words[0]) + "\n")
		}
	}
	for _, list := range []string{"serves", "clusters"} {
		if v, found := p[list]; found {
			b.WriteString(margin + "  " + list + ": [" + strings.Join(v.Words, ", ") + "]\n")
		}
	}
	return b.String()
}

// Shown returns p for a message: without the values of headers and parameters, and without
// the user part of URLs.
func (p Profile) Shown() Profile {
	shown := Profile{}
	for name, v := range p {
		v.Words = slices.Clone(v.Words)
		for i, word := range v.Words {
			if isMasked(name) {
				v.Words[i] = withoutValue(word)
			} else {
				v.Words[i] = withoutUser(word)
			}
		}
		shown[name] = v
	}
	return shown
}

// WithProfile returns the configuration's text with a profile added or replaced. It changes
// nothing else, and reads the result to check that.
func (f *File) WithProfile(text []byte, name string, p Profile) ([]byte, error) {
	top, err := ParseYAML(f.Path, text)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	if top == nil {
		lines = append(strings.SplitAfter(string(text), "\n"), "profiles:\n", ProfileText(name, p, 2))
	} else if lines, err = splice(lines, top, name, p); err != nil {
		return nil, f.paste(name, p)
	}
	return f.sure(lines, top, name, p)
}

// sure returns the text of lines if its profiles are those of top, and the one of that name
// is p. Otherwise it returns what paste does.
func (f *File) sure(lines []string, top ast.Node, name string, p Profile) ([]byte, error) {
	changed := []byte(strings.Join(lines, ""))
	want, got := newFile(f.Path), newFile(f.Path)
	if top != nil {
		if err := want.decode(top); err != nil {
			return nil, err
		}
	}
	want.Profiles[name] = p
	top, err := ParseYAML(f.Path, changed)
	if err != nil || top == nil || got.decode(top) != nil || !got.same(want) {
		return nil, f.paste(name, p)
	}
	return changed, nil
}

// paste is the error of a file whose form setup does not change. It has the text to paste.
func (f *File) paste(name string, p Profile) error {
	return Errorf(Hint{}, "%s cannot be changed by setup as it is written: put this under profiles yourself: %s", f.Path, strings.TrimSpace(ProfileText(name, p.Shown(), 0)))
}

// WithServes returns the configuration's text with more hosts in the serves of the profile p
// of that name: a new profile, or more lines in the one that is there.
func (f *File) WithServes(text []byte, name string, p Profile, more []HostEntry) ([]byte, error) {
	top, err := ParseYAML(f.Path, text)
	if err != nil {
		return nil, err
	}
	old, err := profileIn(top, name)
	if err != nil {
		return f.WithProfile(text, name, p)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n")+"\n", "\n")
	m, ok := old.Value.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) == 0 {
		return f.WithProfile(text, name, p)
	}
	indent := m.Values[0].Key.GetToken().Position.Column - 1
	margin := strings.Repeat(" ", indent)
	last := m.Values[len(m.Values)-1].Key.GetToken().Position.Line - 1
	at := edit.ListEnd(lines, edit.BlockEnd(lines, last, indent), indent)
	if list, err := edit.Pair(m, "serves"); err == nil {
		start := list.Key.GetToken().Position.Line - 1
		at = edit.ListEnd(lines, edit.BlockEnd(lines, start, indent), indent)
		if items, block := list.Value.(*ast.SequenceNode); block && !items.IsFlowStyle && len(items.Values) > 0 {
			dash := lines[start+1]
			for _, word := range ServesText(more) {
				lines = slices.Insert(lines, at, dash[:len(dash)-len(strings.TrimLeft(dash, " "))]+"- "+word+"\n")
				at++
			}
			return f.sure(lines, top, name, p)
		}
		lines = slices.Delete(lines, start, at)
		at = start
	}
	lines = slices.Insert(lines, at, margin+"serves: ["+strings.Join(p["serves"].Words, ", ")+"]\n")
	return f.sure(lines, top, name, p)
}

// profileIn finds a profile in a configuration.
func profileIn(top ast.Node, name string) (*ast.MappingValueNode, error) {
	profiles, err := edit.Pair(top, "profiles")
	if err != nil {
		return nil, err
	}
	return edit.Pair(profiles.Value, name)
}

// same reports whether two configurations have the same settings, in whatever order.
func (f *File) same(other *File) bool {
	return maps.EqualFunc(f.Profiles, other.Profiles, Profile.Same)
}

// Same reports whether two profiles have the same settings.
func (p Profile) Same(other Profile) bool {
	return maps.EqualFunc(p, other, func(a, b ProfileValue) bool { return slices.Equal(a.Words, b.Words) })
}

// splice inserts or replaces the profile's lines.
func splice(lines []string, top ast.Node, name string, p Profile) ([]string, error) {
	profiles, err := edit.Pair(top, "profiles")
	if err != nil {
		return nil, err
	}
	if _, none := profiles.Value.(*ast.NullNode); none {
		at := profiles.Key.GetToken().Position.Line
		return slices.Insert(lines, at, ProfileText(name, p, 2)), nil
	}
	m, ok := profiles.Value.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) == 0 {
		return nil, edit.ErrNoKey
	}
	indent := m.Values[0].Key.GetToken().Position.Column - 1
	if old, err := edit.Pair(m, name); err == nil {
		start := old.Key.GetToken().Position.Line - 1
		return slices.Replace(lines, start, edit.BlockEnd(lines, start, indent), ProfileText(name, p, indent)), nil
	}
	last := m.Values[len(m.Values)-1].Key.GetToken().Position.Line - 1
	return slices.Insert(lines, edit.BlockEnd(lines, last, indent), ProfileText(name, p, indent)), nil
}
