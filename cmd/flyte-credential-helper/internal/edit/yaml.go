package edit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
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
	// Ours returns the keys of the entries that can be ours.
	Ours func(text []byte) ([][]string, error)
}

// YAMLError means that a file is not YAML, or in a form that cannot be edited safely.
type YAMLError struct {
	Line   int // 0: all of the file
	Reason string
}

func (e *YAMLError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// byteOrderMark is what Windows programs write before a text.
const byteOrderMark = "\ufeff"

// parseTime is the limit for the parser, whose time grows with the square of the number of keys,
// tags and commas. A kubeconfig of 4 MiB needs about a second.
const parseTime = 5 * time.Second

// ParseYAML returns the one document of a text, or nil if it is empty.
func ParseYAML(text []byte) (ast.Node, error) { return parseYAML(text, parseTime) }

func parseYAML(text []byte, limit time.Duration) (ast.Node, error) {
	if isTooDeep(text) {
		return nil, &YAMLError{0, "it is nested too deeply"}
	}
	file, err := parseWithin(text, limit)
	var e yaml.Error
	switch {
	case errors.As(err, &e) && e.GetToken() != nil:
		line := e.GetToken().Position.Line
		return nil, &YAMLError{line, reason(text, line, e.GetMessage())}
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &YAMLError{0, "it is too complex: it was not read within " + limit.String()}
	case err != nil:
		return nil, &YAMLError{0, "it is not YAML"}
	case len(file.Docs) > 1:
		return nil, &YAMLError{0, "it holds more than one YAML document"}
	case len(file.Docs) == 0:
		return nil, nil
	}
	return file.Docs[0].Body, nil
}

// parseWithin parses a text. After the limit, the parser continues until the process ends.
func parseWithin(text []byte, limit time.Duration) (*ast.File, error) {
	type result struct {
		file *ast.File
		err  error
	}
	done := make(chan result, 1)
	go func() {
		file, err := parser.ParseBytes(bytes.TrimPrefix(text, []byte(byteOrderMark)), 0)
		done <- result{file, err}
	}()
	select {
	case r := <-done:
		return r.file, r.err
	case <-time.After(limit):
		return nil, context.DeadlineExceeded
	}
}

// reason returns why a line is not YAML. The parser has no clear message for the most common
// mistake.
func reason(text []byte, line int, message string) string {
	lines := bytes.Split(text, []byte("\n"))
	if line < 1 || line > len(lines) {
		return message
	}
	rest := bytes.TrimLeft(lines[line-1], " ")
	if bytes.HasPrefix(rest, []byte("\t")) {
		return "a tab is used for indentation; YAML needs spaces"
	}
	return message
}

// isTooDeep reports whether the text has more nested brackets or list items than any
// configuration. The parser's time and memory grow with the third power of that.
func isTooDeep(text []byte) bool {
	const most = 100
	depth := 0
	for line := range bytes.Lines(text) {
		rest := bytes.TrimLeft(line, " -?")
		if items := line[:len(line)-len(rest)]; bytes.Count(items, []byte("-"))+bytes.Count(items, []byte("?")) > most {
			return true
		}
		for _, b := range rest {
			switch b {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(0, depth-1)
			}
			if depth > most {
				return true
			}
		}
	}
	return false
}

// Get implements [Format].
func (y YAML) Get(_ context.Context, text []byte, key []string) (*string, error) {
	key, item := cutItem(key)
	p, err := y.find(text, key)
	if err != nil || p.pair == nil {
		return nil, err
	}
	if item == "" {
		value := p.value()
		return &value, nil
	}
	if list, ok := p.pair.Value.(*ast.SequenceNode); ok && indexOf(list, item) >= 0 {
		return new(string), nil
	}
	return nil, nil
}

// Set implements [Format]. It makes the mappings on the way, and removes mappings and lists that
// it leaves empty.
func (y YAML) Set(_ context.Context, text []byte, key []string, value *string) ([]byte, error) {
	key, item := cutItem(key)
	p, err := y.find(text, key)
	switch {
	case err != nil:
		return nil, err
	case item != "" && value != nil:
		return p.addItem(item)
	case value != nil:
		return p.set(*value)
	case p.pair == nil:
		return text, nil
	case item != "":
		return p.removeItem(item)
	}
	return p.remove()
}

// Keys implements [Format].
func (y YAML) Keys(_ context.Context, text []byte) ([][]string, error) { return y.Ours(text) }

// Revert implements [Reverter]. Another form of the same value counts as unchanged.
func (y YAML) Revert(ctx context.Context, text []byte, c Change) ([]byte, error) {
	now, err := y.Get(ctx, text, c.Key)
	if err != nil || now == nil || !SameValue(*now, c.New) {
		return text, err
	}
	return y.Set(ctx, text, c.Key, c.Old)
}

// SameValue reports whether two values say the same.
func SameValue(a, b string) bool { return reflect.DeepEqual(ValueOf(a), ValueOf(b)) }

// cutItem returns a key without the item of a list, and the item.
func cutItem(key []string) (list []string, item string) {
	last := len(key) - 1
	if item, found := strings.CutPrefix(key[last], "- "); found {
		return key[:last], item
	}
	return key, ""
}

// ValueOf returns what a value says: a string, a []any, a map[string]any, or nil. A value that is
// not YAML is equal to no other.
func ValueOf(value string) any {
	top, err := ParseYAML([]byte("value: " + value + "\n"))
	if err != nil {
		return err
	}
	return tree(top.(*ast.MappingNode).Values[0].Value)
}

// indexOf is the place of an item in a list, or -1.
func indexOf(list *ast.SequenceNode, item string) int {
	return slices.IndexFunc(list.Values, func(n ast.Node) bool { return reflect.DeepEqual(tree(n), ValueOf(item)) })
}

func (p *place) set(value string) ([]byte, error) {
	if p.pair == nil {
		return p.replace(Quote(p.key[len(p.key)-1]) + ":" + spaced(value))
	}
	first, rest, block := strings.Cut(value, "\n")
	entry := p.name(p.pair) + spaced(first) + p.comment(p.start)
	if block {
		entry += "\n" + rest
	}
	return p.replace(entry)
}

// spaced is a value as it is written behind a colon.
func spaced(value string) string {
	if value == "" || value[0] == '\n' {
		return value
	}
	return " " + value
}

// remove removes the entry, and the mappings on the way that are empty then.
func (p *place) remove() ([]byte, error) {
	for i := len(p.key) - 1; i > 0; i-- {
		parent, err := p.find(p.key[:i])
		if err != nil {
			return nil, err
		}
		if parent.start+1 != p.start || parent.end != p.end { // more entries, or comments
			break
		}
		p = parent
	}
	return p.replace("")
}

func (p *place) addItem(item string) ([]byte, error) {
	if p.pair == nil || isEmpty(p.pair.Value) {
		return p.set("[" + item + "]")
	}
	list, ok := p.pair.Value.(*ast.SequenceNode)
	switch {
	case !ok:
		return nil, &YAMLError{p.start + 1, "it is not a list"}
	case list.IsFlowStyle:
		return p.set("[" + strings.Join(append(itemsOf(list), item), ", ") + "]")
	}
	return p.replace(p.entry() + strings.Repeat(" ", list.Start.Position.Column-1-p.indent) + "- " + item)
}

func (p *place) removeItem(item string) ([]byte, error) {
	list, ok := p.pair.Value.(*ast.SequenceNode)
	i := -1
	if ok {
		i = indexOf(list, item)
	}
	switch {
	case i < 0:
		return []byte(p.bom + p.text), nil
	case len(list.Values) == 1:
		return p.remove()
	case list.IsFlowStyle:
		return p.set("[" + strings.Join(slices.Delete(itemsOf(list), i, i+1), ", ") + "]")
	}
	at := list.Values[i].GetToken().Position.Line - 1 - p.start
	end := p.entryEnd(at+p.start, list.Start.Position.Column) - p.start
	return p.replace(strings.Join(slices.Delete(strings.SplitAfter(p.entry(), "\n"), at, end), ""))
}

// itemsOf are the items of a list as they are written.
func itemsOf(list *ast.SequenceNode) (items []string) {
	for _, v := range list.Values {
		items = append(items, v.String())
	}
	return items
}

// document is a parsed text.
type document struct {
	YAML
	bom   string   // the byte order mark, or nothing
	text  string   // without byte order mark
	lines []string // without line feeds
	cr    string   // the end of a line before its line feed: "\r" or nothing
	step  int      // the indentation of a nested mapping
	top   ast.Node // nil: empty
}

func (y YAML) find(text []byte, key []string) (*place, error) {
	top, err := ParseYAML(text)
	if err != nil {
		return nil, err
	}
	d := &document{YAML: y, step: 2, top: top}
	found := false
	if d.text, found = strings.CutPrefix(string(text), byteOrderMark); found {
		d.bom = byteOrderMark
	}
	if strings.Contains(d.text, "\r\n") {
		d.cr = "\r"
	}
	if body, ended := strings.CutSuffix(d.text, "\n"); ended {
		d.lines = strings.Split(body, "\n")
	} else if body != "" {
		d.lines = strings.Split(body+d.cr, "\n")
	}
	if m, ok := top.(*ast.MappingNode); ok {
		for _, v := range m.Values {
			if inner, ok := v.Value.(*ast.MappingNode); ok && !inner.IsFlowStyle {
				d.step = column(inner.Values[0]) - column(v)
				break
			}
		}
	}
	return d.find(key)
}

// column is the indentation of a key.
func column(pair *ast.MappingValueNode) int { return pair.Key.GetToken().Position.Column - 1 }

// line is the line of a key in [document.lines].
func line(pair *ast.MappingValueNode) int { return pair.Key.GetToken().Position.Line - 1 }

// place is where a key leads to: the lines of an entry, or the line before which it belongs.
type place struct {
	*document
	key        []string // as it is written in the file
	pair       *ast.MappingValueNode
	start, end int
	indent     int
	missing    []string              // the mappings to create around the entry
	empty      *ast.MappingValueNode // the mapping around them, if it is null or {}
}

func (d *document) find(key []string) (*place, error) {
	p := &place{document: d, key: slices.Clone(key), start: len(d.lines), end: len(d.lines)}
	node := d.top
	for i, name := range key {
		if p.missing = key[i : len(key)-1]; node == nil {
			return p, nil
		}
		if p.pair != nil && isEmpty(node) {
			p.empty, p.pair, p.start = p.pair, nil, p.end
			p.indent += d.step
			return p, nil
		}
		if id, value, ok := cutSelector(name); ok {
			list, ok := node.(*ast.SequenceNode)
			if !ok || list.IsFlowStyle {
				return nil, &YAMLError{node.GetToken().Position.Line, strings.Join(key[:i], ": ") + " is not a list with one item in each line"}
			}
			p.pair, p.start, p.indent = nil, p.end, list.Start.Position.Column-1
			m := element(list, id, value)
			if m == nil {
				return p, nil
			}
			p.start = line(m.Values[0])
			p.end = d.entryEnd(p.start, p.indent+1)
			node = m
			continue
		}
		m, ok := node.(*ast.MappingNode)
		if !ok || m.IsFlowStyle {
			return nil, &YAMLError{node.GetToken().Position.Line, strings.Join(append([]string{"the file"}, key[:i]...), ": ") + " is not a mapping with one \"name: value\" in each line"}
		}
		p.indent = column(m.Values[0])
		if p.pair = d.pair(m, name); p.pair == nil {
			p.end = d.entryEnd(line(m.Values[len(m.Values)-1]), p.indent)
			p.start = p.end
			return p, nil
		}
		p.key[i] = p.pair.Key.GetToken().Value
		p.start = line(p.pair)
		p.end = d.entryEnd(p.start, p.indent)
		node = p.pair.Value
	}
	return p, nil
}

func (d *document) pair(m *ast.MappingNode, key string) *ast.MappingValueNode {
	for _, v := range m.Values {
		name := v.Key.GetToken().Value
		if name == key || d.FoldCase && strings.EqualFold(name, key) {
			return v
		}
	}
	return nil
}

// cutSelector returns the name and value of a word [NAME=VALUE].
func cutSelector(word string) (name, value string, ok bool) {
	if !strings.HasPrefix(word, "[") || !strings.HasSuffix(word, "]") {
		return "", "", false
	}
	return strings.Cut(word[1:len(word)-1], "=")
}

// element returns the mapping of a list in which a name has a value, or nil.
func element(list *ast.SequenceNode, name, value string) *ast.MappingNode {
	for _, n := range list.Values {
		if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle {
			if said, _ := tree(m).(map[string]any); said[name] == value {
				return m
			}
		}
	}
	return nil
}

// entryEnd is the line behind the entry that starts at a line and whose key has that
// indentation. Blank lines and comments behind it are not part of it. The items of a list may be
// indented no deeper than its key.
func (d *document) entryEnd(start, indent int) int {
	end := start + 1
	for i, text := range d.lines[start+1:] {
		bare := strings.TrimLeft(strings.TrimSuffix(text, "\r"), " ")
		depth := len(text) - len(strings.TrimLeft(text, " "))
		if bare == "" || bare[0] == '#' && depth <= indent {
			continue
		}
		if depth < indent || depth == indent && bare != "-" && !strings.HasPrefix(bare, "- ") {
			break
		}
		end = start + 2 + i
	}
	return end
}

// entry returns the lines of p without their indentation, each with a line feed.
func (p *place) entry() (entry string) {
	for i, text := range p.lines[p.start:p.end] {
		text = strings.TrimSuffix(text, "\r")
		if i == 0 {
			text = text[p.indent:] // behind the dash of a list
		}
		entry += strings.TrimPrefix(text, strings.Repeat(" ", p.indent)) + "\n"
	}
	return entry
}

// value returns the text behind the colon, without the comment in that line.
func (p *place) value() string {
	first, rest, block := strings.Cut(strings.TrimSuffix(p.entry(), "\n"), "\n")
	first = strings.TrimPrefix(first, p.name(p.pair))
	value := strings.TrimSpace(strings.TrimSuffix(first, strings.TrimPrefix(p.comment(p.start), " ")))
	if block {
		value += "\n" + rest
	}
	return value
}

// replace returns the text with an entry, which may be empty, in place of p's lines.
func (p *place) replace(entry string) ([]byte, error) {
	if p.pair != nil && hasReference(p.pair) {
		return nil, &YAMLError{p.start + 1, "it has an anchor, an alias or a tag"}
	}
	var value any
	if entry = strings.TrimSuffix(entry, "\n"); entry != "" {
		node, err := ParseYAML([]byte(entry + "\n"))
		m, ok := node.(*ast.MappingNode)
		if err != nil || !ok || len(m.Values) != 1 {
			return nil, &YAMLError{0, "the new value cannot be written as YAML"}
		}
		value = tree(m.Values[0].Value)
	}
	for _, name := range slices.Backward(p.missing) {
		if id, value, ok := cutSelector(name); ok {
			entry = "- " + id + ": " + Quote(value) + "\n" + indented(entry, 2)
		} else {
			entry = Quote(name) + ":\n" + indented(entry, p.step)
		}
	}
	var put []string
	if entry != "" {
		put = strings.Split(strings.ReplaceAll(indented(entry, p.indent), "\n", p.cr+"\n")+p.cr, "\n")
		if p.pair != nil { // the dash of a list may be before the key
			put[0] = p.lines[p.start][:p.indent] + put[0][p.indent:]
		}
	}
	lines := slices.Replace(slices.Clone(p.lines), p.start, p.end, put...)
	if p.empty != nil {
		at := line(p.empty)
		lines[at] = strings.Repeat(" ", column(p.empty)) + p.name(p.empty) + p.comment(at) + p.cr
	}
	text := strings.Join(append(lines, ""), "\n")
	top, err := ParseYAML([]byte(text))
	if err != nil || !reflect.DeepEqual(tree(top), changed(tree(p.top), value, entry == "", p.key)) {
		return nil, &YAMLError{min(p.start+1, len(p.lines)), "the lines of " + strings.Join(p.key, ".") + " cannot be told from others"}
	}
	return []byte(p.bom + text), nil
}

// name returns the key of an entry as it is written, with the colon.
func (d *document) name(pair *ast.MappingValueNode) string {
	return string([]rune(d.lines[line(pair)])[column(pair):pair.Start.Position.Column])
}

// comment returns the comment at the end of a line, with a blank before it, or "".
func (d *document) comment(at int) string {
	for _, t := range lexer.Tokenize(d.text) {
		if t.Type == token.CommentType && t.Position.Line == at+1 {
			return " #" + strings.TrimRight(t.Value, "\r\n")
		}
	}
	return ""
}

// isEmpty reports whether a value is null, {} or [].
func isEmpty(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.NullNode:
		return true
	case *ast.MappingNode:
		return len(n.Values) == 0
	case *ast.SequenceNode:
		return len(n.Values) == 0
	}
	return false
}

