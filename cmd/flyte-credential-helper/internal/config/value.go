package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
)

// Each type below is a pflag.Value.

// repeated is a value that holds several values: a flag that is given again adds to them, and a
// level that sets them replaces them whole.
type repeated interface {
	Clear()
	words() []string // as a flag takes them
}

type textValue struct {
	p    *string
	name string // what --help calls the value
}

func (v textValue) Set(s string) error { *v.p = s; return nil }
func (v textValue) String() string     { return *v.p }
func (v textValue) Type() string       { return v.name }

// OneOf is one text of a list.
type OneOf struct {
	Text *string
	List []string
}

// Set implements [pflag.Value].
func (v OneOf) Set(s string) error {
	if !slices.Contains(v.List, s) {
		return fmt.Errorf("must be one of %s", strings.Join(v.List, ", "))
	}
	*v.Text = s
	return nil
}

func (v OneOf) String() string { return *v.Text }

// Type implements [pflag.Value].
func (v OneOf) Type() string { return strings.Join(v.List, "|") }

type boolValue struct{ p *bool }

func (v boolValue) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("must be true or false")
	}
	*v.p = b
	return nil
}
func (v boolValue) String() string { return strconv.FormatBool(*v.p) }
func (v boolValue) Type() string   { return "bool" }

// durationValue is a duration that is not less than least.
type durationValue struct {
	p     *time.Duration
	least time.Duration
}

func (v durationValue) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < v.least {
		return fmt.Errorf("must be a duration such as 90s or 2m")
	}
	*v.p = d
	return nil
}
func (v durationValue) String() string { return v.p.String() }
func (v durationValue) Type() string   { return "DURATION" }

type listValue struct {
	p    *[]string
	name string
}

func (v listValue) Set(s string) error { *v.p = append(*v.p, s); return nil }
func (v listValue) Clear()             { *v.p = nil }
func (v listValue) words() []string    { return *v.p }
func (v listValue) String() string     { return strings.Join(*v.p, " ") }
func (v listValue) Type() string       { return v.name }

type portsValue struct{ p *[]int }

func (v portsValue) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("must be a port, from 1 to 65535")
	}
	*v.p = append(*v.p, int(n))
	return nil
}
func (v portsValue) Clear()          { *v.p = nil }
func (v portsValue) words() []string { return strings.Fields(v.String()) }
func (v portsValue) String() string  { return strings.Trim(fmt.Sprint(*v.p), "[]") }
func (v portsValue) Type() string    { return "PORT" }

type mapValue struct{ p *map[string]string }

func (v mapValue) Set(s string) error {
	name, value, found := strings.Cut(s, "=")
	if !found || name == "" {
		return fmt.Errorf("must be NAME=VALUE")
	}
	if value == mask {
		return fmt.Errorf("%s: put the value in place of %s, which hides it in messages", name, mask)
	}
	*v.p = maps.Clone(*v.p)
	if *v.p == nil {
		*v.p = map[string]string{}
	}
	(*v.p)[name] = value
	return nil
}
func (v mapValue) Clear()          { *v.p = nil }
func (v mapValue) words() []string { return Pairs(*v.p) }
func (v mapValue) String() string  { return strings.Join(v.words(), " ") }
func (v mapValue) Type() string    { return "NAME=VALUE" }

// Pairs are the NAME=VALUE of m, sorted.
func Pairs(m map[string]string) (pairs []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, name+"="+m[name])
	}
	return pairs
}

// commandValue is a command and its arguments in a shell's quoting.
type commandValue struct{ p *[]string }

func (v commandValue) Set(s string) error {
	words, err := shellquote.Split(s)
	if err != nil {
		return fmt.Errorf("must be a command: %w", err)
	}
	*v.p = words
	return nil
}
func (v commandValue) String() string { return shellquote.Join(*v.p...) }
func (v commandValue) Type() string   { return "COMMAND" }
