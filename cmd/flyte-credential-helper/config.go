package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/cobra"
)

// config is the configuration file: profiles, each a set of settings.
type config struct {
	path     string
	profiles map[string]profile
	serves   map[string][]served // by the profile
}

// newConfig is a configuration without profiles.
func newConfig(path string) *config {
	return &config{path: path, profiles: map[string]profile{}, serves: map[string][]served{}}
}

// profile holds a profile's settings by their names.
type profile map[string]profileValue

type profileValue struct {
	words []string // one for a plain value; NAME=VALUE for a map
	line  int
}

// level is what p, of the file at path, says of settings.
func (p profile) level(name, path string) level {
	return level{name, func(s setting) ([]string, string, bool) {
		v, found := p[s.name]
		if !found {
			return nil, "", false
		}
		return v.words, fmt.Sprintf("%s:%d: %s", path, v.line, s.name), true
	}}
}

// maxConfig is more than any configuration file has.
const maxConfig = 1 << 20

// readConfig reads the file at path. Without one there are no profiles.
func readConfig(path string, known []setting) (*config, error) {
	c := newConfig(path)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, usage("", "cannot read the configuration: %v", err)
	}
	top, err := c.parse(text)
	if err != nil || top == nil {
		return c, err
	}
	return c, c.decode(top, known)
}

// parse returns the one document of text, or nil where there is none.
func (c *config) parse(text []byte) (ast.Node, error) {
	if len(text) > maxConfig {
		return nil, usage("", "%s is larger than 1 MiB", c.path)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, c.broken(err)
	}
	if len(file.Docs) > 1 {
		return nil, usage("", "%s holds more than one YAML document", c.path)
	}
	if len(file.Docs) == 0 {
		return nil, nil
	}
	return file.Docs[0].Body, nil
}

// broken says in one line where the file is no YAML.
func (c *config) broken(err error) error {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		return usage("", "%s:%d: %s", c.path, e.GetToken().Position.Line, e.GetMessage())
	}
	return usage("", "%s is not YAML", c.path)
}

func (c *config) decode(top ast.Node, known []setting) error {
	return c.each(top, "the file", func(key string, at, value ast.Node) error {
		if key != "profiles" {
			return c.unknown(key, at, []string{"profiles"})
		}
		if _, none := value.(*ast.NullNode); none {
			return nil
		}
		return c.each(value, "profiles", func(name string, _, body ast.Node) error {
			p := profile{}
			c.profiles[name] = p
			return c.each(body, "profile "+name, func(key string, at, value ast.Node) (err error) {
				if key == "serves" {
					c.serves[name], err = c.readServes(value)
					p[key] = profileValue{words: servesText(c.serves[name]), line: at.GetToken().Position.Line}
					return err
				}
				return c.set(p, key, at, value, known)
			})
		})
	})
}

// fill sets what the mapping n, which messages call what, says of settings.
func (c *config) fill(p profile, n ast.Node, what string, known []setting) error {
	return c.each(n, what, func(key string, at, value ast.Node) error { return c.set(p, key, at, value, known) })
}

// each calls f for the pairs of a mapping. The parser refuses a key that comes
// twice.
func (c *config) each(n ast.Node, what string, f func(key string, at, value ast.Node) error) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return c.wrong(n, "%s must be a mapping (name: value)", what)
	}
	for _, pair := range m.Values {
		if err := f(pair.Key.GetToken().Value, pair.Key, pair.Value); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) set(p profile, key string, at, value ast.Node, known []setting) error {
	i := slices.IndexFunc(known, func(s setting) bool { return s.name == key && s.kind != choice })
	if i < 0 {
		var names []string
		for _, s := range known {
			if s.kind != choice {
				names = append(names, s.name)
			}
		}
		return c.unknown(key, at, names)
	}
	words, err := c.words(known[i], value)
	if err != nil {
		return err
	}
	if known[i].kind == path {
		words[0] = c.absolute(words[0])
	}
	p[key] = profileValue{words: words, line: at.GetToken().Position.Line}
	return nil
}

// words reads a value in the shape its setting has: a list for what repeats, a
// mapping for NAME=VALUE, a list or a string for a command.
func (c *config) words(s setting, n ast.Node) (words []string, err error) {
	switch v := s.value.(type) {
	case mapValue:
		err := c.each(n, s.name, func(key string, at, value ast.Node) error {
			word, ok := scalar(value)
			if !ok {
				return c.wrong(at, "%s: %s must be one value", s.name, key)
			}
			words = append(words, key+"="+word)
			return nil
		})
		return words, err
	case listValue, portsValue, commandValue:
		word, one := scalar(n)
		if _, command := v.(commandValue); command && one {
			return []string{word}, nil
		}
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			return nil, c.wrong(n, "%s must be a list: %s: [%s]", s.name, s.name, word)
		}
		for _, item := range list.Values {
			word, ok := scalar(item)
			if !ok {
				return nil, c.wrong(item, "%s must be a list of single values", s.name)
			}
			words = append(words, word)
		}
		return words, nil
	}
	word, ok := scalar(n)
	if !ok {
		return nil, c.wrong(n, "%s must be one value", s.name)
	}
	return []string{word}, nil
}

// scalar is the text of a single value, as it is written.
func scalar(n ast.Node) (string, bool) {
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

// absolute resolves a path of the configuration against its own folder.
func (c *config) absolute(p string) string {
	if filepath.IsAbs(p) || p == "" || p[0] == '~' {
		return p
	}
	return filepath.Join(filepath.Dir(c.path), p)
}

func (c *config) wrong(n ast.Node, format string, args ...any) error {
	return usage("", "%s:%d: %s", c.path, n.GetToken().Position.Line, fmt.Sprintf(format, args...))
}

func (c *config) unknown(key string, at ast.Node, names []string) error {
	return c.wrong(at, "there is no setting named %q%s", key, suggestion(key, names))
}

// names lists the profiles.
func (c *config) names() []string { return slices.Sorted(maps.Keys(c.profiles)) }

// suggestion asks whether one of names was meant, with cobra's own measure.
func suggestion(name string, names []string) string {
	c := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, n := range names {
		c.AddCommand(&cobra.Command{Use: n, Run: func(*cobra.Command, []string) {}})
	}
	if found := c.SuggestionsFor(name); len(found) > 0 {
		return fmt.Sprintf(": did you mean %s?", found[0])
	}
	return ""
}
