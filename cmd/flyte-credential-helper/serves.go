package main

import (
	"cmp"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// served are hosts that a profile serves: to which its token goes, and how.
type served struct {
	pattern       execcred.Pattern
	username      string             // beside the token where it is a password; empty: the usual one
	scheme        execcred.GitScheme // empty: as the server offers
	identityToken bool               // docker's registry takes it as an identity token
}

// dockerUsername is the user name that docker is told.
func (s served) dockerUsername() string {
	if s.identityToken {
		return execcred.DockerIdentityToken
	}
	return s.username
}

// basicUsername is the user name that stands before the token.
func (s served) basicUsername() string { return cmp.Or(s.username, execcred.DefaultUsername) }

// servesText writes each of list as YAML.
func servesText(list []served) (words []string) {
	for _, s := range list {
		if s == (served{pattern: s.pattern}) {
			words = append(words, quoteYAML(s.pattern.String()))
			continue
		}
		word := "{host: " + quoteYAML(s.pattern.String())
		if s.username != "" {
			word += ", username: " + quoteYAML(s.username)
		}
		if s.scheme != "" {
			word += ", git-auth: " + string(s.scheme)
		}
		if s.identityToken {
			word += ", identity-token: true"
		}
		words = append(words, word+"}")
	}
	return words
}

// readServes reads a profile's serves: a list of hosts, each alone or with more.
func (c *config) readServes(n ast.Node) (list []served, err error) {
	if _, none := n.(*ast.NullNode); none {
		return nil, nil
	}
	items, ok := n.(*ast.SequenceNode)
	if !ok {
		return nil, c.wrong(n, "serves must be a list: serves: [git.example.com]")
	}
	for _, item := range items.Values {
		s, err := c.readServed(item)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func (c *config) readServed(n ast.Node) (s served, err error) {
	if host, ok := scalar(n); ok {
		s.pattern, err = c.pattern(n, host)
		return s, err
	}
	err = c.each(n, "an entry of serves", func(key string, at, value ast.Node) (err error) {
		word, ok := scalar(value)
		if !ok {
			return c.wrong(at, "serves: %s must be one value", key)
		}
		switch key {
		case "host":
			s.pattern, err = c.pattern(value, word)
		case "username":
			s.username = word
		case "git-auth":
			s.scheme = execcred.GitScheme(word)
			if schemes := []execcred.GitScheme{execcred.GitAuto, execcred.GitBearer, execcred.GitBasic}; !slices.Contains(schemes, s.scheme) {
				err = c.wrong(value, "git-auth must be one of auto, bearer, basic")
			}
		case "identity-token":
			if (boolValue{&s.identityToken}).Set(word) != nil {
				err = c.wrong(value, "identity-token must be true or false")
			}
		default:
			err = c.unknown(key, at, []string{"host", "username", "git-auth", "identity-token"})
		}
		return err
	})
	if err == nil && s.pattern == (execcred.Pattern{}) {
		err = c.wrong(n, "an entry of serves needs a host")
	}
	return s, err
}

func (c *config) pattern(n ast.Node, text string) (execcred.Pattern, error) {
	p, err := execcred.ParsePattern(text)
	if err != nil {
		return p, c.wrong(n, "serves: %v", err)
	}
	return p, nil
}

// serving finds the profile that serves a host for a user, who may be nobody; of
// several the first one by name. only is the one profile to look at; empty: all.
func (c *config) serving(host execcred.Host, username, only string) (profile string, how served, ok bool) {
	for _, name := range c.names() {
		if only != "" && name != only {
			continue
		}
		account := ""
		if v, found := c.profiles[name]["account"]; found {
			account = v.words[0]
		}
		for _, s := range c.serves[name] {
			if s.pattern.Matches(host) && (username == "" || username == s.basicUsername() || username == account) {
				return name, s, true
			}
		}
	}
	return "", served{}, false
}
