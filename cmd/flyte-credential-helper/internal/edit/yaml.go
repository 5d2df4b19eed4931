package edit

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// YAML is a YAML file whose mappings are edited by line. Comments, order, indentation and line
// ends stay. Each result is parsed and compared, so that no other value changes.
//
// A key is the names of nested mappings. A word [NAME=VALUE] is the mapping in a list in which NAME
// has that value. If the last word begins with "- ", it is an item of a list, and its value is
// empty. Any other value is the text behind the colon: empty for null; a block begins with a line
// feed and has its indentation below the key.
type YAML struct {
	FoldCase bool // names that differ only in case are the same
}

// Get implements [Format].
func (y YAML) Get(_ context.Context, text []byte, key []string) (*string, error) {
	p, err := y.find(text, key)
	if err != nil || len(p.missing()) > 0 {
		return nil, err
	}
	value := p.value(p.last())
	return &value, nil
}

// Set implements [Format]. It makes the mappings on the way, and removes mappings and lists that
// it leaves empty.
func (y YAML) Set(_ context.Context, text []byte, key []string, value *string) ([]byte, error) {
	p, err := y.find(text, key)
	if err != nil {
		return nil, err
	}
	var after string
	switch found := len(p.missing()) == 0; {
	case found && value == nil:
		after = p.remove()
	case found && p.last().colon > 0:
		after = p.replace(p.last(), *value)
	case !found && value != nil:
		after = p.add(*value)
	default:
		return text, nil
	}
	q, err := y.find([]byte(after), key)
	if err != nil || !q.says(value) || !reflect.DeepEqual(p.rest(p.way[0], p.key), q.rest(q.way[0], q.key)) {
		return nil, &YAMLError{p.last().start + 1, strings.Join(key, ".") + " cannot be changed without a change of other entries"}
	}
	mark := len(text) - len(p.text)
	return append(text[:mark:mark], after...), nil
}

// word is a part of a key.
type word struct {
	kind        wordKind
	name, value string
	foldCase    bool
}

type wordKind int

const (
	pair     wordKind = iota // the pair of that name
	selected                 // the item in which name has that value
	item                     // the item that is that value
)

// words parses a key.
func (y YAML) words(key []string) (words []word) {
	for _, k := range key {
		w := word{kind: pair, name: k, foldCase: y.FoldCase}
		if value, found := strings.CutPrefix(k, "- "); found {
			w = word{kind: item, value: value}
		} else if name, value, found := strings.Cut(k, "="); found && k[0] == '[' && strings.HasSuffix(k, "]") {
			w = word{kind: selected, name: name[1:], value: strings.TrimSuffix(value, "]")}
		}
		words = append(words, w)
	}
	return words
}

// means reports whether an entry is the one that a word means.
func (w word) means(e entry) bool {
	switch w.kind {
	case selected:
		m, ok := e.value.(map[string]any)
		return ok && fmt.Sprint(m[w.name]) == w.value
	case item:
		return reflect.DeepEqual(e.value, ValueOf(w.value))
	}
	return e.name == w.name || w.foldCase && strings.EqualFold(e.name, w.name)
}

// canBeIn reports whether n is a mapping or list in which a word can be edited.
func (w word) canBeIn(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.MappingNode:
		return w.kind == pair && !n.IsFlowStyle
	case *ast.SequenceNode:
		return w.kind == item || w.kind == selected && !n.IsFlowStyle
	}
	return false
}

// place is where a key leads to in a text.
type place struct {
	text  string   // without byte order mark
	lines []string // with their ends
	key   []word
	way   []entry // the top, and the entry of each word as far as there are entries
}

// entry is a pair of a mapping, an item of a list, or the top of a text.
type entry struct {
	name       string
	node       ast.Node // the value
	value      any      // what it says
	start, end int      // its lines. Blank lines and comments behind it are not part of it.
	indent     int      // of its name or dash
	colon      int      // of the colon behind its name, in characters; 0: there is none
}

