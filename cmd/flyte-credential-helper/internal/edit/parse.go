package edit

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

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
	var file *ast.File
	var err error
	done := make(chan struct{})
	go func() { // after the limit, the parser continues until the process ends
		file, err = parser.ParseBytes(unixText(text), 0)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
		return nil, &YAMLError{0, "it is too complex: it was not read within " + limit.String()}
	}
	switch {
	case err != nil:
		return nil, syntaxError(text, err)
	case len(file.Docs) > 1:
		return nil, &YAMLError{0, "it holds more than one YAML document"}
	case len(file.Docs) == 0:
		return nil, nil
	}
	return file.Docs[0].Body, nil
}

// unixText is a text without byte order mark and with the line ends of Unix: the parser counts
// the CR of a comment as a line.
func unixText(text []byte) []byte {
	return bytes.ReplaceAll(bytes.TrimPrefix(text, []byte(byteOrderMark)), []byte("\r\n"), []byte("\n"))
}

// syntaxError names the line of a parser's error, and the most common mistake, for which the
// parser has no clear message.
func syntaxError(text []byte, err error) error {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return &YAMLError{0, "it is not YAML"}
	}
	wrong := &YAMLError{e.GetToken().Position.Line, e.GetMessage()}
	lines := bytes.Split(text, []byte("\n"))
	if wrong.Line <= len(lines) && bytes.HasPrefix(bytes.TrimLeft(lines[wrong.Line-1], " "), []byte("\t")) {
		wrong.Reason = "a tab is used for indentation; YAML needs spaces"
	}
	return wrong
}

// isTooDeep reports whether a text has a hundred nested brackets or list items, which is more than
// any configuration has. The parser's time and memory grow with the third power of that.
func isTooDeep(text []byte) bool {
	depth := 0
	for _, b := range text {
		switch b {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		if depth > 100 {
			return true
		}
	}
	return regexp.MustCompile(`(?m)^ *([-?] *){101}`).Match(text)
}
