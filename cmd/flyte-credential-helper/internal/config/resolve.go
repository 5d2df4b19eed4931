// Package config resolves the settings of one call: it reads the command line, the
// environment, the kubeconfig's cluster, the profiles, Flyte's own configuration and the
// presets, and says where each setting comes from.
package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// Input is all that settings are resolved from.
type Input struct {
	CommandLine *CommandLine
	Environ     []string // NAME=VALUE each
	Home        string
	ConfigPath  string
	ReadFile    func(path string) ([]byte, error)
	// Flyte finds Flyte's own configuration. Nil: it does not count for this command.
	Flyte func() (*flyte.Source, error)
	// Cluster is the config of a kubeconfig's cluster, or empty.
	Cluster []byte

	// Profile is the profile to use, as if the command line named it; empty: the command
	// line's.
	Profile string
	// ServesHost says that Profile is the one that serves the host that the caller named:
	// only it says which token that is.
	ServesHost bool
	// CreatesProfile says that the command may make the profile that is named.
	CreatesProfile bool
	// TolerateBadConfig makes an error in the configuration file a warning: the command
	// works without the file.
	TolerateBadConfig bool

	// Args is the whole command line, and Command the words of the command that hints
	// repeat, after the program's name.
	Args, Command []string
}

// Resolve returns the settings that count: those of the command line before those of the
// environment, the cluster, the profile, Flyte's configuration and the preset, and the
// server from the highest level that names one. It has no effect, and the same input gives
// the same result.
func Resolve(in Input) (*Resolved, error) {
	r := &resolver{Input: in, out: &Resolved{Settings: in.CommandLine.settings}, table: Table()}
	if err := r.resolve(); err != nil {
		return nil, err
	}
	return r.out, nil
}

// resolver holds the state of one Resolve.
type resolver struct {
	Input
	out      *Resolved
	table    []Setting
	noServer error // why none is named, if there is more to say than that
}

// level is one place that can have settings.
type level struct {
	name   string
	origin Origin
	// value returns a setting's words, and where they are.
	value func(s Setting) (words []string, where string, found bool)
}

// names reports whether the level names a server.
func (l level) names(table []Setting) bool {
	return slices.ContainsFunc(table, func(s Setting) bool {
		if s.Kind != Server {
			return false
		}
		_, _, found := l.value(s)
		return found
	})
}

// without is l without the settings of these names.
func (l level) without(names []string) level {
	return level{l.name, l.origin, func(s Setting) ([]string, string, bool) {
		if slices.Contains(names, s.Name) {
			return nil, "", false
		}
		return l.value(s)
	}}
}

// empty is a level without settings.
func empty(name string, origin Origin) level {
	return level{name, origin, func(Setting) ([]string, string, bool) { return nil, "", false }}
}

func (r *resolver) resolve() error {
	flags := r.commandLine()
	cluster, err := clusterLevel(r.Cluster, r.table)
	if err != nil {
		return err
	}
	env, err := fromEnvironment(r.Environ, r.table)
	if err != nil {
		return err
	}
	if r.ServesHost {
		env, cluster = env.without(ofCluster()), empty("the cluster", Cluster)
	}
	levels := []level{flags, env, cluster}
	if err := r.choose(levels, "profile", "provider"); err != nil {
		return err
	}
	named := presetLevel(r.out.Provider).names(r.table) || slices.ContainsFunc(levels, func(l level) bool { return l.names(r.table) })
	profile, err := r.chooseProfile(named)
	if err != nil {
		return err
	}
	levels = append(levels, profile)
	if err := r.choose(levels, "provider"); err != nil {
		return err
	}
	flyteLevel, flyteErr := r.flyteLevel(levels)
	levels = append(levels, flyteLevel, presetLevel(r.out.Provider))
	from := slices.IndexFunc(levels, func(l level) bool { return l.names(r.table) })
	if from >= 0 {
		if err := oneServer(levels[from], r.table); err != nil {
			return err
		}
		r.noServer = nil
	}
	if r.out.NoServer = cmp.Or(flyteErr, r.noServer); from < 0 && r.out.NoServer == nil {
		r.out.NoServer = r.unnamed()
	}
	for i, l := range levels[1:] {
		if err := r.apply(l, func(s Setting) bool { return s.Kind != Server || i+1 == from }); err != nil {
			return err
		}
	}
	r.out.expand(r.Home)
	return cmp.Or(r.emptyServer(), r.settleEndpoint())
}

