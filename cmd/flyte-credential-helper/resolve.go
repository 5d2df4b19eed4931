package main

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"
)

// level is one place where settings may stand.
type level struct {
	name string
	// value returns a setting's words, and where they stand.
	value func(s setting) (words []string, where string, found bool)
}

// names reports whether the level says which server to use.
func (l level) names(table []setting) bool {
	return slices.ContainsFunc(table, func(s setting) bool {
		if s.kind != server {
			return false
		}
		_, _, found := l.value(s)
		return found
	})
}

// without is l without the settings of these names.
func (l level) without(names []string) level {
	return level{l.name, func(s setting) ([]string, string, bool) {
		if slices.Contains(names, s.name) {
			return nil, "", false
		}
		return l.value(s)
	}}
}

// variables is how the names of our variables begin.
const variables = "FLYTE_CREDENTIAL_HELPER_"

// variable is the name of a setting in the environment.
func variable(name string) string {
	return variables + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// resolve completes what the command line says: environment over the cluster's
// settings over profile over Flyte's configuration over preset, the server from
// the highest level that names one. It returns the name of the profile in use.
func resolve(w world, s *settings, table []setting, cluster level) (string, error) {
	for _, row := range table {
		if slices.Contains(s.said, row.name) && row.kind != passing {
			s.given = append(s.given, row.name)
		}
	}
	flagged := slices.Clip(s.said)
	s.flagged = flagged
	flag := level{"the command line", func(s setting) ([]string, string, bool) { return nil, "--" + s.name, slices.Contains(flagged, s.name) }}
	env, err := fromEnvironment(w, table)
	if err != nil {
		return "", err
	}
	if s.bound {
		env, cluster = env.without(ofCluster()), profile{}.level("the cluster", "")
	}
	levels := []level{flag, env, cluster}
	if err := s.choose(levels, table, "profile", "provider"); err != nil {
		return "", err
	}
	named := presetLevel(s.provider).names(table) || slices.ContainsFunc(levels, func(l level) bool { return l.names(table) })
	name, prof, err := chooseProfile(w, s, table, named)
	if err != nil {
		return "", err
	}
	levels = append(levels, prof)
	if err := s.choose(levels, table, "provider"); err != nil {
		return "", err
	}
	levels = append(levels, s.flyteLevel(w, levels, table), presetLevel(s.provider))
	from := slices.IndexFunc(levels, func(l level) bool { return l.names(table) })
	if from >= 0 {
		if err := oneServer(levels[from], table); err != nil {
			return "", err
		}
		s.undecided = nil
	}
	s.nameless = from < 0
	s.undecided = cmp.Or(s.broken, s.undecided)
	s.inherit(levels[1:3], table, from-1)
	for i, l := range levels[1:] {
		if err := s.apply(l, table, func(s setting) bool { return s.kind != server || i+1 == from }); err != nil {
			return "", err
		}
	}
	s.expand(w)
	return name, cmp.Or(s.emptyServer(table), s.settleEndpoint())
}

// choose settles the settings of these names, which say what else is read.
func (s *settings) choose(levels []level, table []setting, names ...string) error {
	for _, l := range levels[1:] {
		if err := s.apply(l, table, func(s setting) bool { return slices.Contains(names, s.name) }); err != nil {
			return err
		}
	}
	return nil
}

// inherit notes which settings come from around the command line, for hints that
// work elsewhere too. The server is that of one level.
func (s *settings) inherit(levels []level, table []setting, named int) {
	for i, l := range levels {
		for _, row := range table {
			_, _, found := l.value(row)
			if found && !slices.Contains(append(s.given, s.inherited...), row.name) && row.kind != passing && (row.kind != server || i == named) {
				s.inherited = append(s.inherited, row.name)
			}
		}
	}
}

// apply sets what l says and no higher level has said, of the settings wanted.
func (s *settings) apply(l level, table []setting, wanted func(setting) bool) error {
	for _, row := range table {
		if !wanted(row) || slices.Contains(s.said, row.name) {
			continue
		}
		words, where, found := l.value(row)
		if !found {
			continue
		}
		var err error
		if r, ok := row.value.(interface{ Replace([]string) error }); ok {
			err = r.Replace(words)
		} else {
			err = row.value.Set(words[0])
		}
		if err != nil {
			return usage("", "%s: %s", where, err)
		}
		s.said = append(s.said, row.name)
	}
	return nil
}

// fromEnvironment is the level of the variables. An empty one counts as not set; what
// repeats is one value a line. It refuses a variable of ours that is no setting.
func fromEnvironment(w world, table []setting) (level, error) {
	set := map[string]string{} // by the setting's name
	for _, pair := range w.environ() {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, variables)
		if value == "" || !ours {
			continue
		}
		meant := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if variable(meant) != name || !slices.ContainsFunc(table, func(s setting) bool { return s.name == meant }) {
			return level{}, unknownVariable(name, table)
		}
		set[meant] = value
	}
	return level{"the environment", func(s setting) ([]string, string, bool) {
		text, found := set[s.name]
		if !found {
			return nil, "", false
		}
		if _, ok := s.value.(interface{ Replace([]string) error }); !ok {
			return []string{text}, variable(s.name), true
		}
		return strings.Split(strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n"), "\n"), variable(s.name), true
	}}, nil
}

// unknownVariable does not repeat the variable's value, which may be anything.
func unknownVariable(name string, table []setting) error {
	var names []string
	for _, s := range table {
		names = append(names, variable(s.name))
	}
	return usage("unset "+name, "there is no setting %s%s", name, suggestion(name, names))
}

// chooseProfile finds the profile to use: the one that is named, none where the
// server is named otherwise, else the only one or the one called default.
func chooseProfile(w world, s *settings, table []setting, serverNamed bool) (string, level, error) {
	nothing := profile{}.level("no profile", "")
	if s.profile == "" && serverNamed {
		return "", nothing, nil
	}
	pass := func(err error) (string, level, error) {
		if !s.lenient {
			return "", nothing, err
		}
		s.undecided, s.warnings = err, append(s.warnings, err.Error())
		return "", nothing, nil
	}
	c, err := readConfig(w.configPath(), table)
	if err != nil {
		return pass(err)
	}
	name := s.profile
	if name == "" && len(c.profiles) == 1 {
		name = c.names()[0]
	}
	if _, ok := c.profiles["default"]; ok && name == "" {
		name = "default"
	}
	p, ok := c.profiles[name]
	switch {
	case !ok && s.makes && serverNamed:
		s.newProfile = name
		return "", nothing, nil
	case !ok && name != "":
		return "", nothing, usage("", "there is no profile %q in %s%s", name, c.path, listing(c.names()))
	case !ok && len(c.profiles) > 0:
		s.undecided = usage(pasted(append([]string{program}, append(w.args[1:], "--profile", c.names()[0])...)), "which server? Name a profile of %s%s", c.path, listing(c.names()))
		return "", nothing, nil
	case !ok:
		return "", nothing, nil
	}
	l := p.level("profile "+name, c.path)
	if s.lenient { // else apply says so
		if err := l.wrong(); err != nil {
			return pass(err)
		}
	}
	return name, l, nil
}

// wrong is what no setting can be made of.
func (l level) wrong() error {
	s := newSettings()
	table := s.table()
	if err := oneServer(l, table); err != nil {
		return err
	}
	return s.apply(l, table, func(setting) bool { return true })
}

func listing(names []string) string {
	if len(names) == 0 {
		return ", which has none"
	}
	return ", which has " + strings.Join(names, ", ")
}

// noServer asks for the server, with the command that would name it.
func (c *call) noServer() error {
	command := program + " login"
	if c.verb != nil {
		command = program + " " + shellquote.Join(c.verb...)
	}
	switch {
	case c.provider != "":
		return usage(command+" --provider "+c.provider+" --issuer "+presetOf(c.provider).issuerForm+" --client-id ID", "which server? There are many of the kind %s", c.provider)
	case c.profile != "":
		return usage("", "profile %s names no server: it needs endpoint, issuer, or auth-endpoint and token-endpoint", c.profile)
	case c.ofFlyte:
		return usage(command+" --endpoint flyte.example.com", "which server? Nothing names a Flyte endpoint or an issuer")
	}
	return usage(command+" --issuer https://login.example.com --client-id ID", "which server? Nothing names an issuer or a Flyte endpoint")
}

// oneServer refuses a level that names two servers: an issuer beside anything else.
// Explicit endpoints may stand beside a Flyte endpoint.
func oneServer(l level, table []setting) error {
	issuer, other := "", ""
	for _, s := range table {
		_, where, ok := l.value(s)
		switch {
		case s.kind != server || !ok:
		case s.name == "issuer":
			issuer = where
		case other == "":
			other = where
		}
	}
	if issuer != "" && other != "" {
		return usage("", "%s and %s name two servers: give one", issuer, other)
	}
	return nil
}

// emptyServer is an error where a setting that names a server is there, and empty.
func (s *settings) emptyServer(table []setting) error {
	for _, row := range table {
		if row.kind == server && slices.Contains(s.said, row.name) && row.value.String() == "" {
			return usage("", "--%s is empty", row.name)
		}
	}
	return nil
}

// expand finishes the paths: a leading ~ is the home directory.
func (s *settings) expand(w world) {
	for _, p := range []*string{&s.clientSecretFile, &s.successPage, &s.failurePage, &s.caFile} {
		if *p == "~" || strings.HasPrefix(*p, "~/") {
			*p = filepath.Join(w.home, (*p)[1:])
		}
	}
}
