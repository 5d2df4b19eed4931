package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
)

// String returns the origin as it is shown.
func (o Origin) String() string {
	return []string{"default", "preset", "Flyte's file in the working tree", "Flyte's file", "profile", "cluster", "environment", "command line"}[o]
}

// Described is a setting as it is shown: without the values of headers and parameters, the
// arguments of commands and the users and queries of URLs.
type Described struct {
	Name, Value string
	Origin      Origin
}

// Describe returns the settings that some level sets.
func (r *Resolved) Describe() (list []Described) {
	for _, s := range Table() {
		if !r.IsSet(s.Name) {
			continue
		}
		var shown []string
		for _, word := range s.words(&r.Settings) {
			shown = append(shown, s.masked(word))
		}
		list = append(list, Described{s.Name, strings.Join(shown, " "), r.Origin(s.Name)})
	}
	return list
}

// masked returns a value of the setting without what may be secret in it.
func (s Setting) masked(word string) string {
	_, command := s.byDefault().(commandValue)
	switch {
	case isMasked(s.Name):
		return withoutValue(word)
	case command:
		words, err := shellquote.Split(word)
		if err != nil || len(words) < 2 {
			return word
		}
		return shellquote.Join(words[0]) + " " + mask
	}
	return MaskURL(word)
}

// MaskURL returns an address without its user and without the values of its query. Other
// words stay as they are.
func MaskURL(word string) string {
	u, err := url.Parse(word)
	switch {
	case err != nil && strings.ContainsAny(word, "@?"):
		return mask
	case err != nil || u.User == nil && u.RawQuery == "":
		return word
	}
	u.User = nil
	var names []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if pair != "" {
			names = append(names, withoutValue(pair))
		}
	}
	u.RawQuery = strings.Join(slices.Compact(names), "&")
	return u.String()
}