// commandLine is the level of the command line, whose values are set already.
func (r *resolver) commandLine() level {
	set := r.CommandLine.set
	if r.Profile != "" {
		r.out.Settings.Profile = r.Profile
		if !slices.Contains(set, "profile") {
			set = append(slices.Clone(set), "profile")
		}
	}
	for _, name := range set {
		r.out.origins = append(r.out.origins, settingOrigin{name, FromCommandLine})
	}
	return level{"the command line", FromCommandLine, func(s Setting) ([]string, string, bool) {
		if !slices.Contains(set, s.Name) {
			return nil, "", false
		}
		return nil, "--" + s.Name, true
	}}
}

// choose settles the settings of these names, which say what else is read.
func (r *resolver) choose(levels []level, names ...string) error {
	for _, l := range levels[1:] {
		if err := r.apply(l, func(s Setting) bool { return slices.Contains(names, s.Name) }); err != nil {
			return err
		}
	}
	return nil
}

// apply sets what l says and no higher level has said, of the settings wanted.
func (r *resolver) apply(l level, wanted func(Setting) bool) error {
	for _, row := range r.table {
		if !wanted(row) || r.out.IsSet(row.Name) {
			continue
		}
		words, where, found := l.value(row)
		if !found {
			continue
		}
		if err := row.set(&r.out.Settings, words); err != nil {
			return Errorf(Hint{}, "%s: %s", where, err)
		}
		r.out.origins = append(r.out.origins, settingOrigin{row.Name, l.origin})
	}
	return nil
}

// fromEnvironment is the level of the variables. An empty one counts as not set; a setting
// that repeats has one value a line. It refuses a variable of ours that is no setting.
func fromEnvironment(environ []string, table []Setting) (level, error) {
	set := map[string]string{} // by the setting's name
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, variables)
		if value == "" || !ours {
			continue
		}
		meant := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if Variable(meant) != name || !slices.ContainsFunc(table, func(s Setting) bool { return s.Name == meant }) {
			return level{}, unknownVariable(name, table)
		}
		set[meant] = value
	}
	return level{"the environment", Environment, func(s Setting) ([]string, string, bool) {
		text, found := set[s.Name]
		if !found {
			return nil, "", false
		}
		if !s.repeats() {
			return []string{text}, Variable(s.Name), true
		}
		return strings.Split(strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n"), "\n"), Variable(s.Name), true
	}}, nil
}

// unknownVariable does not repeat the variable's value, which may be anything.
func unknownVariable(name string, table []Setting) error {
	var names []string
	for _, s := range table {
		names = append(names, Variable(s.Name))
	}
	return Errorf(Command("unset", name), "there is no setting %s%s", name, Suggestion(name, names))
}

