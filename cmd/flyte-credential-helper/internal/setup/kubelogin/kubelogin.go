// Package kubelogin translates a kubeconfig user that runs int128/kubelogin or Azure/kubelogin
// into a profile of this program.
package kubelogin

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
)

// User is a kubeconfig user that runs a credential plugin.
type User struct {
	Name    string
	Command string
	Args    []string
	Env     map[string]string // of the plugin; it stays in the kubeconfig
}

// Paths say where files are.
type Paths struct {
	Dir      string              // of the files that the profile names
	Absolute func(string) string // makes a path of a flag absolute
}

// Profile is a user in the settings of this program.
type Profile struct {
	config.Profile
	Files []File
	Notes []string // what is not carried over, each as a sentence
}

// File is a file that the profile names, and that only its owner may read.
type File struct{ Path, What, Text string }

// UnsupportedError means that a user has to stay with kubelogin.
type UnsupportedError struct{ Reason string }

func (e *UnsupportedError) Error() string { return e.Reason }

// Runs reports whether u runs kubelogin to get a token, by itself or as a plugin of kubectl.
func Runs(u User) bool {
	name := strings.TrimSuffix(filepath.Base(strings.ReplaceAll(u.Command, `\`, "/")), ".exe")
	args := u.Args
	if name == "kubectl" && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	return slices.Contains([]string{"kubelogin", "kubectl-oidc_login", "oidc-login"}, name) && slices.Contains(args, "get-token")
}

// Translate returns the profile of a user that [Runs] kubelogin. The error is an
// [UnsupportedError] if this program has no setting for something that the user needs.
func Translate(u User, p Paths) (*Profile, error) {
	args, d := u.Args, azure()
	if args[0] == "oidc-login" {
		args = args[1:]
	}
	if slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--oidc-") }) {
		d = int128()
	}
	given, err := d.parse(args)
	if err != nil {
		return nil, err
	}
	t := &translation{user: u, paths: p, given: given, profile: &Profile{Profile: config.Profile{}}}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if reason := d.refused[name]; reason != "" && t.word(name) != "" && t.word(name) != "false" {
			return nil, &UnsupportedError{reason}
		}
		if reason := d.dropped[name]; reason != "" {
			t.note("--%s is not carried over: %s", name, reason)
		}
	}
	all, err := d.translate(t)
	for name, words := range all {
		if len(words) > 0 && words[0] != "" {
			t.profile.Profile[name] = config.Value{Words: words}
		}
	}
	return t.profile, err
}

// dialect is one of the programs of that name: the flags of its get-token, and what they mean here.
type dialect struct {
	// The flags by the kind of their values, each NAME or NAME,LETTER. Lists have commas, or are
	// repeated. Arrays are repeated.
	words, lists, arrays, pairs, booleans string

	dropped   map[string]string // by flag: why it has no setting here
	refused   map[string]string // by flag: why its user has to stay with kubelogin
	translate func(*translation) (settings, error)
}

// settings are the words of each setting. A setting without words, or with an empty one, is not set.
type settings map[string][]string

// parse returns the words of each flag. Flags may be before the verb.
func (d dialect) parse(args []string) (map[string][]string, error) {
	f := pflag.NewFlagSet("kubelogin", pflag.ContinueOnError)
	f.Usage = func() {}
	add := func(names string, flag func(name, letter string)) {
		for name := range strings.FieldsSeq(names) {
			name, letter, _ := strings.Cut(name, ",")
			flag(name, letter)
		}
	}
	add(d.words, func(name, letter string) { f.StringP(name, letter, "", "") })
	add(d.lists, func(name, letter string) { f.StringSliceP(name, letter, nil, "") })
	add(d.arrays, func(name, letter string) { f.StringArrayP(name, letter, nil, "") })
	add(d.pairs, func(name, letter string) { f.StringToStringP(name, letter, nil, "") })
	add(d.booleans, func(name, letter string) { f.BoolP(name, letter, false, "") })
	if err := f.Parse(args); err != nil {
		return nil, &UnsupportedError{err.Error()}
	}
	if words := f.Args(); !slices.Equal(words, []string{"get-token"}) {
		return nil, &UnsupportedError{fmt.Sprintf("unknown arguments %q", words)}
	}
	given := map[string][]string{}
	f.Visit(func(flag *pflag.Flag) {
		given[flag.Name] = []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			given[flag.Name] = list.GetSlice()
		} else if pairs, err := f.GetStringToString(flag.Name); err == nil {
			given[flag.Name] = config.Pairs(pairs)
		}
	})
	return given, nil
}

// translation is one call of [Translate].
type translation struct {
	user    User
	paths   Paths
	given   map[string][]string // the words of each flag
	profile *Profile
}

// word returns the value of a flag, or "".
func (t *translation) word(name string) string { return strings.Join(t.given[name], " ") }

// when returns a word as the words of a setting, if a condition holds.
func when(condition bool, word string) []string {
	if condition {
		return []string{word}
	}
	return nil
}

func (t *translation) note(format string, args ...any) {
	t.profile.Notes = append(t.profile.Notes, fmt.Sprintf(format, args...))
}

// file returns the path of a new file with that text, or "" if there is no text.
func (t *translation) file(suffix, what, text string) string {
	if text == "" {
		return ""
	}
	path := filepath.Join(t.paths.Dir, FileName(t.user.Name)+suffix)
	t.profile.Files = append(t.profile.Files, File{path, what, strings.TrimSuffix(text, "\n") + "\n"})
	return path
}

// secretFile returns the path of a new file with a client secret, or "" if there is none.
func (t *translation) secretFile(name string) string {
	return t.file(".secret", "the client secret from the kubeconfig", t.word(name))
}

// FileName returns a file name for the name of a user. Different names have different file names
// on all file systems, also if they ignore case.
func FileName(user string) string {
	return regexp.MustCompile(`[^a-z0-9._@-]`).ReplaceAllStringFunc(user, func(letter string) string {
		return strings.ReplaceAll(fmt.Sprintf(" % X", letter), " ", "%")
	})
}
