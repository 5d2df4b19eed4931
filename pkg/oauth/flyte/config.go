package flyte

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// World is what configuration is read from, besides files.
type World struct {
	Environ []string // NAME=VALUE each, as [os.Environ] has them
	Home    string   // the person's home folder; empty: none
	Dir     string   // the working directory, absolute; empty: none
}

// absolute is a path as the other clients take it, who start at the working
// directory; and ~ is the home folder.
func (w World) absolute(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && w.Home != "" && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
		return filepath.Join(w.Home, rest)
	}
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(w.Dir, path)
}

// Source is where Flyte's clients have their configuration from: variables, or an
// API key, or the first file with an endpoint and variables over it.
type Source struct {
	Endpoint      string // as written, without dns:///; empty if nothing names one
	Name          string // for people: the variable or the file that names the endpoint
	File          string // the file that counts; empty for none
	InWorkingTree bool   // the file is not the person's own: little of it counts
	Missing       string // the file that a variable names first, if there is none

	Warnings []string // what the person should know, a sentence each
	Notes    []string // what helps to find out why it is so

	*origin // behind a pointer: whoever prints a Source prints no secret
}

// origin is all that a Source was found in.
type origin struct {
	world  World
	env    environment
	values map[string]value // what the file says
	key    *apiKey
}

// Find finds out which endpoint Flyte's clients are configured for, and by what. It
// looks at nothing else, so that a call for another endpoint does not fail for what
// is wrong with this one. An error says which file or variable is wrong, and where.
func Find(w World) (*Source, error) {
	s := &Source{origin: &origin{world: w, env: newEnvironment(w.Environ)}}
	named, set, note := s.env.option(optionEndpoint)
	s.note(note)
	key, err := s.env.apiKey()
	if err != nil {
		return s, err
	}
	switch {
	case key != nil && (!named.stated() || SameEndpoint(named.text, key.endpoint)):
		s.key, s.Endpoint, s.Name = key, key.endpoint, key.variable
		return s, nil
	case set && !named.stated():
		s.note(named.name + " is empty, so no file's endpoint counts")
		return s, nil
	case key != nil:
		s.note(fmt.Sprintf("%s is for another endpoint than %s", key.variable, named.name))
	}
	if err := s.search(); err != nil {
		return s, err
	}
	s.Name = s.File
	if set {
		s.Name = named.name
	} else {
		named = s.values[optionEndpoint]
	}
	s.Endpoint = strings.TrimPrefix(strings.TrimSpace(named.text), "dns:///")
	return s, nil
}

func (s *Source) note(text string) {
	if text != "" {
		s.Notes = append(s.Notes, text)
	}
}

// Config is what Flyte's clients are configured with for an endpoint, besides it. A
// field that is empty was not stated, or does not count.
type Config struct {
	Insecure   *bool // plaintext; nil: not stated
	SkipVerify *bool // do not check the server's certificate; nil: not stated
	CAFile     string
	HTTPProxy  string

	Grant    string // "auto", "device" or "client-credentials"
	AuthType string // what the grant follows from, as written

	// Of the client itself. Only for client credentials do Flyte's clients take it from
	// here, and the audience for a device code too. Otherwise they ask the server, and
	// these are empty.
	ClientID, Audience    string
	SecretFile, SecretEnv string // the file or the variable where Secret is from

	Scopes         []string
	Command        []string // Flyte's clients run it for a token. It may start this program: never run it.
	ProxyCommand   []string
	DisableKeyring bool

	Ignored []string // what a file in a working tree says, or variables beside one, and is not obeyed
	Notes   []string // what helps to find out why it is so

	secret func() (oauth.Secret, error)
	where  map[string]string
}

// Secret returns the client's secret, or nothing where none is stated. It is read
// only now, from the file or the variable that is named.
func (c *Config) Secret() (oauth.Secret, error) {
	if c.secret == nil {
		return "", nil
	}
	return c.secret()
}

// Where says for people where an option stands, such as a file, a line and a name.
// It knows the options by their names below admin: in a YAML file, such as
// caCertFilePath. It is empty for one that is not stated or does not count.
func (c *Config) Where(option string) string { return c.where[option] }

// Config reads the configuration for the source's endpoint. An error says which
// file or variable is wrong, and where.
func (s *Source) Config() (*Config, error) {
	r := &reader{Source: s, c: &Config{where: map[string]string{}}}
	r.network()
	if err := r.client(); err != nil {
		return nil, err
	}
	if err := r.commands(); err != nil {
		return nil, err
	}
	return r.c, nil
}
