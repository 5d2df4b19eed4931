package config

import (
	"cmp"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/spf13/pflag"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// HostEntry is an entry of a profile's serves: the hosts that its token goes to, and how.
type HostEntry struct {
	Pattern       execcred.Pattern
	Username      string             // beside a token that is sent as a password; empty: the usual one
	Scheme        execcred.GitScheme // empty: the one that the server offers
	IdentityToken bool               // docker's registry takes the token as an identity token
}

// DockerUsername is the user name that docker is told.
func (s HostEntry) DockerUsername() string {
	if s.IdentityToken {
		return execcred.DockerIdentityToken
	}
	return s.Username
}

// BasicUsername is the user name of HTTP Basic, whose password is the token.
func (s HostEntry) BasicUsername() string { return cmp.Or(s.Username, execcred.DefaultUsername) }

// ServesText writes each of list as YAML.
func ServesText(list []HostEntry) (words []string) {
	for _, s := range list {
		if s == (HostEntry{Pattern: s.Pattern}) {
			words = append(words, edit.Quote(s.Pattern.String()))
			continue
		}
		word := "{host: " + edit.Quote(s.Pattern.String())
		if s.Username != "" {
			word += ", username: " + edit.Quote(s.Username)
		}
		if s.Scheme != "" {
			word += ", git-auth: " + string(s.Scheme)
		}
		if s.IdentityToken {
			word += ", identity-token: true"
		}
		words = append(words, word+"}")
	}
	return words
}

// readServes reads a profile's serves: a list of hosts, each alone or with more.
func (f *File) readServes(n ast.Node) (list []HostEntry, err error) {
	if isNull(n) {
		return nil, nil
	}
	err = f.list(n, "serves", "git.example.com", func(item ast.Node) error {
		s, err := f.readServed(item)
		list = append(list, s)
		return err
	})
	return list, err
}

func (f *File) readServed(n ast.Node) (s HostEntry, err error) {
	host, at, scheme := "", n, ""
	if word, ok := edit.Scalar(n); ok {
		host = word
	} else {
		keys := []string{"host", "username", "git-auth", "identity-token"}
		values := []pflag.Value{
			textValue{&host, ""}, textValue{&s.Username, ""}, OneOf{&scheme, []string{"auto", "bearer", "basic"}}, boolValue{&s.IdentityToken},
		}
		err = f.each(n, "an entry of serves", func(key string, keyAt, value ast.Node) error {
			i := slices.Index(keys, key)
			if i < 0 {
				return f.unknown(key, keyAt, keys)
			}
			word, err := f.scalar(value, keyAt, "serves: "+key)
			if err != nil {
				return err
			}
			if err := values[i].Set(word); err != nil {
				return f.wrong(value, "%s %v", key, err)
			}
			if key == "host" {
				at = value
			}
			return nil
		})
		s.Scheme = execcred.GitScheme(scheme)
		if err == nil && host == "" {
			err = f.wrong(n, "an entry of serves needs a host")
		}
	}
	if err == nil {
		s.Pattern, err = f.pattern(at, "serves", host)
	}
	return s, err
}

// pattern reads the hosts of a list, which messages call by its key.
func (f *File) pattern(at ast.Node, key, text string) (execcred.Pattern, error) {
	p, err := execcred.ParsePattern(text)
	if err != nil {
		return p, f.wrong(at, "%s: %v", key, err)
	}
	return p, nil
}

// ProfileForHost finds the profile that serves a host for a user, who may be empty; of
// several the first one of the user's file, then by name. only is the one profile to look at;
// empty: all.
func (f *File) ProfileForHost(host execcred.Host, username, only string) (profile string, entry HostEntry, ok bool) {
	var names []string
	for _, path := range f.Paths {
		names = append(names, f.namesIn(path)...)
	}
	for _, name := range names {
		if only != "" && name != only {
			continue
		}
		account := f.Profiles[name]["account"].word()
		for _, s := range f.Serves[name] {
			if s.Pattern.Matches(host) && (username == "" || username == s.BasicUsername() || username == account) {
				return name, s, true
			}
		}
	}
	return "", HostEntry{}, false
}
