package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/goccy/go-yaml/ast"
	"github.com/spf13/cobra"
)

// File is a configuration file: profiles, each a set of settings. It may also have the profiles
// of the files below it.
type File struct {
	Path     string
	Paths    []string          // the files that exist, and Path as the first one
	Source   map[string]string // the file of each profile
	Profiles map[string]Profile
	Serves   map[string][]HostEntry        // by the profile
	Clusters map[string][]execcred.Pattern // the API servers that may select a profile
}

// newFile is a configuration without profiles.
func newFile(path string) *File {
	return &File{Path: path, Paths: []string{path}, Source: map[string]string{}, Profiles: map[string]Profile{}, Serves: map[string][]HostEntry{}, Clusters: map[string][]execcred.Pattern{}}
}

// Profile holds a profile's settings by their names.
type Profile map[string]ProfileValue

// ProfileValue is one setting of a profile.
type ProfileValue struct {
	Words []string // one for a plain value; NAME=VALUE for a map
	line  int
}

// level is the level of p, which is in the file at path.
func (p Profile) level(name string, origin Origin, path string) level {
	return level{name, origin, func(s Setting) ([]string, string, bool) {
		v, found := p[s.Name]
		if !found {
			return nil, "", false
		}
		return v.Words, fmt.Sprintf("%s:%d: %s", path, v.line, s.Name), true
	}}
}

// ReadFiles reads the configuration files at paths. A profile replaces the profiles of the same
// name in later files completely.
func ReadFiles(paths []string, read func(path string) ([]byte, error)) (*File, error) {
	f := newFile("")
	for i, path := range paths {
		below, err := ReadFile(path, read)
		switch {
		case err != nil:
			return below, err
		case i == 0:
			f = below
		default:
			f.add(below)
		}
	}
	return f, nil
}

// add adds the profiles of below that f does not have.
func (f *File) add(below *File) {
	if len(below.Profiles) > 0 {
		f.Paths = append(f.Paths, below.Path)
	}
	for name, p := range below.Profiles {
		if _, found := f.Profiles[name]; !found {
			f.Profiles[name], f.Source[name], f.Serves[name], f.Clusters[name] = p, below.Path, below.Serves[name], below.Clusters[name]
		}
	}
}

// ReadFile reads the configuration file at path. If there is none, there are no profiles.
func ReadFile(path string, read func(path string) ([]byte, error)) (*File, error) {
	f := newFile(path)
	text, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, ReadError("the configuration", err)
	}
	top, err := ParseYAML(path, text)
	if err != nil || top == nil {
		return f, err
	}
	return f, f.decode(top)
}

// ParseYAML returns the one document of the file at path, or nil if there is none.
func ParseYAML(path string, text []byte) (ast.Node, error) {
	top, err := edit.ParseYAML(text)
	var wrong *edit.YAMLError
	switch {
	case errors.As(err, &wrong) && wrong.Line > 0:
		return nil, Errorf(Hint{}, "%s:%d: %s", path, wrong.Line, wrong.Reason)
	case err != nil:
		return nil, Errorf(Hint{}, "%s: %v", path, err)
	}
	return top, nil
}

// ReadError is the error of a file that cannot be read. what names it in the message.
func ReadError(what string, err error) error {
	var unsafe *system.UnsafeFileError
	if errors.As(err, &unsafe) && unsafe.Mode {
		return Errorf(Command("chmod", "go-w", unsafe.Path), "%s in %v", what, unsafe)
	}
	if unsafe != nil {
		return Errorf(Text("its owner must be you or root"), "%s in %v", what, unsafe)
	}
	return Errorf(Hint{}, "cannot read %s: %v", what, err)
}

func (f *File) decode(top ast.Node) error {
	known := Table()
	return f.each(top, "the file", func(key string, at, value ast.Node) error {
		if key != "profiles" {
			return f.unknown(key, at, []string{"profiles"})
		}
		if _, none := value.(*ast.NullNode); none {
			return nil
		}
		return f.each(value, "profiles", func(name string, _, body ast.Node) error {
			p := Profile{}
			f.Profiles[name], f.Source[name] = p, f.Path
			return f.each(body, "profile "+name, func(key string, at, value ast.Node) (err error) {
				line := at.GetToken().Position.Line
				switch key {
				case "serves":
					f.Serves[name], err = f.readServes(value)
					p[key] = ProfileValue{Words: ServesText(f.Serves[name]), line: line}
				case "clusters":
					f.Clusters[name], err = f.readClusters(value)
					p[key] = ProfileValue{Words: clustersText(f.Clusters[name]), line: line}
				default:
					err = f.set(p, key, at, value, known)
				}
				return err
			})
		})
	})
}

