// Package kubelogin translates a kubeconfig user that runs int128/kubelogin or Azure/kubelogin
// into a profile of this program.
package kubelogin

import (
	"fmt"
	"path/filepath"
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
	args := u.Args
	if args[0] == "oidc-login" {
		args = args[1:]
	}
	t := &translation{user: u, paths: p, flags: pflag.NewFlagSet("kubelogin", pflag.ContinueOnError), profile: Profile{Profile: config.Profile{}}}
	t.flags.Usage = func() {}
	translate := t.int128
	if isAzure(args) {
		translate = t.azure
	}
	if err := translate(args); err != nil {
		return nil, err
	}
	return &t.profile, nil
}

// isAzure reports whether flags are those of Azure/kubelogin.
func isAzure(args []string) bool {
	return !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--oidc-") })
}

// translation is one call of [Translate].
type translation struct {
	user    User
	paths   Paths
	flags   *pflag.FlagSet
	profile Profile
}

// flags are flags of one kind.
type flags struct {
	kind    kind
	names   string // NAME, NAME=DEFAULT or NAME,LETTER=DEFAULT, with blanks between them
	dropped string // why they have no setting here; empty: they have one, or nothing is lost
}

type kind int

const (
	word kind = iota
	boolean
	list  // with commas, and repeated
	array // repeated
	pairs
)

// add makes f know the flags.
func (all flags) add(f *pflag.FlagSet) {
	for name := range strings.FieldsSeq(all.names) {
		name, usual, _ := strings.Cut(name, "=")
		name, letter, _ := strings.Cut(name, ",")
		switch all.kind {
		case word:
			f.StringP(name, letter, usual, "")
		case boolean:
			f.Bool(name, false, "")
		case list:
			f.StringSlice(name, strings.FieldsFunc(usual, func(r rune) bool { return r == ',' }), "")
		case array:
			f.StringArray(name, nil, "")
		case pairs:
			f.StringToString(name, nil, "")
		}
	}
}

// parse parses the arguments of get-token. Flags may be before the verb.
func (t *translation) parse(args []string, table []flags) error {
	t.flags.StringP("v", "v", "", "")
	for _, row := range table {
		row.add(t.flags)
	}
	if err := t.flags.Parse(args); err != nil {
		return &UnsupportedError{err.Error()}
	}
	if words := t.flags.Args(); !slices.Equal(words, []string{"get-token"}) {
		return &UnsupportedError{fmt.Sprintf("unknown arguments %q", words)}
	}
	for _, row := range table {
		for name := range strings.FieldsSeq(row.names) {
			if row.dropped != "" && t.flags.Changed(name) {
				t.note("--%s is not carried over: %s", name, row.dropped)
			}
		}
	}
	return nil
}

// word returns the value of a flag.
func (t *translation) word(name string) string { return t.flags.Lookup(name).Value.String() }

func (t *translation) bool(name string) bool { return t.word(name) == "true" }

func (t *translation) list(name string) []string {
	return t.flags.Lookup(name).Value.(pflag.SliceValue).GetSlice()
}

func (t *translation) pairs(name string) []string {
	all, _ := t.flags.GetStringToString(name)
	return config.Pairs(all)
}

func (t *translation) note(format string, args ...any) {
	t.profile.Notes = append(t.profile.Notes, fmt.Sprintf(format, args...))
}

// set sets a setting, unless there is no value.
func (t *translation) set(setting string, words ...string) {
	if len(words) > 0 && words[0] != "" {
		t.profile.Profile[setting] = config.Value{Words: words}
	}
}

func (t *translation) setIf(condition bool, setting, word string) {
	if condition {
		t.set(setting, word)
	}
}

// file sets a setting to a file with that text.
func (t *translation) file(setting, suffix, what, text string) {
	path := filepath.Join(t.paths.Dir, FileName(t.user.Name)+suffix)
	t.profile.Files = append(t.profile.Files, File{path, what, text})
	t.set(setting, path)
}

// secret writes a client secret, if there is one, to a file.
func (t *translation) secret(text string) {
	if text != "" {
		t.file("client-secret-file", ".secret", "the client secret from the kubeconfig", text+"\n")
	}
}

// FileName returns a file name for the name of a user. Different names have different file names
// on all file systems, also if they ignore case.
func FileName(user string) string {
	var b strings.Builder
	for _, c := range []byte(user) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("._-@", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
