package edit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
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
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // the parser counts a comment's CR as a line
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
	d, err := y.parse(text)
	if err != nil {
		return nil, err
	}
	p, err := d.find(key)
	if err != nil || p.node == nil {
		return nil, err
	}
	value := d.value(p)
	return &value, nil
}

// Set implements [Format]. It makes the mappings on the way, and removes mappings and lists that
// it leaves empty.
func (y YAML) Set(_ context.Context, text []byte, key []string, value *string) ([]byte, error) {
	d, err := y.parse(text)
	if err != nil {
		return nil, err
	}
	var after string
	if value != nil {
		after, err = d.set(key, *value)
	} else {
		after, err = d.remove(key)
	}
	if err != nil {
		return nil, err
	}
	if !d.differsOnlyIn(after, key, value) {
		p, _ := d.find(key)
		return nil, &YAMLError{min(p.start+1, len(d.lines)), "the lines of " + strings.Join(key, ".") + " cannot be told from others"}
	}
	return []byte(d.bom + after), nil
}

// differsOnlyIn reports whether a text differs from d only in the value of a key.
func (d *document) differsOnlyIn(text string, key []string, value *string) bool {
	after, err := d.parse([]byte(text))
	if err != nil {
		return false
	}
	p, err := after.find(key)
	if err != nil || (p.node == nil) != (value == nil) || p.node != nil && !SameValue(after.value(p), *value) {
		return false
	}
	old, oldErr := decoded(d.top)
	rest, err := decoded(after.top)
	return oldErr == nil && err == nil && reflect.DeepEqual(d.without(old, key), d.without(rest, key))
}

func decoded(n ast.Node) (value any, err error) {
	if n != nil {
		err = yaml.NodeToValue(n, &value)
	}
	return value, err
}

