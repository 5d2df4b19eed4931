// Package config resolves the settings of one call: it reads the command line, the
// environment, the kubeconfig's cluster, the profiles, Flyte's own configuration and the
// presets, and says where each setting comes from.
package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
	"github.com/kballard/go-shellquote"
)

// Input is all that settings are resolved from.
type Input struct {
	CommandLine *CommandLine
	Environ     []string // NAME=VALUE each
	Home        string
	ConfigPaths []string // the user's file, then the machine's
	ReadFile    func(path string) ([]byte, error)
	// Flyte finds Flyte's own configuration. endpoint is the endpoint that the user has named
	// elsewhere, or empty. Nil: the command does not read that configuration.
	Flyte func(endpoint string) (*flyte.Source, error)
	// HasLogin reports whether a login to a Flyte endpoint is saved. Only an endpoint that the
	// user has named can have one.
	HasLogin func(endpoint string) bool
	// Cluster is what client-go says of the cluster.
	Cluster ClusterInfo

	// Profile is the profile to use, as if the command line named it; empty: the command
	// line's.
	Profile string
	// ServesHost says that Profile is the one that serves the host that the caller named:
	// only it says which token that is.
	ServesHost bool
	// CreatesProfile says that the command may make the profile that is named.
	CreatesProfile bool
	// TolerateBadConfig makes an error in the configuration file the BadConfig of the
	// result: the command works without the file.
	TolerateBadConfig bool

	// Args is the whole command line, and Command the words of the command that hints
	// repeat, after the program's name.
	Args, Command []string
}

// ClusterInfo is what client-go says of a kubeconfig's cluster. The zero value is a call
// without a cluster.
type ClusterInfo struct {
	Server     execcred.Host // the API server; zero if its URL is ambiguous
	SkipVerify bool          // the kubeconfig sets insecure-skip-tls-verify
	Config     []byte        // the cluster's extension for credential plugins, or empty
}

// Resolve returns the settings of one call. Those of the command line override those of the
// environment, the cluster, the profile, Flyte's configuration and the preset, in this order.
// The server is that of the highest level that names one. [naming] decides which settings are
// used for it. Resolve has no effect, and the same input gives the same result.
func Resolve(in Input) (*Resolved, error) {
	r := &resolver{Input: in, out: newResolved(), table: Table()}
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
	origin Origin
	values map[string]Value // by the names of the settings
}

// Value is the value of a setting in one place.
type Value struct {
	Words []string // one for a plain value; NAME=VALUE for a map
	where string   // the place, for messages
}

// word is the first word, or empty if there is none.
func (v Value) word() string {
	if len(v.Words) == 0 {
		return ""
	}
	return v.Words[0]
}

// server lists the settings of the level that name a server.
func (r *resolver) server(l level) (names []string) {
	for _, s := range r.table {
		if _, found := l.values[s.Name]; found && s.Kind == Server {
			names = append(names, s.Name)
		}
	}
	return names
}

// namesServer reports whether the level names a server.
func (r *resolver) namesServer(l level) bool { return len(r.server(l)) > 0 }

func (r *resolver) resolve() error {
	flags := r.commandLine()
	cluster, err := clusterLevel(r.Cluster.Config, r.table)
	if err != nil {
		return err
	}
	env, err := fromEnvironment(r.Environ, r.table)
	if err != nil {
		return err
	}
	r.addSecretVariables(flags, env)
	levels := []level{flags, env, cluster}
	if r.ServesHost { // the profile alone decides which token that is
		for _, s := range r.table {
			for _, l := range levels {
				if s.Name != "profile" && (s.Class == Public || s.Class == ServerBound) {
					delete(l.values, s.Name)
				}
			}
		}
	}
	if err := r.choose(levels, "profile", "provider"); err != nil {
		return err
	}
	named := slices.ContainsFunc(append(levels, presetLevel(r.out.Provider)), r.namesServer)
	profile, err := r.chooseProfile(named)
	if err != nil {
		return err
	}
	r.addSecretVariables(profile)
	levels = append(levels, profile)
	if err := r.choose(levels, "provider"); err != nil {
		return err
	}
	flyteLevel, flyteErr := r.flyteLevel(levels)
	levels = append(levels, flyteLevel, presetLevel(r.out.Provider))
	from := slices.IndexFunc(levels, r.namesServer)
	if from >= 0 {
		if err := r.oneServer(levels[from]); err != nil {
			return err
		}
		r.noServer = nil
	}
	if r.out.NoServer = cmp.Or(flyteErr, r.noServer); from < 0 && r.out.NoServer == nil {
		r.out.NoServer = r.unnamed()
	}
	return r.settle(levels, from)
}

// addSecretVariables adds the variables that levels name for a client secret.
func (r *resolver) addSecretVariables(levels ...level) {
	for _, l := range levels {
		if name := l.values["client-secret-env"].word(); name != "" {
			r.out.SecretVariables = append(r.out.SecretVariables, name)
		}
	}
}