// chooseProfile finds the profile to use: the one that is named; none if a higher level
// names the server; else the only one, or the one called default.
func (r *resolver) chooseProfile(serverNamed bool) (level, error) {
	nothing := empty("no profile", FromProfile)
	name := r.out.Settings.Profile
	if name == "" && serverNamed {
		return nothing, nil
	}
	tolerate := func(err error) (level, error) {
		if !r.TolerateBadConfig {
			return nothing, err
		}
		r.noServer, r.out.Warnings = err, append(r.out.Warnings, err.Error())
		return nothing, nil
	}
	file, err := ReadFile(r.ConfigPath, r.ReadFile)
	if err != nil {
		return tolerate(err)
	}
	if name == "" && len(file.Profiles) == 1 {
		name = file.Names()[0]
	}
	if _, ok := file.Profiles["default"]; ok && name == "" {
		name = "default"
	}
	p, ok := file.Profiles[name]
	switch {
	case !ok && r.CreatesProfile && serverNamed:
		r.out.NewProfile = name
		return nothing, nil
	case !ok && name != "":
		return nothing, Errorf(Hint{}, "there is no profile %q in %s%s", name, file.Path, listing(file.Names()))
	case !ok && len(file.Profiles) > 0:
		again := append(append([]string{Program}, r.Args[1:]...), "--profile", file.Names()[0])
		r.noServer = Errorf(Command(again...), "which server? Name a profile of %s%s", file.Path, listing(file.Names()))
		return nothing, nil
	case !ok:
		return nothing, nil
	}
	l := p.level("profile "+name, FromProfile, file.Path)
	if r.TolerateBadConfig { // else apply returns the error
		if err := l.check(); err != nil {
			return tolerate(err)
		}
	}
	r.out.ProfileInUse = name
	return l, nil
}

// check returns an error if a setting cannot take what the level says.
func (l level) check() error {
	r := &resolver{out: &Resolved{Settings: defaults()}, table: Table()}
	if err := oneServer(l, r.table); err != nil {
		return err
	}
	return r.apply(l, func(Setting) bool { return true })
}

func listing(names []string) string {
	if len(names) == 0 {
		return ", which has none"
	}
	return ", which has " + strings.Join(names, ", ")
}

// unnamed asks for the server, with the command that would name it.
func (r *resolver) unnamed() error {
	words := append([]string{Program}, r.Command...)
	if r.Command == nil {
		words = append(words, "login")
	}
	again := func(more ...string) Hint { return Command(append(words, more...)...) }
	s := r.out
	switch {
	case s.Provider != "":
		return Errorf(again("--provider", s.Provider, "--issuer", presetOf(s.Provider).issuerForm, "--client-id", "ID"), "which server? There are many of the kind %s", s.Provider)
	case s.ProfileInUse != "":
		return Errorf(Hint{}, "profile %s names no server: it needs endpoint, issuer, or auth-endpoint and token-endpoint", s.ProfileInUse)
	case r.Flyte != nil:
		return Errorf(again("--endpoint", "flyte.example.com"), "which server? Nothing names a Flyte endpoint or an issuer")
	}
	return Errorf(again("--issuer", "https://login.example.com", "--client-id", "ID"), "which server? Nothing names an issuer or a Flyte endpoint")
}

// oneServer refuses a level that names two servers: an issuer beside anything else.
// Explicit endpoints may stand beside a Flyte endpoint.
func oneServer(l level, table []Setting) error {
	issuer, other := "", ""
	for _, s := range table {
		_, where, ok := l.value(s)
		switch {
		case s.Kind != Server || !ok:
		case s.Name == "issuer":
			issuer = where
		case other == "":
			other = where
		}
	}
	if issuer != "" && other != "" {
		return Errorf(Hint{}, "%s and %s name two servers: give one", issuer, other)
	}
	return nil
}

// emptyServer is the error of a setting that names a server and is empty.
func (r *resolver) emptyServer() error {
	for _, row := range r.table {
		if row.Kind == Server && r.out.IsSet(row.Name) && row.value(&r.out.Settings).String() == "" {
			return Errorf(Hint{}, "--%s is empty", row.Name)
		}
	}
	return nil
}

// expand replaces a leading ~ of paths by the home directory.
func (s *Settings) expand(home string) {
	for _, p := range []*string{&s.ClientSecretFile, &s.SuccessPage, &s.FailurePage, &s.CAFile} {
		if *p == "~" || strings.HasPrefix(*p, "~/") {
			*p = filepath.Join(home, (*p)[1:])
		}
	}
}
