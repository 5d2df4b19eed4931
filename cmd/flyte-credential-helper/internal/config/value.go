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

// Each type below is a pflag.Value. Those that also have Replace hold several
// values: a flag that is given again adds to them, a level that sets them
// replaces them whole.

type textValue struct {
	p    *string
	name string // what --help calls the value
}

func (v textValue) Set(s string) error { *v.p = s; return nil }
func (v textValue) String() string     { return *v.p }
func (v textValue) Type() string       { return v.name }

// oneOf is one text of a list.
type oneOf struct {
	p    *string
	list []string
}

func (v oneOf) Set(s string) error {
	if !slices.Contains(v.list, s) {
		return fmt.Errorf("must be one of %s", strings.Join(v.list, ", "))
	}
	*v.p = s
	return nil
}
func (v oneOf) String() string { return *v.p }
func (v oneOf) Type() string   { return strings.Join(v.list, "|") }

type boolValue struct{ p *bool }

func (v boolValue) Set(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("must be true or false")
	}
	*v.p = b
	return nil
}
func (v boolValue) String() string   { return strconv.FormatBool(*v.p) }
func (v boolValue) Type() string     { return "bool" }
func (v boolValue) IsBoolFlag() bool { return true }

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

func (v listValue) Set(s string) error          { *v.p = append(*v.p, s); return nil }
func (v listValue) Replace(list []string) error { *v.p = list; return nil }
func (v listValue) String() string              { return strings.Join(*v.p, " ") }
func (v listValue) Type() string                { return v.name }

type portsValue struct{ p *[]int }

func (v portsValue) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("must be a port, from 1 to 65535")
	}
	*v.p = append(*v.p, int(n))
	return nil
}

func (v portsValue) Replace(list []string) error {
	*v.p = nil
	for _, s := range list {
		if err := v.Set(s); err != nil {
			return err
		}
	}
	return nil
}

func (v portsValue) String() string {
	words := make([]string, len(*v.p))
	for i, n := range *v.p {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, " ")
}

func (v portsValue) Type() string { return "PORT" }

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

func (v mapValue) Replace(list []string) error {
	*v.p = nil
	for _, s := range list {
		if err := v.Set(s); err != nil {
			return err
		}
	}
	return nil
}

func (v mapValue) pairs() (pairs []string) {
	for _, name := range slices.Sorted(maps.Keys(*v.p)) {
		pairs = append(pairs, name+"="+(*v.p)[name])
	}
	return pairs
}
func (v mapValue) String() string { return strings.Join(v.pairs(), " ") }
func (v mapValue) Type() string   { return "NAME=VALUE" }

// commandValue is a command and its arguments: one string in a shell's quoting,
// or one word each.
type commandValue struct{ p *[]string }

func (v commandValue) Set(s string) error {
	words, err := shellquote.Split(s)
	if err != nil {
		return fmt.Errorf("must be a command: %w", err)
	}
	*v.p = words
	return nil
}
func (v commandValue) Replace(list []string) error {
	if len(list) == 1 {
		return v.Set(list[0])
	}
	*v.p = list
	return nil
}
func (v commandValue) String() string { return shellquote.Join(*v.p...) }
func (v commandValue) Type() string   { return "COMMAND" }

// Pairs are the NAME=VALUE of m, sorted.
func Pairs(m map[string]string) []string { return mapValue{&m}.pairs() }
