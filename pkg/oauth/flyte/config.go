package flyte

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// Env is the part of the process's environment that the configuration depends on.
type Env struct {
	Environ []string // NAME=VALUE each, as [os.Environ] has them
	Home    string   // the user's home directory; empty: none
	Dir     string   // the working directory, absolute; empty: none
	// Endpoint is the endpoint that the user has named by other means; empty: none. It
	// decides between files, and a file in the working tree that names it is trusted with
	// the secrets that variables have.
	Endpoint string

	// ReadFile reads a file of at most so many bytes, and ReadSecret the file of a client
	// secret. If nil, only regular files are read, whatever their owner and mode are.
	ReadFile   func(path string, most int) ([]byte, error)
	ReadSecret func(path string, most int) ([]byte, error)
}

// absolute returns path as an absolute path, as Flyte's other clients read it: relative to
// the working directory, with ~ for the home directory.
func (w Env) absolute(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && w.Home != "" && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
		return filepath.Join(w.Home, rest)
	}
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(w.Dir, path)
}

// Source is what Flyte's clients read their configuration from: variables, an API key, or
// the first file with an endpoint, whose options variables override.
type Source struct {
	Endpoint      string // as written, without dns:///; empty if nothing names one
	Name          string // for messages: the variable or the file that names the endpoint
	File          string // the file that is used; empty: none
	InWorkingTree bool   // File is in the working tree and not the user's own: most of its options are ignored
	Missing       string // the first file that a variable names and that does not exist

	Warnings []string // problems that the user should know, one sentence each
	Notes    []string // details that explain the result

	*sourceData // a pointer, so that printing a Source prints no secret
}

// sourceData is the data that a Source was found in.
type sourceData struct {
	env    Env
	vars   environment
	values map[string]value // what the file says
	key    *apiKey
}

// FindSource finds the endpoint that Flyte's clients are configured for and the variable
// or file that names it. It does not read the other options, so that a call for another
// endpoint does not fail because one of them is wrong. An error names the wrong file or
// variable, and the line. Then File of the source is the wrong file.
func FindSource(w Env) (*Source, error) {
	s := &Source{sourceData: &sourceData{env: w, vars: newEnvironment(w.Environ)}}
	named, set, note := s.vars.option(optionEndpoint)
	s.note(note)
	key, err := s.vars.apiKey()
	if err != nil {
		return s, err
	}
	switch {
	case key != nil && (!named.isSet() || SameEndpoint(named.text, key.endpoint)):
		s.key, s.Endpoint, s.Name = key, key.endpoint, key.variable
		return s, nil
	case set && !named.isSet():
		s.note(named.name + " is set to an empty value, so the endpoints in files are ignored")
		return s, nil
	case key != nil:
		s.note(fmt.Sprintf("%s is for another endpoint than %s", key.variable, named.name))
	}
	if err := s.search(set); err != nil {
		return s, err
	}
	s.Name = s.File
	if set {
		s.Name = named.name
	} else {
		named = s.values[optionEndpoint]
	}
	s.Endpoint = cleanEndpoint(named.text)
	return s, nil
}

func cleanEndpoint(text string) string { return strings.TrimPrefix(strings.TrimSpace(text), "dns:///") }

// Untrusted reports whether only a file in the working tree, which the user need not have
// written, names the endpoint.
func (s *Source) Untrusted() bool {
	return s.InWorkingTree && s.Name == s.File && !(s.env.Endpoint != "" && SameEndpoint(s.env.Endpoint, s.Endpoint))
}

func (s *Source) note(text string) {
	if text != "" {
		s.Notes = append(s.Notes, text)
	}
}

// Config is the configuration of Flyte's clients for an endpoint. A field is empty if the
// option is not set or is ignored.
type Config struct {
	Insecure   *bool // without TLS; nil: not set
	SkipVerify *bool // do not verify the server's certificate; nil: not set
	CAFile     string
	HTTPProxy  string

	Grant    string // "auto", "device" or "client-credentials"
	AuthType string // the option that Grant is derived from, as written

	// Flyte's clients use the options of the client only with client credentials, and the
	// audience with a device code too. Otherwise they ask the server, and these are empty.
	ClientID, Audience    string
	SecretFile, SecretEnv string // the file or the variable that holds the secret

	Scopes         []string
	Command        []string // Flyte's clients run it for a token. It may start this program: never run it.
	ProxyCommand   []string
	DisableKeyring bool

	Ignored       []string // options that are ignored, because they or the endpoint come from a file in a working tree
	IgnoredSecret string   // the variable with the client secret, if it is among those; otherwise empty
	Notes         []string // details that explain the result

	secret    func() (oauth.Secret, error)
	locations map[string]string
}

// HasSecret reports whether a client secret is configured.
func (c *Config) HasSecret() bool { return c.secret != nil }

// Secret returns the client secret, or "" if none is configured. It reads the configured
// file or variable when it is called.
func (c *Config) Secret() (oauth.Secret, error) {
	if c.secret == nil {
		return "", nil
	}
	return c.secret()
}

// Location returns where an option is set, for messages: a variable, or a file, a line and
// a name. option is its name below admin: in a YAML file, such as caCertFilePath. Location
// returns "" if the option is not set or is ignored.
func (c *Config) Location(option string) string { return c.locations[option] }

// Config reads the configuration for the source's endpoint. An error names the wrong file
// or variable, and the line.
func (s *Source) Config() (*Config, error) {
	r := &reader{Source: s, c: &Config{locations: map[string]string{}}}
	r.network()
	if err := r.client(); err != nil {
		return nil, err
	}
	if err := r.commands(); err != nil {
		return nil, err
	}
	return r.c, nil
}