// settle sets the settings of all levels. The server is that of the level from, or none if
// from is negative.
func (r *resolver) settle(levels []level, from int) error {
	n := anyServer()
	if from >= 0 {
		n = r.named(levels, from)
		r.out.ServerFrom = n.where
	}
	var kept []keptSetting
	for i, l := range levels {
		more, err := r.apply(l, n, func(s Setting) bool { return s.Kind != Server || i == from })
		if err != nil {
			return err
		}
		kept = append(kept, more...)
	}
	r.out.expand(r.Home)
	if err := cmp.Or(r.emptySetting(), r.settleEndpoint()); err != nil || from < 0 {
		return err
	}
	if !n.trusted {
		r.out.Untrusted = n.where
	}
	return r.keep(n, levels[from], kept)
}

// commandLine is the level of the command line. It has the profile that the caller of Resolve
// names.
func (r *resolver) commandLine() level {
	l := level{FromCommandLine, map[string]Value{}}
	for _, s := range r.table {
		if r.CommandLine.Sets(s.Name) {
			l.values[s.Name] = Value{s.words(&r.CommandLine.Settings), "--" + s.Name}
		}
	}
	if r.Profile != "" {
		l.values["profile"] = Value{[]string{r.Profile}, "--profile"}
	}
	return l
}

// choose settles the settings of these names, which select what else is read.
func (r *resolver) choose(levels []level, names ...string) error {
	for _, l := range levels {
		if _, err := r.apply(l, anyServer(), func(s Setting) bool { return slices.Contains(names, s.Name) }); err != nil {
			return err
		}
	}
	return nil
}

// apply sets those of the wanted settings that l has, that no higher level has set, and that
// may be used for the server that n names. It returns those that may not.
func (r *resolver) apply(l level, n naming, wanted func(Setting) bool) (kept []keptSetting, err error) {
	for _, row := range r.table {
		v, found := l.values[row.Name]
		if !found || !wanted(row) || r.out.IsSet(row.Name) {
			continue
		}
		if !n.uses(row.Class, l.origin) {
			kept = append(kept, keptSetting{row.Name, v, l.origin})
			continue
		}
		if err := row.set(&r.out.Settings, v.Words); err != nil {
			return nil, Errorf(r.out.repair(l.origin, v.where), "%s: %s", v.where, err)
		}
		r.out.origins[row.Name] = settingOrigin{l.origin, v.where}
	}
	return kept, nil
}

// fromEnvironment is the level of the variables. An empty one counts as not set; a setting
// that repeats has one value a line. It refuses a variable of ours that is no setting.
func fromEnvironment(environ []string, table []Setting) (level, error) {
	l := level{Environment, map[string]Value{}}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if value == "" || !strings.HasPrefix(name, variables) {
			continue
		}
		i := slices.IndexFunc(table, func(s Setting) bool { return Variable(s.Name) == name })
		if i < 0 {
			return level{}, unknownVariable(name, table)
		}
		words := []string{value}
		if _, ok := table[i].byDefault().(repeated); ok {
			words = strings.Split(strings.ReplaceAll(strings.TrimSpace(value), "\r\n", "\n"), "\n")
		}
		l.values[table[i].Name] = Value{words, name}
	}
	return l, nil
}

// CheckEnviron returns an error if variables, NAME=VALUE each, are no settings or have values that
// cannot be used.
func CheckEnviron(environ []string) error {
	l, err := fromEnvironment(environ, Table())
	if err != nil {
		return err
	}
	return l.check()
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
// names the server; otherwise the only one, or the one called default.
func (r *resolver) chooseProfile(serverNamed bool) (level, error) {
	nothing := level{FromProfile, nil}
	name := r.out.Settings.Profile
	if name == "" && serverNamed {
		return nothing, nil
	}
	tolerate := func(err error) (level, error) {
		if !r.TolerateBadConfig {
			return nothing, err
		}
		r.noServer, r.out.BadConfig = err, err
		return nothing, nil
	}
	file, err := ReadFiles(r.ConfigPaths, r.ReadFile)
	if err != nil {
		return tolerate(err)
	}
	skipped := false
	if name == "" {
		name, skipped = r.defaultProfile(file)
	}
	p, ok := file.Profiles[name]
	switch {
	case !ok && r.CreatesProfile && serverNamed:
		r.out.NewProfile = name
		return nothing, nil
	case !ok && name != "":
		return nothing, Errorf(r.otherProfile(file, name), "there is no profile %q in %s%s", name, file, file.listing())
	case !ok && len(file.Profiles) > 0 && !skipped:
		r.noServer = Errorf(Command(r.again("--profile", file.Names()[0])...), "no server configured: name a profile of %s%s", file, file.listing())
		return nothing, nil
	case !ok:
		return nothing, nil
	}
	if r.out.Origin("profile") == Cluster {
		if err := r.checkCluster(file, name); err != nil {
			return nothing, err
		}
	}
	r.out.ProfileFile = file.Source[name]
	l := level{FromProfile, p}
	if r.TolerateBadConfig { // else apply returns the error
		if err := l.check(); err != nil {
			return tolerate(err)
		}
	}
	r.out.ProfileInUse = name
	return l, nil
}

// defaultProfile returns the profile that is used if none is named, or "". The profiles of the
// user's file have precedence. skipped says that only the endpoint of Flyte's configuration
// could be meant.
func (r *resolver) defaultProfile(file *File) (name string, skipped bool) {
	own := file.namesIn(file.Path)
	name, skipped = r.defaultOf(file, own)
	if name == "" && len(own) < len(file.Profiles) {
		return r.defaultOf(file, file.Names())
	}
	return name, skipped
}

// defaultOf returns the one of names that is used if none is named, or "". A command that
// reads Flyte's configuration skips a profile that serves hosts if another profile or an
// endpoint of that configuration could be meant: it would send the token of a git server to
// Flyte.
func (r *resolver) defaultOf(file *File, names []string) (name string, skipped bool) {
	if r.Flyte != nil {
		plain := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return len(file.Serves[name]) > 0 })
		switch {
		case len(plain) > 0:
			names = plain
		case r.flyteNamesEndpoint():
			return "", true
		case len(names) > 1:
			return "", false
		}
	}
	if len(names) == 1 {
		return names[0], false
	}
	if slices.Contains(names, "default") {
		return "default", false
	}
	return "", false
}

