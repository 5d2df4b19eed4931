package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Resolved are the settings that count for one call, with the origin of each.
type Resolved struct {
	Settings
	// ProfileInUse is the name of the profile that settings come from; empty: none.
	ProfileInUse string
	// ProfileFile is the file that has it, or the profile that cannot be used.
	ProfileFile string
	// NewProfile is the name that the command line gives to a profile that the command
	// makes; empty: it gives none.
	NewProfile string
	// NoServer says why no server is known; nil: one is.
	NoServer error
	// BadConfig is the error of the configuration file, which is not used; nil: there is none.
	BadConfig error
	// ServerFrom is the place that names the server: a flag, a variable, or a line of a file.
	ServerFrom string
	// Untrusted is the place that names the server, if the user did not write it for this
	// program: a kubeconfig's cluster, or a file of Flyte's clients in a working tree. Empty:
	// the user has named the server.
	Untrusted string
	// Flyte is what Flyte's own configuration adds; nil: it does not count.
	Flyte *Flyte
	// SecretVariables are the variables that some level names for a client secret, used or not.
	SecretVariables []string
	// Warnings say what was not used, and why. Notes do the same for a user who debugs.
	Warnings, Notes []string

	origins map[string]settingOrigin // by the settings' names
}

// newResolved returns the default settings.
func newResolved() *Resolved {
	return &Resolved{Settings: defaults(), origins: map[string]settingOrigin{}}
}

// Flyte is what Flyte's own configuration says besides settings.
type Flyte struct {
	Source    string                       // the file or variable
	Plaintext string                       // the file or variable that says that the endpoint has no TLS; empty: none does
	Client    string                       // the client whose secret it has
	Secret    func() (oauth.Secret, error) // reads that secret; nil: there is none, or it is for another server
	// SecretEnv is the variable with that secret; empty: another place has it.
	SecretEnv string
	// IgnoredSecret is the variable with the client secret that is not read, because only a
	// file in a working tree names the endpoint.
	IgnoredSecret string

	origin Origin
}

// Origin is the level that a setting comes from.
type Origin int

// The levels, the highest last.
const (
	Default Origin = iota
	Preset
	FlyteTree // Flyte's file in the working tree
	FlyteHome // Flyte's file at home, or its variables
	FromProfile
	Cluster // the extension of a kubeconfig's cluster
	Environment
	FromCommandLine
)

type settingOrigin struct {
	origin Origin
	where  string
}

// Origin returns the level that a setting comes from.
func (r *Resolved) Origin(name string) Origin { return r.origins[name].origin }

// Where returns the flag, the variable or the line of a file that has the setting, or "".
func (r *Resolved) Where(name string) string { return r.origins[name].where }

// Repair is the hint for the value of a setting that cannot be used: to remove the variable, or to
// change the file of the profile.
func (r *Resolved) Repair(name string) Hint { return r.repair(r.Origin(name), r.Where(name)) }

func (r *Resolved) repair(origin Origin, where string) Hint {
	switch {
	case origin == Environment:
		return Command("unset", where)
	case origin == FromProfile && r.ProfileFile != "":
		return Edit(r.ProfileFile)
	}
	return Hint{}
}

// IsSet reports whether some level sets the setting.
func (r *Resolved) IsSet(name string) bool { return r.Origin(name) != Default }

// IsGiven reports whether the setting comes from the command line, the environment or the
// cluster: a hint repeats it, because the command would not find it otherwise.
func (r *Resolved) IsGiven(name string) bool { return r.Origin(name) >= Cluster }

// Given are the settings of the command line that say which login it is.
func (r *Resolved) Given() []string { return r.namesFrom(FromCommandLine) }

// Inherited are those of the environment and the cluster.
func (r *Resolved) Inherited() []string {
	return append(r.namesFrom(Environment), r.namesFrom(Cluster)...)
}

func (r *Resolved) namesFrom(origin Origin) (names []string) {
	for _, row := range Table() {
		if row.Kind != PerCall && r.Origin(row.Name) == origin {
			names = append(names, row.Name)
		}
	}
	return names
}

// GivenFlags are the flags of the command line that say which login it is.
func (r *Resolved) GivenFlags() (words []string) {
	for _, name := range r.Given() {
		words = append(words, r.Flag(name)...)
	}
	return words
}

// Flag writes a setting as a command line could.
func (r *Resolved) Flag(name string) (words []string) {
	s := row(name)
	if v, ok := s.value(&r.Settings).(boolValue); ok {
		return []string{"--" + name + "=" + v.String()}
	}
	for _, word := range s.words(&r.Settings) {
		if name == "endpoint" && r.Flyte != nil && r.Flyte.Plaintext != "" && !strings.Contains(word, "://") {
			word = "https://" + word // a bare host would be plaintext
		}
		words = append(words, "--"+name, word)
	}
	return words
}

// NamedInWorkingTree returns the file in the working tree that names the endpoint, or "" if the
// user has named it. No login starts to such an endpoint.
func (r *Resolved) NamedInWorkingTree() string {
	if r.Origin("endpoint") != FlyteTree {
		return ""
	}
	return r.Untrusted
}

// With returns r with another value of a setting.
func (r *Resolved) With(name string, values ...string) *Resolved {
	copied := *r
	if err := row(name).set(&copied.Settings, values); err != nil {
		panic(err) // the values are this program's, or parts of values that were accepted
	}
	return &copied
}

// Server is the name of the server in messages.
func (r *Resolved) Server() string {
	return cmp.Or(r.Endpoint, r.Issuer, r.AuthEndpoint, r.TokenEndpoint)
}

// Discovers reports whether a Flyte endpoint says how to log in. Explicit endpoints beside
// it replace that.
func (r *Resolved) Discovers() bool {
	return r.Endpoint != "" && r.AuthEndpoint == "" && r.TokenEndpoint == "" && r.DeviceEndpoint == "" && r.RevocationEndpoint == ""
}

// IsMachine reports whether the login needs no user.
func (r *Resolved) IsMachine() bool { return r.Grant == string(oauth.GrantClientCredentials) }

// Kind is the token that the settings want; instead of auto it is auto's.
func (r *Resolved) Kind(auto oauth.Kind) oauth.Kind {
	if r.TokenKind == string(oauth.Auto) {
		return auto
	}
	return oauth.Kind(r.TokenKind)
}

// WriteIdentity writes the settings that say which login it is: one that a server refused
// may work after a change of them.
func (r *Resolved) WriteIdentity(w io.Writer) {
	for _, s := range Table() {
		if s.Kind != PerCall {
			_, _ = fmt.Fprintln(w, s.Name, s.value(&r.Settings))
		}
	}
}

// AsProfile is what the command line and the environment say of the login, as a profile.
// absolute resolves a path, which in a profile would start at the configuration's folder.
func (r *Resolved) AsProfile(absolute func(path string) string) Profile {
	p := Profile{}
	for _, name := range slices.Concat(r.Given(), r.Inherited()) {
		s := row(name)
		if s.Kind == Selector {
			continue
		}
		words := s.words(&r.Settings)
		if s.Kind == Path && len(words) == 1 {
			words = []string{absolute(words[0])}
		}
		p[name] = Value{Words: words}
	}
	return p
}

// GitUsername is the user name that git sends with a token to servers of the provider, or
// empty.
func (r *Resolved) GitUsername() string { return presets()[r.Provider].gitUsername }