// fill sets the settings of p that the mapping n has. Messages call n what.
func (f *File) fill(p Profile, n ast.Node, what string, known []Setting) error {
	return f.each(n, what, func(key string, at, value ast.Node) error { return f.set(p, key, at, value, known) })
}

// each calls do for the pairs of a mapping. The parser refuses a key that comes
// twice.
func (f *File) each(n ast.Node, what string, do func(key string, at, value ast.Node) error) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return f.wrong(n, "%s must be a mapping (name: value)", what)
	}
	for _, pair := range m.Values {
		if err := do(pair.Key.GetToken().Value, pair.Key, pair.Value); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) set(p Profile, key string, at, value ast.Node, known []Setting) error {
	i := slices.IndexFunc(known, func(s Setting) bool { return s.Name == key && s.Kind != Selector })
	if i < 0 {
		var names []string
		for _, s := range known {
			if s.Kind != Selector {
				names = append(names, s.Name)
			}
		}
		return f.unknown(key, at, names)
	}
	words, err := f.words(known[i], value)
	if err != nil {
		return err
	}
	if known[i].Kind == Path {
		words[0] = f.absolute(words[0])
	}
	p[key] = ProfileValue{Words: words, line: at.GetToken().Position.Line}
	return nil
}

// words reads a value in the form that the setting has: a list for what repeats, a
// mapping for NAME=VALUE, a list or a string for a command.
func (f *File) words(s Setting, n ast.Node) (words []string, err error) {
	switch v := s.byDefault().(type) {
	case mapValue:
		err := f.each(n, s.Name, func(key string, at, value ast.Node) error {
			word, ok := edit.Scalar(value)
			if !ok {
				return f.wrong(at, "%s: %s must be one value", s.Name, key)
			}
			words = append(words, key+"="+word)
			return nil
		})
		return words, err
	case listValue, portsValue, commandValue:
		word, one := edit.Scalar(n)
		if _, command := v.(commandValue); command && one {
			return []string{word}, nil
		}
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			return nil, f.wrong(n, "%s must be a list: %s: [%s]", s.Name, s.Name, word)
		}
		for _, item := range list.Values {
			word, ok := edit.Scalar(item)
			if !ok {
				return nil, f.wrong(item, "%s must be a list of single values", s.Name)
			}
			words = append(words, word)
		}
		return words, nil
	}
	word, ok := edit.Scalar(n)
	if !ok {
		return nil, f.wrong(n, "%s must be one value", s.Name)
	}
	return []string{word}, nil
}

// absolute resolves a path of the configuration against its own folder.
func (f *File) absolute(p string) string {
	if filepath.IsAbs(p) || p == "" || p[0] == '~' {
		return p
	}
	return filepath.Join(filepath.Dir(f.Path), p)
}

func (f *File) wrong(n ast.Node, format string, args ...any) error {
	return Errorf(Hint{}, "%s:%d: %s", f.Path, n.GetToken().Position.Line, fmt.Sprintf(format, args...))
}

func (f *File) unknown(key string, at ast.Node, names []string) error {
	if slices.ContainsFunc(Table(), func(s Setting) bool { return s.Name == key && s.Kind != Selector }) {
		return f.wrong(at, "%s cannot be set here, only in a profile, with --%s or with %s", key, key, Variable(key))
	}
	return f.wrong(at, "there is no setting named %q%s", key, Suggestion(key, names))
}

// Names lists the profiles.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.Profiles)) }

// namesIn lists the profiles of the file at path.
func (f *File) namesIn(path string) []string {
	return slices.DeleteFunc(f.Names(), func(name string) bool { return f.Source[name] != path })
}

// String names the files.
func (f *File) String() string { return strings.Join(f.Paths, " and ") }

// listing lists the profiles. It follows String in a sentence.
func (f *File) listing() string {
	verb := "has"
	if len(f.Paths) > 1 {
		verb = "have"
	}
	return ", which " + verb + " " + cmp.Or(strings.Join(f.Names(), ", "), "none")
}

// Suggestion asks whether one of names was meant, with cobra's own measure.
func Suggestion(name string, names []string) string {
	c := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, n := range names {
		c.AddCommand(&cobra.Command{Use: n, Run: func(*cobra.Command, []string) {}})
	}
	if found := c.SuggestionsFor(name); len(found) > 0 {
		return fmt.Sprintf(": did you mean %s?", found[0])
	}
	return ""
}
