package doctor

import (
	"cmp"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
	"github.com/kballard/go-shellquote"
)

// known is a value, or why it is not known.
type known[T any] struct {
	value T
	err   error
}

func know[T any](value T, err error) known[T] { return known[T]{value, err} }

// configuration is what files, variables and the command line say.
type configuration struct {
	profiles known[*config.File]
	host     known[*servedHost] // nil: the caller names none
	plugins  known[[]setup.KubePlugin]
	current  *setup.KubePlugin // the current context; nil: it does not run this program
	settings known[*config.Resolved]
	flyte    known[*flyte.Source] // nil: the caller does not read Flyte's configuration
}

func readConfiguration(s Subject) configuration {
	profiles := know(config.ReadFiles(s.Input.ConfigPaths, s.Input.ReadFile))
	host := know(findHost(s, profiles))
	plugins := know(setup.KubePlugins(s.Env))
	var current *setup.KubePlugin
	if i := slices.IndexFunc(plugins.value, func(p setup.KubePlugin) bool { return p.Current }); i >= 0 {
		current = &plugins.value[i]
	}
	settings := know(resolve(s, host, current))
	source := known[*flyte.Source]{}
	if s.Input.Flyte != nil {
		source = know(s.Input.Flyte(endpointOf(settings.value)))
	}
	return configuration{profiles, host, plugins, current, settings, source}
}

// resolve returns the settings that the caller uses.
func resolve(s Subject, host known[*servedHost], current *setup.KubePlugin) (_ *config.Resolved, err error) {
	in := s.Input
	switch {
	case host.err != nil:
		return nil, host.err
	case host.value != nil:
		in.Profile, in.ServesHost = host.value.profile, true
	case in.CommandLine.NamesServer() || in.CommandLine.Settings.Profile != "":
	case s.Caller == "kubernetes" && current != nil:
		if in, err = current.Input(in); err != nil {
			return nil, err
		}
	case s.Caller == "token":
		in.CommandLine = flyteCommand(in)
	}
	return config.Resolve(in)
}

// flyteCommand is the command line with which Flyte's clients run this program or, if they do not,
// that of this call.
func flyteCommand(in config.Input) *config.CommandLine {
	source, err := in.Flyte("")
	if err != nil || source.Endpoint == "" {
		return in.CommandLine
	}
	clients, err := source.Config()
	if err != nil || len(clients.Command) < 2 || !setup.IsOurs(clients.Command[0]) || clients.Command[1] != "token" {
		return in.CommandLine
	}
	flags := config.NewFlags(config.Every)
	flags.ParseErrorsAllowlist.UnknownFlags = true // the flags of token are no settings
	if flags.Parse(clients.Command[2:]) != nil {
		return in.CommandLine
	}
	return flags.CommandLine()
}

// endpointOf returns the Flyte endpoint of the settings, or "".
func endpointOf(r *config.Resolved) string {
	if r == nil {
		return ""
	}
	return r.Endpoint
}

// isBroken reports whether no server is known because a file cannot be used, which
// checkFiles, checkFlyteFiles or checkSettings has told.
func (c configuration) isBroken() bool {
	r := c.settings.value
	return r != nil && r.NoServer != nil && (c.profiles.err != nil || c.flyte.err != nil || r.BadConfig != nil && errors.Is(r.NoServer, r.BadConfig))
}

// setUp returns the command that sets up a caller again, with a profile if one is in use.
func (c configuration) setUp(words ...string) config.Hint {
	words = append([]string{config.Program, "setup"}, words...)
	if r := c.settings.value; r != nil && r.ProfileInUse != "" {
		words = append(words, "--profile", r.ProfileInUse)
	}
	return config.Command(words...)
}

// servedHost is a host that a caller names, and the profile that serves it.
type servedHost struct {
	host    execcred.Host
	url     *url.URL // without user
	profile string
	entry   config.HostEntry
}

// findHost finds the profile for the host of the command line. It returns nil if the caller
// names no host.
func findHost(s Subject, profiles known[*config.File]) (*servedHost, error) {
	if s.Address == "" || s.Caller != "" && !namesHost(s.Caller) {
		return nil, nil
	}
	u, host, err := parseAddress(login.WithScheme(s.Address))
	if err = cmp.Or(err, profiles.err); err != nil {
		return nil, err
	}
	profile, entry, found := profiles.value.ProfileForHost(host, "", s.Input.CommandLine.Settings.Profile)
	if !found {
		fix := config.Command(config.Program, "setup", cmp.Or(s.Caller, "git"), host.Pattern().String(), "--issuer", "https://login.example.com", "--client-id", "ID")
		return nil, config.Errorf(fix, "no profile serves %s: callers get no token for it", host)
	}
	return &servedHost{host, u, profile, entry}, nil
}

// parseAddress returns a URL without its user, and its host.
func parseAddress(address string) (u *url.URL, host execcred.Host, err error) {
	if u, err = url.Parse(address); err != nil || u.Host == "" {
		return nil, host, config.Errorf(config.Inspect(config.Program, "doctor", "--help"), "%s is not a host or URL", config.MaskURL(address))
	}
	u.User = nil
	if host, err = execcred.ParseHost(u.Scheme, u.Host); err != nil {
		err = config.Errorf(config.Inspect(config.Program, "doctor", "--help"), "%v", err)
	}
	return u, host, err
}

