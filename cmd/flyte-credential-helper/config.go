package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// config is the configuration file: profiles, each a set of settings.
type config struct {
	path     string
	profiles map[string]profile
}

// profile holds a profile's settings by their names.
type profile map[string]profileValue

type profileValue struct {
	words []string // one for a plain value; NAME=VALUE for a map
	line  int
}

// maxConfig is more than any configuration file has.
const maxConfig = 1 << 20

// readConfig reads the file at path. Without one there are no profiles.
func readConfig(path string, known []setting) (*config, error) {
	c := &config{path: path, profiles: map[string]profile{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, usage("", "cannot read the configuration: %v", err)
	}
	if len(text) > maxConfig {
		return nil, usage("", "%s is larger than 1 MiB", path)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, usage("", "%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(document.Content) == 0 {
		return c, nil
	}
	return c, c.decode(document.Content[0], known)
}

func (c *config) decode(top *yaml.Node, known []setting) error {
	return c.each(top, "the file", func(key, value *yaml.Node) error {
		if key.Value != "profiles" {
			return c.unknown(key, []string{"profiles"})
		}
		return c.each(value, "profiles", func(name, body *yaml.Node) error {
			p := profile{}
			c.profiles[name.Value] = p
			return c.each(body, "profile "+name.Value, func(key, value *yaml.Node) error { return c.set(p, key, value, known) })
		})
	})
}

// each calls f for the pairs of a mapping, of which no two may have one key.
func (c *config) each(n *yaml.Node, what string, f func(key, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return c.wrong(n, "%s must be a mapping (name: value)", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			return c.wrong(key, "%s stands here twice", key.Value)
		}
		seen[key.Value] = true
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) set(p profile, key, value *yaml.Node, known []setting) error {
	i := slices.IndexFunc(known, func(s setting) bool { return s.name == key.Value && s.kind != choice })
	if i < 0 {
		var names []string
		for _, s := range known {
			names = append(names, s.name)
		}
		return c.unknown(key, names)
	}
	words, err := c.words(known[i], value)
	if err != nil {
		return err
	}
	if known[i].kind == path {
		words[0] = c.absolute(words[0])
	}
	p[key.Value] = profileValue{words: words, line: key.Line}
	return nil
}

// words reads a value in the shape its setting has: a list for what repeats, a
// mapping for NAME=VALUE, a list or a string for a command.
func (c *config) words(s setting, n *yaml.Node) ([]string, error) {
	switch v := s.value.(type) {
	case mapValue:
		var words []string
		err := c.each(n, s.name, func(key, value *yaml.Node) error {
			if value.Kind != yaml.ScalarNode {
				return c.wrong(value, "%s: %s must be one value", s.name, key.Value)
			}
			words = append(words, key.Value+"="+value.Value)
			return nil
		})
		return words, err
	case listValue, portsValue, commandValue:
		if _, command := v.(commandValue); command && n.Kind == yaml.ScalarNode {
			return []string{n.Value}, nil
		}
		if n.Kind != yaml.SequenceNode {
			return nil, c.wrong(n, "%s must be a list: %s: [%s]", s.name, s.name, n.Value)
		}
		var words []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, c.wrong(item, "%s must be a list of single values", s.name)
			}
			words = append(words, item.Value)
		}
		return words, nil
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return nil, c.wrong(n, "%s must be one value", s.name)
	}
	return []string{n.Value}, nil
}

// absolute resolves a path of the configuration against its own folder.
func (c *config) absolute(p string) string {
	if filepath.IsAbs(p) || p == "" || p[0] == '~' {
		return p
	}
	return filepath.Join(filepath.Dir(c.path), p)
}

func (c *config) wrong(n *yaml.Node, format string, args ...any) error {
	return usage("", "%s:%d: %s", c.path, n.Line, fmt.Sprintf(format, args...))
}

func (c *config) unknown(key *yaml.Node, names []string) error {
	return c.wrong(key, "there is no setting named %q%s", key.Value, suggestion(key.Value, names))
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
