package edit

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// ErrNoKey means that a mapping does not have a key.
var ErrNoKey = errors.New("no such key")

// Pair finds a key of a mapping.
func Pair(n ast.Node, key string) (*ast.MappingValueNode, error) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return nil, ErrNoKey
	}
	for _, v := range m.Values {
		if v.Key.GetToken().Value == key {
			return v, nil
		}
	}
	return nil, ErrNoKey
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

// Join writes the items of a list or mapping in one line.
func Join(words []string, write func(string) string) string {
	var written []string
	for _, word := range words {
		written = append(written, write(word))
	}
	return strings.Join(written, ", ")
}

// BlockEnd is the line behind the block that starts at a line and whose key has that
// indent. Blank lines and comments that follow it are not part of it.
func BlockEnd(lines []string, start, indent int) int {
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

// ListEnd is the line behind a list that continues at line at: its items may be indented
// no deeper than their key.
func ListEnd(lines []string, at, indent int) int {
	for at < len(lines) && strings.HasPrefix(lines[at], strings.Repeat(" ", indent)+"-") {
		at = BlockEnd(lines, at, indent)
	}
	return at
}
