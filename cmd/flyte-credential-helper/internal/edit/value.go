package edit

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

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

func flowList(items []string) string { return "[" + strings.Join(items, ", ") + "]" }