// find finds the entry of a key.
func (y YAML) find(text []byte, key []string) (*place, error) {
	top, err := ParseYAML(text)
	if err != nil {
		return nil, err
	}
	var value any
	if top != nil {
		if err := yaml.NodeToValue(top, &value); err != nil {
			return nil, syntaxError(text, err)
		}
	}
	p := &place{text: strings.TrimPrefix(string(text), byteOrderMark), key: y.words(key)}
	p.lines = slices.Collect(strings.Lines(string(AppendLines([]byte(p.text), ""))))
	p.way = []entry{{node: top, value: value, end: len(p.lines)}}
	for i, w := range p.key {
		around := p.way[i]
		if around.node == nil || i > 0 && isEmpty(around.value) {
			break
		}
		if !w.canBeIn(around.node) {
			return nil, &YAMLError{around.node.GetToken().Position.Line, `this is not a mapping with one "name: value" in each line, or a list with one item in each line`}
		}
		all := p.entries(around)
		at := slices.IndexFunc(all, w.means)
		if at < 0 {
			break
		}
		p.way = append(p.way, all[at])
	}
	return p, nil
}

// last is the entry of the key, or the one in which there is none for the words that are missing.
func (p *place) last() entry     { return p.way[len(p.way)-1] }
func (p *place) missing() []word { return p.key[len(p.way)-1:] }

// isEmpty reports whether a value is null, {} or [].
func isEmpty(value any) bool {
	v := reflect.ValueOf(value)
	return value == nil || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
}

// entries returns the entries of a mapping or list.
func (p *place) entries(around entry) (all []entry) {
	switch n := around.node.(type) {
	case *ast.MappingNode:
		values, _ := around.value.(map[string]any)
		for _, v := range n.Values {
			at := v.Key.GetToken()
			start, indent := at.Position.Line-1, at.Position.Column-1
			all = append(all, entry{at.Value, v.Value, values[at.Value], start, p.entryEnd(start, indent), indent, v.Start.Position.Column})
		}
	case *ast.SequenceNode:
		values, _ := around.value.([]any)
		for i, v := range n.Values {
			start, indent := v.GetToken().Position.Line-1, n.Start.Position.Column-1
			all = append(all, entry{"", v, values[i], start, p.entryEnd(start, indent+1), indent, 0})
		}
	}
	return all
}

// entryEnd is the line behind the entry that starts at a line and whose lines are indented deeper
// than indent. The items of a list may be indented no deeper than its name.
func (p *place) entryEnd(start, indent int) int {
	end := start + 1
	for i, line := range p.lines[end:] {
		bare := strings.TrimLeft(line, " ")
		depth := len(line) - len(bare)
		bare = strings.TrimRight(bare, "\r\n")
		switch {
		case bare == "" || bare[0] == '#' && depth <= indent:
		case depth > indent, depth == indent && strings.HasPrefix(bare+" ", "- "):
			end = start + 2 + i
		default:
			return end
		}
	}
	return end
}

// replace returns the text with another value of a pair.
func (p *place) replace(e entry, value string) string {
	name, _, comment := p.firstLine(e)
	first, rest, block := strings.Cut(value, "\n")
	line := name + spaced(first) + spaced(comment)
	if block {
		line += "\n" + indented(rest, e.indent)
	}
	return p.splice(e.start, e.end, line)
}

// add returns the text with an entry for the missing words of the key.
func (p *place) add(value string) string {
	around, missing := p.last(), p.missing()
	if items := flowItems(around.node); len(items) > 0 {
		return p.replace(around, flowList(append(items, missing[0].value)))
	}
	if around.colon > 0 && isEmpty(around.value) {
		value = p.collection(missing, value, p.step())
		if _, comments, found := strings.Cut(p.value(around), "\n"); found {
			value = "\n" + comments + value
		}
		return p.replace(around, value)
	}
	end, indent := around.end, 0
	if all := p.entries(around); len(all) > 0 {
		end, indent = all[len(all)-1].end, all[0].indent
	}
	return p.splice(end, end, indented(p.newEntry(missing, value), indent))
}

// newEntry writes an entry for the words of a key.
func (p *place) newEntry(key []word, value string) string {
	w, step := key[0], p.step()
	if w.kind == item {
		return "- " + w.value
	}
	if w.kind == selected {
		step = 2 // behind the dash
	}
	if len(key) > 1 {
		value = p.collection(key[1:], value, step)
	}
	if w.kind == selected {
		return "- " + w.name + ": " + Quote(w.value) + value
	}
	return Quote(w.name) + ":" + spaced(value)
}