// without returns a tree without a key, and without the mappings and lists that are empty then.
func (y YAML) without(tree any, key []string) any {
	if list, ok := tree.([]any); ok {
		return y.withoutItem(list, key)
	}
	m, ok := tree.(map[string]any)
	if !ok {
		return tree
	}
	rest := maps.Clone(m)
	for name, value := range m {
		if !y.isSame(name, key[0]) {
			continue
		}
		delete(rest, name)
		if len(key) > 1 {
			if value = y.without(value, key[1:]); value != nil {
				rest[name] = value
			}
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return rest
}

func (y YAML) withoutItem(list []any, key []string) any {
	var rest []any
	for _, item := range list {
		if matches(item, key[0]) {
			if len(key) == 1 {
				continue
			}
			item = y.without(item, key[1:])
			if m, _ := item.(map[string]any); len(m) < 2 { // NAME
				continue
			}
		}
		rest = append(rest, item)
	}
	if rest == nil {
		return nil
	}
	return rest
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

func (y YAML) isSame(a, b string) bool { return a == b || y.FoldCase && strings.EqualFold(a, b) }

// SameValue reports whether two values say the same.
func SameValue(a, b string) bool { return reflect.DeepEqual(ValueOf(a), ValueOf(b)) }

// ValueOf returns what a value says. A value that is not YAML is equal to no other.
func ValueOf(value string) any {
	var holder struct{ Value any }
	if err := yaml.Unmarshal([]byte("value: "+value+"\n"), &holder); err != nil {
		return &err
	}
	return holder.Value
}

// isItem reports whether a word is an item of a list, and not a name.
func isItem(word string) bool {
	return strings.HasPrefix(word, "- ") || strings.HasPrefix(word, "[") && strings.HasSuffix(word, "]") && strings.Contains(word, "=")
}

// cutSelector returns the name and value of a word [NAME=VALUE].
func cutSelector(word string) (name, value string) {
	name, value, _ = strings.Cut(word[1:len(word)-1], "=")
	return name, value
}

// matches reports whether an item of a list is the one that a word means.
func matches(item any, word string) bool {
	if text, ok := strings.CutPrefix(word, "- "); ok {
		return reflect.DeepEqual(item, ValueOf(text))
	}
	m, ok := item.(map[string]any)
	if !ok || !isItem(word) {
		return false
	}
	name, value := cutSelector(word)
	return fmt.Sprint(m[name]) == value
}

// entry writes an entry that is new.
func entry(word, value string) string {
	switch {
	case strings.HasPrefix(word, "- "):
		return word
	case isItem(word):
		name, id := cutSelector(word)
		return "- " + name + ": " + Quote(id) + value
	}
	return Quote(word) + ":" + spaced(value)
}

// spaced is a value as it is written behind a colon.
func spaced(value string) string {
	if value == "" || value[0] == '\n' {
		return value
	}
	return " " + value
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

func (y YAML) parse(text []byte) (*document, error) {
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
	return d, nil
}

// column is the indentation of a key.
func column(pair *ast.MappingValueNode) int { return pair.Key.GetToken().Position.Column - 1 }

// place is where a key leads to. If there is no entry, it is the line before which it belongs.
type place struct {
	node       ast.Node              // the value or item; nil: there is none
	pair       *ast.MappingValueNode // of the value
	flow       *ast.SequenceNode     // the list around the item, if it is in flow style
	orphan     bool                  // the mapping or list around it does not exist, or is empty
	start, end int
	indent     int
}

func (d *document) find(key []string) (place, error) {
	last := len(key) - 1
	if last < 0 {
		return place{node: d.top, end: len(d.lines)}, nil
	}
	around, err := d.find(key[:last])
	if err != nil {
		return place{}, err
	}
	word, form := key[last], "mapping with one \"name: value\""
	switch n := around.node.(type) {
	case nil:
		return place{orphan: last > 0, start: around.end, end: around.end}, nil
	case *ast.MappingNode:
		if !n.IsFlowStyle && !isItem(word) {
			return d.findPair(n, word), nil
		}
	case *ast.SequenceNode:
		if strings.HasPrefix(word, "- ") || isItem(word) && !n.IsFlowStyle {
			return d.findItem(n, word), nil
		}
	}
	if last > 0 && isEmpty(around.node) {
		return place{orphan: true, start: around.start}, nil
	}
	if isItem(word) {
		form = "list with one item"
	}
	return place{}, &YAMLError{around.node.GetToken().Position.Line, strings.Join(append([]string{"the file"}, key[:last]...), ": ") + " is not a " + form + " in each line"}
}

func (d *document) findPair(m *ast.MappingNode, name string) (p place) {
	for _, v := range m.Values {
		p.indent, p.start = column(v), v.Key.GetToken().Position.Line-1
		p.end = d.entryEnd(p.start, p.indent)
		if d.isSame(v.Key.GetToken().Value, name) {
			p.node, p.pair = v.Value, v
			return p
		}
	}
	p.start = p.end
	return p
}

func (d *document) findItem(list *ast.SequenceNode, word string) (p place) {
	p.indent = list.Start.Position.Column - 1
	if list.IsFlowStyle {
		p.flow = list
	}
	for _, n := range list.Values {
		p.start = n.GetToken().Position.Line - 1
		p.end = d.entryEnd(p.start, p.indent+1)
		if d.mayMatch(n, word) {
			p.node = n
			return p
		}
	}
	p.start = p.end
	return p
}

// mayMatch reports whether an item is the one that a word means, or has an alias instead of the name
// that would say so.
func (d *document) mayMatch(n ast.Node, word string) bool {
	if m, ok := n.(*ast.MappingNode); ok && !strings.HasPrefix(word, "- ") {
		name, id := cutSelector(word)
		value, err := decoded(d.findPair(m, name).node)
		return err != nil || fmt.Sprint(value) == id
	}
	item, err := decoded(n)
	return err != nil || matches(item, word)
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

// set returns the text with a value.
func (d *document) set(key []string, value string) (string, error) {
	p, err := d.find(key)
	around, word := key[:len(key)-1], key[len(key)-1]
	switch {
	case err != nil:
		return "", err
	case p.pair != nil:
		first, rest, block := strings.Cut(value, "\n")
		line := d.name(p) + spaced(first) + d.comment(p.start)
		if block {
			line += "\n" + indented(rest, p.indent)
		}
		return d.replace(p, line)
	case p.node != nil: // an item
		return d.text, nil
	case p.flow != nil:
		return d.set(around, flowList(append(itemsOf(p.flow), word[2:])))
	case p.orphan && strings.HasPrefix(word, "- "):
		return d.set(around, flowList([]string{word[2:]}))
	case p.orphan:
		return d.setAround(around, entry(word, value))
	}
	return d.replace(p, indented(entry(word, value), p.indent))
}

// setAround makes the mapping or list around an entry. Comments in an empty one stay.
func (d *document) setAround(key []string, entry string) (string, error) {
	p, err := d.find(key)
	if err != nil {
		return "", err
	}
	step := d.step
	if isItem(key[len(key)-1]) {
		step = 2 // behind the dash
	}
	value := "\n" + indented(entry, step)
	if _, comments, found := strings.Cut(d.value(p), "\n"); found {
		value = "\n" + comments + value
	}
	return d.set(key, value)
}

// remove returns the text without an entry, and without the mappings and lists around it that are
// empty then.
func (d *document) remove(key []string) (string, error) {
	p, err := d.find(key)
	if err != nil || p.node == nil {
		return d.text, err
	}
	parent := key[:len(key)-1]
	if p.flow != nil && len(p.flow.Values) > 1 {
		at := slices.Index(p.flow.Values, p.node)
		return d.set(parent, flowList(slices.Delete(itemsOf(p.flow), at, at+1)))
	}
	around, err := d.find(parent)
	if err != nil {
		return "", err
	}
	if len(parent) > 0 && (p.flow != nil || around.start+1 == p.start && around.end == p.end) {
		return d.remove(parent)
	}
	return d.replace(p, "")
}

// itemsOf are the items of a list as they are written.
func itemsOf(list *ast.SequenceNode) (items []string) {
	for _, v := range list.Values {
		items = append(items, v.String())
	}
	return items
}

func flowList(items []string) string { return "[" + strings.Join(items, ", ") + "]" }

// replace returns the text with other lines, which may be none, in place of p's.
func (d *document) replace(p place, lines string) (string, error) {
	if p.pair != nil && hasReference(p.pair) || p.node != nil && hasReference(p.node) {
		return "", &YAMLError{p.start + 1, "it has an anchor, an alias or a tag"}
	}
	var put []string
	if lines != "" {
		put = strings.Split(strings.ReplaceAll(lines, "\n", d.cr+"\n")+d.cr, "\n")
	}
	return strings.Join(append(slices.Replace(slices.Clone(d.lines), p.start, p.end, put...), ""), "\n"), nil
}

// hasReference reports whether other values may depend on n, or n on others.
func hasReference(n ast.Node) bool {
	return slices.ContainsFunc([]ast.NodeType{ast.AnchorType, ast.AliasType, ast.TagType}, func(t ast.NodeType) bool {
		return len(ast.Filter(t, n)) > 0
	})
}

// name returns the first line of an entry up to its colon.
func (d *document) name(p place) string {
	return string([]rune(d.lines[p.start])[:p.pair.Start.Position.Column])
}

// value returns the text behind the colon, without the comment in that line.
func (d *document) value(p place) string {
	if p.pair == nil {
		return ""
	}
	first := strings.TrimSuffix(strings.TrimPrefix(d.lines[p.start], d.name(p)), "\r")
	value := strings.TrimSpace(strings.TrimSuffix(first, strings.TrimPrefix(d.comment(p.start), " ")))
	for _, line := range d.lines[p.start+1 : p.end] {
		value += "\n" + strings.TrimPrefix(strings.TrimSuffix(line, "\r"), strings.Repeat(" ", p.indent))
	}
	return value
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
	keyword := slices.Contains([]string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s))
	number := strings.ReplaceAll(s, "_", "")
	_, notInt := strconv.ParseInt(number, 0, 64)
	_, notFloat := strconv.ParseFloat(number, 64)
	if !keyword && notInt != nil && notFloat != nil && regexp.MustCompile(`^[a-zA-Z0-9/](:*[a-zA-Z0-9/._-])*$`).MatchString(s) {
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
	return flowList(quoted)
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