// flyteNamesEndpoint reports whether Flyte's own configuration could name an endpoint. If it
// cannot be read, it could.
func (r *resolver) flyteNamesEndpoint() bool {
	source, err := r.Flyte("")
	return err != nil || source.Endpoint != ""
}

// check returns an error if a setting cannot take what the level says.
func (l level) check() error {
	r := &resolver{out: newResolved(), table: Table()}
	if err := r.oneServer(l); err != nil {
		return err
	}
	_, err := r.apply(l, anyServer(), func(Setting) bool { return true })
	return err
}

// otherProfile is the hint for a profile that does not exist: to name one that does.
func (r *resolver) otherProfile(file *File, name string) Hint {
	names := file.Names()
	other := closest(name, names)
	if other == "" && len(names) > 0 {
		other = names[0]
	}
	fromVariable := r.out.Origin("profile") == Environment
	switch {
	case fromVariable && other == "":
		return Command("unset", Variable("profile"))
	case fromVariable:
		return Shell("export %s=%s", Variable("profile"), shellquote.Join(other))
	}
	for i, word := range r.Args {
		before, isValue := strings.CutSuffix(word, name)
		if other != "" && isValue && (before == "--profile=" || before == "" && i > 0 && r.Args[i-1] == "--profile") {
			return Command(slices.Concat([]string{Program}, r.Args[1:i], []string{before + other}, r.Args[i+1:])...)
		}
	}
	return Edit(cmp.Or(file.Path, r.ConfigPaths[0])) // the name comes from another program's configuration, or there are no profiles
}

// unnamed is the error if no server is configured, with a command that names one.
func (r *resolver) unnamed() error {
	words := append([]string{Program}, r.Command...)
	if r.Command == nil {
		words = append(words, "login")
	}
	again := func(more ...string) Hint { return Command(append(words, more...)...) }
	s := r.out
	switch {
	case s.Provider != "":
		return Errorf(again("--provider", s.Provider, "--issuer", presets()[s.Provider].issuerForm, "--client-id", "ID"), "no server configured: --provider %s also needs --issuer", s.Provider)
	case s.ProfileInUse != "":
		return Errorf(Edit(s.ProfileFile), "profile %s names no server: it needs endpoint, issuer, or auth-endpoint and token-endpoint", s.ProfileInUse)
	case r.Flyte != nil:
		return Errorf(again("--endpoint", "flyte.example.com"), "no server configured: set --endpoint or --issuer, or name a profile")
	}
	return Errorf(again("--issuer", "https://login.example.com", "--client-id", "ID"), "no server configured: set --issuer or --endpoint, or name a profile")
}

// oneServer refuses a level that names two servers: an issuer beside anything else.
// Explicit endpoints may stand beside a Flyte endpoint.
func (r *resolver) oneServer(l level) error {
	names := r.server(l)
	issuer, found := l.values["issuer"]
	if !found || len(names) < 2 {
		return nil
	}
	other := names[0]
	if other == "issuer" {
		other = names[1]
	}
	return Errorf(r.out.repair(l.origin, l.values[other].where), "%s and %s name two servers: give one", issuer.where, l.values[other].where)
}

// emptySetting is the error of a setting that names a server or a profile and is empty.
func (r *resolver) emptySetting() error {
	for _, row := range r.table {
		if (row.Kind == Server || row.Kind == Selector) && r.out.IsSet(row.Name) && row.value(&r.out.Settings).String() == "" {
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
