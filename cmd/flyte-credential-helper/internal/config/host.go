package config

import (
	"cmp"
	"slices"

	"github.com/goccy/go-yaml/ast"

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
	if _, none := n.(*ast.NullNode); none {
		return nil, nil
	}
	items, ok := n.(*ast.SequenceNode)
	if !ok {
		return nil, f.wrong(n, "serves must be a list: serves: [git.example.com]")
	}
	for _, item := range items.Values {
		s, err := f.readServed(item)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func (f *File) readServed(n ast.Node) (s HostEntry, err error) {
	if host, ok := edit.Scalar(n); ok {
		s.Pattern, err = f.pattern(n, host)
		return s, err
	}
	err = f.each(n, "an entry of serves", func(key string, at, value ast.Node) (err error) {
		word, ok := edit.Scalar(value)
		if !ok {
			return f.wrong(at, "serves: %s must be one value", key)
		}
		switch key {
		case "host":
			s.Pattern, err = f.pattern(value, word)
		case "username":
			s.Username = word
		case "git-auth":
			s.Scheme = execcred.GitScheme(word)
			if schemes := []execcred.GitScheme{execcred.GitAuto, execcred.GitBearer, execcred.GitBasic}; !slices.Contains(schemes, s.Scheme) {
				err = f.wrong(value, "git-auth must be one of auto, bearer, basic")
			}
		case "identity-token":
			if (boolValue{&s.IdentityToken}).Set(word) != nil {
				err = f.wrong(value, "identity-token must be true or false")
			}
		default:
			err = f.unknown(key, at, []string{"host", "username", "git-auth", "identity-token"})
		}
		return err
	})
	if err == nil && s.Pattern == (execcred.Pattern{}) {
		err = f.wrong(n, "an entry of serves needs a host")
	}
	return s, err
}

func (f *File) pattern(n ast.Node, text string) (execcred.Pattern, error) {
	p, err := execcred.ParsePattern(text)
	if err != nil {
		return p, f.wrong(n, "serves: %v", err)
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
		account := ""
		if v, found := f.Profiles[name]["account"]; found {
			account = v.Words[0]
		}
		for _, s := range f.Serves[name] {
			if s.Pattern.Matches(host) && (username == "" || username == s.BasicUsername() || username == account) {
				return name, s, true
			}
		}
	}
	return "", HostEntry{}, false
}