// hasReference reports whether other values may depend on n, or n on others.
func hasReference(n ast.Node) bool {
	found := visitor(false)
	ast.Walk(&found, n)
	return bool(found)
}

type visitor bool

func (v *visitor) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		*v = true
	}
	return v
}

// tree returns what a node says: maps, lists and words.
func tree(n ast.Node) any {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.MappingNode:
		m := map[string]any{}
		for _, v := range n.Values {
			m[v.Key.GetToken().Value] = tree(v.Value)
		}
		return m
	case *ast.SequenceNode:
		list := []any{}
		for _, v := range n.Values {
			list = append(list, tree(v))
		}
		return list
	}
	if word, ok := Scalar(n); ok {
		return word
	}
	return n.String()
}

// changed returns a copy of a tree in which the value of a key is set, or removed with the
// mappings and lists that are empty then.
func changed(t, value any, remove bool, key []string) any {
	if name, id, ok := cutSelector(key[0]); ok {
		return changedList(t, value, remove, key, name, id)
	}
	m, _ := t.(map[string]any)
	m = maps.Clone(m)
	if m == nil {
		m = map[string]any{}
	}
	switch {
	case len(key) > 1:
		m[key[0]] = changed(m[key[0]], value, remove, key[1:])
	case remove:
		delete(m, key[0])
	default:
		m[key[0]] = value
	}
	if remove && len(m) == 0 {
		return nil
	}
	return m
}

// changedList is [changed] for the mapping of a list in which name is id.
func changedList(t, value any, remove bool, key []string, name, id string) any {
	list, _ := t.([]any)
	list = slices.Clone(list)
	i := slices.IndexFunc(list, func(item any) bool { m, _ := item.(map[string]any); return m[name] == id })
	switch {
	case len(key) == 1 && remove:
		return slices.Delete(list, i, i+1)
	case i < 0:
		return append(list, changed(map[string]any{name: id}, value, remove, key[1:]))
	}
	list[i] = changed(list[i], value, remove, key[1:])
	return list
}

// Scalar returns the text of a single value, as it is written.
func Scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.NullNode:
		return "", false
	case *ast.LiteralNode:
		return n.Value.Value, true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// Quote writes a scalar, plainly if it cannot be taken for anything else.
func Quote(s string) string {
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

// QuoteList writes a list in flow style.
func QuoteList(words []string) string {
	var quoted []string
	for _, word := range words {
		quoted = append(quoted, Quote(word))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
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