// checkProgram names the program, and tells if PATH leads to another one.
func checkProgram(s Subject) []Finding {
	self, _ := s.Env.Executable() // then isThis is true
	f := ok("%s, %s/%s, %s", s.Version, runtime.GOOS, runtime.GOARCH, self)
	found, missing := exec.LookPath(config.Program)
	switch {
	case missing != nil:
		f = f.warning("PATH does not lead to "+config.Program+": callers find it only by its whole path", config.Shell(`export PATH="$PATH":%s`, shellquote.Join(filepath.Dir(self))))
	case !isThis(s.Env, found):
		f = f.warning("PATH leads to another program of this name: "+found, config.Inspect(found, "version"))
	}
	return []Finding{f}
}

// isThis reports whether a file is this program. If the system cannot say, it is.
func isThis(env system.Env, path string) bool {
	self, err := env.Executable()
	return err != nil || system.SameFile(path, self)
}

// checkFiles reads the configuration files, in the order in which their settings count.
func checkFiles(s Subject) (all []Finding) {
	for i, path := range s.Input.ConfigPaths {
		_, missing := os.Stat(path)
		if i > 0 && errors.Is(missing, fs.ErrNotExist) {
			continue // most machines have no such file
		}
		file, err := config.ReadFile(path, s.Input.ReadFile)
		switch {
		case err != nil:
			all = append(all, ok("%s", path).failure(err.Error(), fileHint(s, err, path)))
		case len(file.Profiles) > 0:
			all = append(all, ok("%s: profiles %s", path, strings.Join(file.Names(), ", ")))
		default:
			all = append(all, ok("%s: none", path))
		}
		if _, err := os.Lstat(path); err == nil && errors.Is(missing, fs.ErrNotExist) {
			all = append(all, ok("not used").warning(path+" is a link to a file that does not exist", config.Inspect("ls", "-l", path)))
		}
		if missing == nil && !system.KeepsModes(path) {
			all = append(all, ok("not checked").at("configuration owner").warning("the file system of "+path+" keeps no owners: another user may have written it", config.Hint{}))
		}
	}
	return all
}

// fileHint returns the hint for an error about a file: to look at a file that cannot be read, or
// to change it, if there is no better.
func fileHint(s Subject, err error, path string) config.Hint {
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return orElse(s.Hint(err), config.Inspect("ls", "-ld", failed.Path))
	}
	return orElse(s.Hint(err), config.Edit(path))
}

// checkFlyteFiles tells what Flyte's other clients are configured with.
func checkFlyteFiles(s Subject, c configuration) []Finding {
	source, err, r := c.flyte.value, c.flyte.err, c.settings.value
	switch {
	case err != nil && r != nil && r.NoServer == nil:
		return []Finding{ok("not used: %v", err)}
	case err != nil:
		fix := config.Hint{}
		if r != nil {
			fix = s.Hint(r.NoServer) // it is of the same cause
		}
		if source != nil && source.File != "" {
			fix = orElse(fix, fileHint(s, err, source.File))
		}
		return []Finding{ok("not usable").failure(err.Error(), fix)}
	case source.Endpoint == "":
		return []Finding{ok("none")}
	}
	f := ok("%s: endpoint %s", source.Name, config.MaskURL(source.Endpoint))
	if len(source.Warnings) > 0 {
		f = f.warning(strings.Join(source.Warnings, "; "), config.Hint{})
	}
	return []Finding{f}
}

// checkHost tells which profile serves the host of the command line.
func checkHost(s Subject, c configuration) []Finding {
	h, err := c.host.value, c.host.err
	switch {
	case err != nil:
		return []Finding{ok("%s", config.MaskURL(s.Address)).failure(err.Error(), s.Hint(err))}
	case h == nil:
		return nil
	}
	return []Finding{ok("%s is served by profile %s (%s)", h.host, h.profile, h.entry.Pattern)}
}

// checkSettings lists the settings that count, with the origin of each.
func checkSettings(s Subject, c configuration) (all []Finding) {
	r, err := c.settings.value, c.settings.err
	if err != nil {
		return []Finding{ok("not usable").failure(err.Error(), s.Hint(err))}
	}
	if r.ProfileInUse != "" && !r.IsSet("profile") {
		all = append(all, ok("profile %s", r.ProfileInUse))
	}
	for _, set := range r.Describe() {
		all = append(all, ok("%s %s (%s)", set.Name, set.Value, set.Origin))
	}
	if len(all) == 0 {
		all = append(all, ok("none"))
	}
	switch {
	case r.BadConfig == nil || c.profiles.err != nil: // checkFiles has told it
	case errors.Is(r.NoServer, r.BadConfig): // a value of the profile
		all = append(all, ok("profile not usable").failure(r.BadConfig.Error(), config.Edit(r.ProfileFile)))
	default:
		all = append(all, ok("not used").warning(r.BadConfig.Error(), config.Hint{}))
	}
	for _, words := range r.Warnings {
		all = append(all, ok("not used").warning(words, config.Hint{}))
	}
	return all
}

// checkServer names the server of the login.
func checkServer(s Subject, c configuration, a account) []Finding {
	err := a.settings.NoServer
	switch {
	case err != nil && s.Caller == "" && len(c.profiles.value.Names()) > 1: // each caller has one of its own
		return []Finding{ok("none, without --profile").warning("there are several profiles, and none is named", a.hint(err))}
	case err != nil:
		return []Finding{ok("none").failure(err.Error(), a.hint(err))}
	}
	f := ok("%s", config.MaskURL(a.settings.Server()))
	if a.err != nil {
		f = f.failure(a.err.Error(), a.hint(a.err))
	}
	return []Finding{f}
}
