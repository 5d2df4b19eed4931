package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/kballard/go-shellquote"
	"github.com/spf13/cobra"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
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
type Profile map[string]Value

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
	if !utf8.Valid(text) {
		return nil, Errorf(Hint{}, "%s: it is not in UTF-8: save it in this encoding", path)
	}
	top, err := edit.ParseYAML(text)
	var wrong *edit.YAMLError
	switch {
	case errors.As(err, &wrong) && wrong.Line > 0:
		return nil, Errorf(Hint{}, "%s:%d: %s", path, wrong.Line, wrong.Reason)
	case err != nil:
		return nil, Errorf(Hint{}, "%s: %v", path, err)
	}
	if top == nil {
		return nil, nil
	}
	var r reference
	ast.Walk(&r, top)
	switch n := r.first.(type) {
	case *ast.AliasNode:
		return nil, Errorf(Hint{}, "%s:%d: write %q in quotes, because YAML takes a star for an alias", path, line(n), n)
	case *ast.AnchorNode:
		return nil, Errorf(Hint{}, "%s:%d: &%s: anchors and aliases are not supported", path, line(n), n.Name)
	}
	return top, nil
}

// reference finds the first alias or anchor. Neither is supported, and most are a value that
// begins with a star.
type reference struct{ first ast.Node }

// Visit implements [ast.Visitor].
func (r *reference) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AliasNode, *ast.AnchorNode:
		r.first = cmp.Or(r.first, n)
	}
	return r
}

// ReadError is the error of a file that cannot be read. what names its content in the message.
func ReadError(what string, err error) error {
	var unsafe *system.UnsafeFileError
	var failed *fs.PathError
	switch {
	case errors.As(err, &unsafe) && unsafe.Mode:
		return Errorf(Command("chmod", "go-w", unsafe.Path), "%s in %v", what, unsafe)
	case unsafe != nil && system.IsRoot(): // root takes no file away from its owner
		return Errorf(Text("its owner must be you or root"), "%s in %v", what, unsafe)
	case unsafe != nil:
		return Errorf(Shell(`sudo chown "$(id -u)" %s`, shellquote.Join(unsafe.Path)), "%s in %v", what, unsafe)
	case !errors.As(err, &failed):
		return Errorf(Hint{}, "cannot read %s: %v", what, err)
	}
	hint := Inspect("ls", "-ld", failed.Path)
	info, missing := os.Stat(failed.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = Text("write %s to %s, or name another file", what, failed.Path)
	case errors.Is(err, fs.ErrPermission) && missing == nil:
		if _, ours := system.Owner(info); ours {
			hint = Command("chmod", "u+r", failed.Path)
		}
	}
	return Errorf(hint, "cannot read %s: %v", what, err)
}

func (f *File) decode(top ast.Node) error {
	known := Table()
	return f.each(top, "the file", func(key string, at, value ast.Node) error {
		_, isMapping := value.(*ast.MappingNode)
		switch {
		case key == "profiles":
		case isMapping && Suggestion(key, []string{"profiles"}) == "":
			return f.wrong(at, "there is no setting named %q: a profile is indented below profiles", key)
		default:
			return f.unknown(key, at, []string{"profiles"})
		}
		if isNull(value) {
			return nil
		}
		return f.each(value, "profiles", func(name string, at, body ast.Node) error {
			if isNull(body) {
				return f.wrong(at, "profile %s has no settings: they are indented below its name", name)
			}
			p := Profile{}
			f.Profiles[name], f.Source[name] = p, f.Path
			return f.each(body, "profile "+name, func(key string, at, value ast.Node) (err error) {
				switch key {
				case "serves":
					f.Serves[name], err = f.readServes(value)
					p[key] = f.valueAt(key, at, ServesText(f.Serves[name]))
				case "clusters":
					f.Clusters[name], err = f.readClusters(value)
					p[key] = f.valueAt(key, at, clustersText(f.Clusters[name]))
				default:
					err = f.set(p, key, at, value, known)
				}
				return err
			})
		})
	})
}

