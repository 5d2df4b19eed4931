package main

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// profileText writes a profile as YAML, indented by so many blanks.
func profileText(name string, p profile, table []setting, indent int) string {
	var b strings.Builder
	margin := strings.Repeat(" ", indent)
	b.WriteString(margin + quoteYAML(name) + ":\n")
	for _, s := range table {
		v, found := p[s.name]
		if !found {
			continue
		}
		b.WriteString(margin + "  " + s.name + ": ")
		switch s.value.(type) {
		case mapValue:
			b.WriteString("{" + joinYAML(v.words, func(word string) string {
				name, value, _ := strings.Cut(word, "=")
				return quoteYAML(name) + ": " + quoteYAML(value)
			}) + "}\n")
		case listValue, portsValue:
			b.WriteString("[" + joinYAML(v.words, quoteYAML) + "]\n")
		default:
			b.WriteString(quoteYAML(v.words[0]) + "\n")
		}
	}
	if v, found := p["serves"]; found {
		b.WriteString(margin + "  serves: [" + strings.Join(v.words, ", ") + "]\n")
	}
	return b.String()
}

// masked returns p for a message: without the values of headers and parameters, and
// without the user part of URLs.
func (p profile) masked() profile {
	shown := profile{}
	for name, v := range p {
		v.words = slices.Clone(v.words)
		for i, word := range v.words {
			if slices.Contains(maskedSettings(), name) {
				v.words[i] = withoutValue(word)
			} else {
				v.words[i] = withoutUser(word)
			}
		}
		shown[name] = v
	}
	return shown
}

func joinYAML(words []string, write func(string) string) string {
	var written []string
	for _, word := range words {
		written = append(written, write(word))
	}
	return strings.Join(written, ", ")
}

// quoteYAML writes a scalar plainly where nobody can take it for anything else.
func quoteYAML(s string) string {
	plain := s != "" && !slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s))
	for i, r := range s {
		word := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '/'
		if !word && (i == 0 || !strings.ContainsRune("._-", r) && !(r == ':' && i+1 < len(s))) {
			plain = false
		}
	}
	if plain {
		return s
	}
	text, err := json.Marshal(s) // JSON's strings are YAML's
	if err != nil {
		panic(err) // a string
	}
	return string(text)
}

// withProfile returns the configuration's text with a profile added to it or
// replaced in it, and all else as it was. It makes sure of that.
func (c *config) withProfile(text []byte, name string, p profile, table []setting) ([]byte, error) {
	top, err := c.parse(text)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	if top == nil {
		lines = append(strings.SplitAfter(string(text), "\n"), "profiles:\n", profileText(name, p, table, 2))
	} else if lines, err = splice(lines, top, name, p, table); err != nil {
		return nil, c.paste(name, p, table)
	}
	return c.sure(lines, top, name, p, table)
}

// sure is the text of lines, if it says of profiles what top said, and of one p.
func (c *config) sure(lines []string, top ast.Node, name string, p profile, table []setting) ([]byte, error) {
	changed := []byte(strings.Join(lines, ""))
	want, got := newConfig(c.path), newConfig(c.path)
	if top != nil {
		if err := want.decode(top, table); err != nil {
			return nil, err
		}
	}
	want.profiles[name] = p
	top, err := got.parse(changed)
	if err != nil || top == nil || got.decode(top, table) != nil || !got.same(want) {
		return nil, c.paste(name, p, table)
	}
	return changed, nil
}

// paste is for a file that is written in a way that is not changed here.
func (c *config) paste(name string, p profile, table []setting) error {
	return usage("", "%s cannot be changed by setup as it is written: put this under profiles yourself: %s", c.path, strings.TrimSpace(profileText(name, p.masked(), table, 0)))
}

