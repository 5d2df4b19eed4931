package config

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

// ProfileText writes a profile as YAML, indented by indent blanks.
func ProfileText(name string, p Profile, indent int) string {
	margin := strings.Repeat(" ", indent)
	text := margin + edit.Quote(name) + ":\n"
	for _, key := range profileKeys() {
		if v, found := p[key]; found {
			text += margin + "  " + key + ": " + v.text(key) + "\n"
		}
	}
	return text
}

// ProfileLine is the line of a profile that has a setting.
func (r *Resolved) ProfileLine(name string) string {
	return name + ": " + Value{Words: row(name).words(&r.Settings)}.text(name)
}

// profileKeys are the keys of a profile in the order in which they are written.
func profileKeys() (keys []string) {
	for _, s := range Table() {
		keys = append(keys, s.Name)
	}
	return append(keys, "serves", "clusters")
}

// text writes the value of a profile's key as YAML.
func (v Value) text(key string) string {
	if key == "serves" || key == "clusters" {
		return "[" + strings.Join(v.Words, ", ") + "]"
	}
	switch row(key).byDefault().(type) {
	case mapValue:
		var pairs []string
		for _, word := range v.Words {
			name, value, _ := strings.Cut(word, "=")
			pairs = append(pairs, edit.Quote(name)+": "+edit.Quote(value))
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	case portsValue:
		return "[" + strings.Join(v.Words, ", ") + "]"
	case listValue:
		return edit.QuoteList(v.Words)
	}
	return edit.Quote(v.Words[0])
}

// Shown returns p for a message: without the values of headers and parameters, and without
// the user part of URLs.
func (p Profile) Shown() Profile {
	shown := Profile{}
	for name, v := range p {
		v.Words = slices.Clone(v.Words)
		for i, word := range v.Words {
			if isMasked(name) {
				v.Words[i] = withoutValue(word)
			} else {
				v.Words[i] = withoutUser(word)
			}
		}
		shown[name] = v
	}
	return shown
}

// WithProfile returns the text of f with a profile added, or with other settings of a profile. It
// changes nothing else: not the hosts of a profile that is there.
func (f *File) WithProfile(text []byte, name string, p Profile) (after []byte, err error) {
	set := func(value *string, key ...string) {
		if err == nil {
			text, err = edit.YAML{}.Set(context.Background(), text, append([]string{"profiles", name}, key...), value)
		}
	}
	old, found := f.Profiles[name]
	if !found {
		_, body, _ := strings.Cut(strings.TrimSuffix(ProfileText(name, p, 0), "\n"), "\n")
		body = "\n" + body
		set(&body)
	}
	for _, s := range Table() {
		v, wanted := p[s.Name]
		switch {
		case !found || slices.Equal(old[s.Name].Words, v.Words):
		case wanted:
			value := v.text(s.Name)
			set(&value, s.Name)
		default:
			set(nil, s.Name)
		}
	}
	if err != nil {
		return nil, Errorf(Hint{}, "%s cannot be edited: %v: add this by hand under profiles: %s", f.Path, err, strings.TrimSpace(ProfileText(name, p.Shown(), 0)))
	}
	return text, nil
}

// Same reports whether two profiles have the same settings.
func (p Profile) Same(other Profile) bool {
	return maps.EqualFunc(p, other, func(a, b Value) bool { return slices.Equal(a.Words, b.Words) })
}