// collection writes a mapping or list with one entry.
func (p *place) collection(key []word, value string, step int) string {
	if key[0].kind == item {
		return flowList([]string{key[0].value})
	}
	return "\n" + indented(p.newEntry(key, value), step)
}

// step is the indentation of a nested mapping.
func (p *place) step() int {
	for _, e := range p.entries(p.way[0]) {
		if inner, ok := e.node.(*ast.MappingNode); ok && !inner.IsFlowStyle {
			return p.entries(e)[0].indent - e.indent
		}
	}
	return 2
}

// remove returns the text without the entry of the key, and without the mappings and lists around it
// that are empty then.
func (p *place) remove() string {
	i := len(p.way) - 1
	if items := flowItems(p.way[i-1].node); items != nil {
		at := slices.IndexFunc(p.entries(p.way[i-1]), p.key[i-1].means)
		if len(items) > 1 {
			return p.replace(p.way[i-1], flowList(slices.Delete(items, at, at+1)))
		}
		i--
	}
	for i > 1 && p.way[i-1].start+1 == p.way[i].start && p.way[i-1].end == p.way[i].end {
		i--
	}
	return p.splice(p.way[i].start, p.way[i].end, "")
}

// flowItems are the items of a list in flow style, as they are written.
func flowItems(n ast.Node) (items []string) {
	if list, ok := n.(*ast.SequenceNode); ok && list.IsFlowStyle {
		for _, v := range list.Values {
			items = append(items, v.String())
		}
	}
	return items
}

// splice returns the text with other lines, which may be none, in place of some.
func (p *place) splice(start, end int, lines string) string {
	before, after := strings.Join(p.lines[:start], ""), strings.Join(p.lines[end:], "")
	if lines == "" {
		return before + after
	}
	lineEnd := LineEnd([]byte(p.text))
	return before + strings.ReplaceAll(lines, "\n", lineEnd) + lineEnd + after
}

// firstLine returns the parts of the first line of a pair: up to the colon, the value, and the
// comment.
func (p *place) firstLine(e entry) (name, value, comment string) {
	for _, t := range lexer.Tokenize(string(unixText([]byte(p.text)))) {
		if t.Type == token.CommentType && t.Position.Line == e.start+1 {
			comment = "#" + strings.TrimRight(t.Value, "\n")
		}
	}
	line := []rune(strings.TrimRight(p.lines[e.start], "\r\n"))
	return string(line[:e.colon]), strings.TrimSpace(strings.TrimSuffix(string(line[e.colon:]), comment)), comment
}

// value returns the text behind the colon, without the comment in that line.
func (p *place) value(e entry) string {
	if e.colon == 0 {
		return ""
	}
	_, value, _ := p.firstLine(e)
	for _, line := range p.lines[e.start+1 : e.end] {
		value += "\n" + strings.TrimPrefix(strings.TrimRight(line, "\r\n"), strings.Repeat(" ", e.indent))
	}
	return value
}

// says reports whether the entry has a value, or is missing if that is nil.
func (p *place) says(value *string) bool {
	if len(p.missing()) > 0 || value == nil {
		return len(p.missing()) > 0 && value == nil
	}
	return SameValue(p.value(p.last()), *value)
}

// rest returns what a collection says without a key, and without the mappings and lists that are
// empty then.
func (p *place) rest(around entry, key []word) (rest []entry) {
	for _, e := range p.entries(around) {
		value := e.value
		if key[0].means(e) {
			if len(key) == 1 {
				continue
			}
			inner := p.rest(e, key[1:])
			if len(inner) == 0 || key[0].kind == selected && len(inner) == 1 {
				continue
			}
			value = inner
		}
		rest = append(rest, entry{name: e.name, value: value})
	}
	return rest
}

// spaced is a word with a blank before it, unless it is empty or a block.
func spaced(text string) string {
	if text == "" || text[0] == '\n' {
		return text
	}
	return " " + text
}

// indented returns text with each line that is not empty moved by n columns.
func indented(text string, n int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", n) + line
		}
	}
	return strings.Join(lines, "\n")
}