// withServes returns the configuration's text with hosts added that the profile p of
// that name serves: all of them in a new profile, else a line or some more.
func (c *config) withServes(text []byte, name string, p profile, more []served, table []setting) ([]byte, error) {
	top, err := c.parse(text)
	if err != nil {
		return nil, err
	}
	old, err := profileIn(top, name)
	if err != nil {
		return c.withProfile(text, name, p, table)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n")+"\n", "\n")
	m, ok := old.Value.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) == 0 {
		return c.withProfile(text, name, p, table)
	}
	indent := m.Values[0].Key.GetToken().Position.Column - 1
	margin := strings.Repeat(" ", indent)
	last := m.Values[len(m.Values)-1].Key.GetToken().Position.Line - 1
	at := endOfList(lines, end(lines, last, indent), indent)
	if list, err := pair(m, "serves"); err == nil {
		start := list.Key.GetToken().Position.Line - 1
		at = endOfList(lines, end(lines, start, indent), indent)
		if items, block := list.Value.(*ast.SequenceNode); block && !items.IsFlowStyle && len(items.Values) > 0 {
			dash := lines[start+1]
			for _, word := range servesText(more) {
				lines = slices.Insert(lines, at, dash[:len(dash)-len(strings.TrimLeft(dash, " "))]+"- "+word+"\n")
				at++
			}
			return c.sure(lines, top, name, p, table)
		}
		lines = slices.Delete(lines, start, at)
		at = start
	}
	lines = slices.Insert(lines, at, margin+"serves: ["+strings.Join(p["serves"].words, ", ")+"]\n")
	return c.sure(lines, top, name, p, table)
}

// profileIn finds a profile in a configuration.
func profileIn(top ast.Node, name string) (*ast.MappingValueNode, error) {
	profiles, err := pair(top, "profiles")
	if err != nil {
		return nil, err
	}
	return pair(profiles.Value, name)
}

// same reports whether two configurations say the same, wherever it stands.
func (c *config) same(other *config) bool {
	return maps.EqualFunc(c.profiles, other.profiles, profile.same)
}

func (p profile) same(other profile) bool {
	return maps.EqualFunc(p, other, func(a, b profileValue) bool { return slices.Equal(a.words, b.words) })
}

// splice puts the profile's lines where they belong.
func splice(lines []string, top ast.Node, name string, p profile, table []setting) ([]string, error) {
	profiles, err := pair(top, "profiles")
	if err != nil {
		return nil, err
	}
	if _, none := profiles.Value.(*ast.NullNode); none {
		at := profiles.Key.GetToken().Position.Line
		return slices.Insert(lines, at, profileText(name, p, table, 2)), nil
	}
	m, ok := profiles.Value.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) == 0 {
		return nil, errNoPair
	}
	indent := m.Values[0].Key.GetToken().Position.Column - 1
	if old, err := pair(m, name); err == nil {
		start := old.Key.GetToken().Position.Line - 1
		return slices.Replace(lines, start, end(lines, start, indent), profileText(name, p, table, indent)), nil
	}
	last := m.Values[len(m.Values)-1].Key.GetToken().Position.Line - 1
	return slices.Insert(lines, end(lines, last, indent), profileText(name, p, table, indent)), nil
}

var errNoPair = errors.New("no such key")

// pair finds a key of a mapping.
func pair(n ast.Node, key string) (*ast.MappingValueNode, error) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return nil, errNoPair
	}
	for _, v := range m.Values {
		if v.Key.GetToken().Value == key {
			return v, nil
		}
	}
	return nil, errNoPair
}

// end is the line behind the block that starts at a line, and whose key has that
// indent. Blank lines and comments that follow it are not part of it.
func end(lines []string, start, indent int) int {
	end := start + 1
	for i := start + 1; i < len(lines); i++ {
		text := strings.TrimLeft(lines[i], " ")
		if text == "\n" || text == "" {
			continue
		}
		if len(lines[i])-len(text) <= indent {
			break
		}
		end = i + 1
	}
	return end
}

// writeFile replaces a file's text, or makes it, for its owner only. Where a link
// is, what it leads to is replaced.
func writeFile(path string, text []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	mode := os.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".setup-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if e := f.Chmod(mode); err == nil {
		err = e
	}
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
