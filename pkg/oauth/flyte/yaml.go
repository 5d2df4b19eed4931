package flyte

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// document is a YAML file: a mapping of which only the key admin is read.
type document struct {
	path    string
	anchors map[string]ast.Node
}

// parseYAML returns the options of a file. An error names the file at path, and
// the line.
func parseYAML(path, text string) (map[string]value, error) {
	if isTooDeep(text) {
		return nil, fmt.Errorf("%s is nested too deeply", path)
	}
	// Other programs that read the file take the last of two equal keys.
	parsed, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, parseError(path, text, err)
	}
	if len(parsed.Docs) > 1 {
		return nil, fmt.Errorf("%s holds more than one YAML document", path)
	}
	if len(parsed.Docs) == 0 || parsed.Docs[0].Body == nil {
		return nil, nil
	}
	d := &document{path, map[string]ast.Node{}}
	if strings.Contains(text, "&") {
		ast.Walk(d, parsed.Docs[0].Body)
	}
	return d.values(parsed.Docs[0].Body)
}

// isTooDeep reports whether the text has more nested brackets or list items than any
// configuration. The parser's time and memory grow with the third power of that.
func isTooDeep(text string) bool {
	const most = 100
	depth := 0
	for line := range strings.Lines(text) {
		rest := strings.TrimLeft(line, " -?")
		if items := line[:len(line)-len(rest)]; strings.Count(items, "-")+strings.Count(items, "?") > most {
			return true
		}
		for _, b := range []byte(rest) {
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

// parseError returns the error of the parser in one line, with the line number in the file.
func parseError(path, text string, err error) error {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		line := e.GetToken().Position.Line
		return fmt.Errorf("%s:%d: %s", path, line, reason(text, line, e.GetMessage()))
	}
	return fmt.Errorf("%s is not YAML", path)
}

// reason returns why a line is not YAML. The parser has no clear message for the most common
// mistake.
func reason(text string, line int, message string) string {
	lines := strings.Split(text, "\n")
	if line >= 1 && line <= len(lines) && strings.HasPrefix(strings.TrimLeft(lines[line-1], " "), "\t") {
		return "a tab is used for indentation; YAML needs spaces"
	}
	return message
}

// Visit implements [ast.Visitor]: it collects the anchors.
func (d *document) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok {
		d.anchors[a.Name.GetToken().Value] = a.Value
	}
	return d
}

func (d *document) values(top ast.Node) (map[string]value, error) {
	values := map[string]value{}
	err := d.each(top, "the file", func(at, n ast.Node) error {
		if at.GetToken().Value != "admin" {
			return nil
		}
		return d.each(n, "admin", func(at, n ast.Node) error { return d.set(values, at, n) })
	})
	return values, err
}

// set stores the value n of the key at if the key is one of the options.
func (d *document) set(values map[string]value, at, n ast.Node) error {
	key := at.GetToken()
	i := slices.IndexFunc(options(), func(o string) bool { return strings.EqualFold(o, key.Value) && o != optionSecret })
	if i < 0 {
		return nil
	}
	option := options()[i]
	v, err := d.value(option, n)
	if v.isSet() {
		v.name = yamlName(option)
		v.location = fmt.Sprintf("%s:%d: %s", d.path, key.Position.Line, v.name)
		values[option] = v
	}
	return err
}

// each calls f for the pairs of a mapping, first for those that are merged into it. It does
// not follow a merge within a merged mapping: a file could make that take forever.
func (d *document) each(n ast.Node, what string, f func(at, n ast.Node) error) error {
	n = d.resolve(n)
	if n == nil || n.Type() == ast.NullType || n.Type() == ast.CommentType {
		return nil
	}
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return d.errorAt(n, "%s must be a mapping (name: value)", what)
	}
	for _, pair := range append(d.merged(m), m.Values...) {
		if err := f(pair.Key, pair.Value); err != nil {
			return err
		}
	}
	return nil
}

// merged returns the pairs of the mappings after <<. Of several mappings the first takes
// precedence.
func (d *document) merged(m *ast.MappingNode) (pairs []*ast.MappingValueNode) {
	for _, pair := range m.Values {
		if !pair.Key.IsMergeKey() {
			continue
		}
		from := []ast.Node{pair.Value}
		if list, ok := d.resolve(pair.Value).(*ast.SequenceNode); ok {
			from = list.Values
		}
		for _, n := range slices.Backward(from) {
			if m, ok := d.resolve(n).(*ast.MappingNode); ok {
				pairs = append(pairs, m.Values...)
			}
		}
	}
	return pairs
}

// resolve returns the node that anchors, tags and aliases stand for, or nil if there is
// none.
func (d *document) resolve(n ast.Node) ast.Node {
	for range 16 { // an alias may lead to itself
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.TagNode:
			n = v.Value
		case *ast.AliasNode:
			n = d.anchors[v.Value.GetToken().Value]
		default:
			return n
		}
	}
	return nil
}

// value reads one value, or a list for the options that may have one.
func (d *document) value(option string, n ast.Node) (v value, err error) {
	switch n := d.resolve(n).(type) {
	case nil, *ast.NullNode:
		return value{}, nil
	case *ast.SequenceNode:
		if option != optionScopes && option != optionCommand && option != optionProxyCommand {
			return value{}, d.errorAt(n, "%s must be one value, not a list", yamlName(option))
		}
		for _, item := range n.Values {
			word, ok := scalar(d.resolve(item))
			if !ok {
				return value{}, d.errorAt(item, "%s must be a list of single values", yamlName(option))
			}
			v.list = append(v.list, word)
		}
		return v, nil
	default:
		text, ok := scalar(n)
		if !ok {
			return value{}, d.errorAt(n, "%s must be one value", yamlName(option))
		}
		return value{text: text}, nil
	}
}

// scalar returns the text of a single value as it is written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "", false
	case *ast.LiteralNode:
		return n.Value.Value, true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func (d *document) errorAt(n ast.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", d.path, n.GetToken().Position.Line, fmt.Sprintf(format, args...))
}