func isNull(n ast.Node) bool {
	_, null := n.(*ast.NullNode)
	return null
}

// valueAt is the value of a key.
func (f *File) valueAt(key string, at ast.Node, words []string) Value {
	return Value{words, fmt.Sprintf("%s:%d: %s", f.Path, line(at), key)}
}

// each calls do for the pairs of a mapping, which messages call what. The parser refuses a key
// that comes twice.
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

// list calls do for the items of a list. example is an item for messages.
func (f *File) list(n ast.Node, key, example string, do func(item ast.Node) error) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return f.wrong(n, "%s must be a list: %s: [%s]", key, key, example)
	}
	for _, item := range list.Values {
		if err := do(item); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns the text of a single value. Messages call it what, and name the line of at.
func (f *File) scalar(n, at ast.Node, what string) (string, error) {
	word, ok := edit.Scalar(n)
	if !ok {
		return "", f.wrong(at, "%s must be one value", what)
	}
	return word, nil
}

// set sets the setting key of p, which must be one of known.
func (f *File) set(p Profile, key string, at, value ast.Node, known []Setting) error {
	known = slices.DeleteFunc(slices.Clone(known), func(s Setting) bool { return s.Kind == Selector })
	i := slices.IndexFunc(known, func(s Setting) bool { return s.Name == key })
	if i < 0 {
		var names []string
		for _, s := range known {
			names = append(names, s.Name)
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
	p[key] = f.valueAt(key, at, words)
	return nil
}

// words reads a value in the form that the setting has: a list for what repeats, a
// mapping for NAME=VALUE, a list or a string for a command.
func (f *File) words(s Setting, n ast.Node) (words []string, err error) {
	add := func(value, at ast.Node, what, prefix string) error {
		word, err := f.scalar(value, at, what)
		words = append(words, prefix+word)
		return err
	}
	v := s.byDefault()
	_, isMap := v.(mapValue)
	_, repeats := v.(repeated)
	_, isCommand := v.(commandValue)
	_, isList := n.(*ast.SequenceNode)
	switch {
	case isMap:
		err = f.each(n, s.Name, func(key string, at, value ast.Node) error {
			return add(value, at, s.Name+": "+key, key+"=")
		})
	case repeats, isCommand && isList:
		text, _ := edit.Scalar(n)
		err = f.list(n, s.Name, strings.Join(strings.Fields(text), ", "), func(item ast.Node) error { return add(item, item, "an item of "+s.Name, "") })
	default:
		err = add(n, n, s.Name, "")
	}
	if isCommand && isList {
		words = []string{shellquote.Join(words...)}
	}
	return words, err
}

// absolute resolves a path of the configuration against its own folder.
func (f *File) absolute(p string) string {
	if filepath.IsAbs(p) || p == "" || p[0] == '~' {
		return p
	}
	return filepath.Join(filepath.Dir(f.Path), p)
}

func (f *File) wrong(n ast.Node, format string, args ...any) error {
	return Errorf(Hint{}, "%s:%d: %s", f.Path, line(n), fmt.Sprintf(format, args...))
}

func line(n ast.Node) int { return n.GetToken().Position.Line }

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

// Suggestion asks whether one of names was meant.
func Suggestion(name string, names []string) string {
	if found := closest(name, names); found != "" {
		return fmt.Sprintf(": did you mean %s?", found)
	}
	return ""
}

// closest returns the one of names that was probably meant, with cobra's own measure, or "".
func closest(name string, names []string) string {
	c := &cobra.Command{}
	for _, n := range names {
		c.AddCommand(&cobra.Command{Use: n, Run: func(*cobra.Command, []string) {}})
	}
	for c.SuggestionsMinimumDistance < 2 {
		c.SuggestionsMinimumDistance++
		if found := c.SuggestionsFor(name); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}
