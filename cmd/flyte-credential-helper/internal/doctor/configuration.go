package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// checkVersion names the program, and tells if PATH leads to another one.
func checkVersion(_ context.Context, e *examination) []Finding {
	self, err := e.Env.Executable()
	f := ok("version", "%s, %s/%s, %s", e.Version, runtime.GOOS, runtime.GOARCH, self)
	found, missing := exec.LookPath(config.Program)
	switch {
	case err != nil:
	case missing != nil:
		f = f.warning("PATH does not lead to "+config.Program+": callers find it only by its whole path", config.Text("add the directory of %s to PATH", self))
	case !system.SameFile(found, self):
		f = f.warning("PATH leads to another program of this name: "+found, config.Command(found, "version"))
	}
	return []Finding{f}
}

// checkConfiguration reads the configuration files, in the order in which their settings
// count.
func checkConfiguration(_ context.Context, e *examination) (all []Finding) {
	for i, path := range e.Input.ConfigPaths {
		_, missing := os.Stat(path)
		if i > 0 && errors.Is(missing, fs.ErrNotExist) {
			continue // most machines have no such file
		}
		all = append(all, e.profiles(path))
		if missing == nil && !system.KeepsModes(path) {
			all = append(all, ok("configuration owner", "not checked").warning("the file system of "+path+" keeps no owners: another user may have written it", config.Hint{}))
		}
	}
	if e.Input.Flyte != nil {
		all = append(all, e.flyteFiles())
	}
	return all
}

// profiles tells the profiles of a configuration file.
func (e *examination) profiles(path string) Finding {
	file, err := config.ReadFile(path, e.Input.ReadFile)
	switch {
	case err != nil:
		return ok("configuration", "%s", path).failure(err.Error(), e.fileHint(err, path))
	case len(file.Profiles) > 0:
		return ok("configuration", "%s: profiles %s", path, strings.Join(file.Names(), ", "))
	}
	return ok("configuration", "%s: none", path)
}

// fileHint returns the hint for an error about a file: to change it, if there is no better.
func (e *examination) fileHint(err error, path string) config.Hint {
	if hint := e.Hint(err); hint.String() != "" {
		return hint
	}
	if errors.Is(err, fs.ErrPermission) {
		return config.Command("ls", "-l", path)
	}
	return config.Edit(path)
}

// flyteFiles tells what Flyte's other clients are configured with.
func (e *examination) flyteFiles() Finding {
	source, err := e.flyteSource()
	r, unusable := e.settings()
	switch {
	case err != nil && unusable == nil && r.NoServer == nil:
		return ok("Flyte's configuration", "not used: %v", err)
	case err != nil:
		return ok("Flyte's configuration", "not usable").failure(err.Error(), e.Hint(err))
	case source.Endpoint == "":
		return ok("Flyte's configuration", "none")
	}
	f := ok("Flyte's configuration", "%s: endpoint %s", source.Name, config.MaskURL(source.Endpoint))
	if len(source.Warnings) > 0 {
		f = f.warning(strings.Join(source.Warnings, "; "), config.Hint{})
	}
	return f
}

// flyteSource finds Flyte's own configuration for the endpoint of the settings.
func (e *examination) flyteSource() (*flyte.Source, error) {
	endpoint := ""
	if r, err := e.settings(); err == nil {
		endpoint = r.Endpoint
	}
	return e.Input.Flyte(endpoint)
}

// servedHost is a host that a caller names, and the profile that serves it.
type servedHost struct {
	host    execcred.Host
	url     string
	profile string
	entry   config.HostEntry
}

// hostCallers are the callers that name a host.
func hostCallers() []string { return []string{"git", "docker", "bazel", "goauth"} }

// findHost finds the profile for the host of the command line. It returns nil if the caller
// names no host.
func (e *examination) findHost() (*servedHost, error) {
	if e.Address == "" || e.Caller != "" && !slices.Contains(hostCallers(), e.Caller) {
		return nil, nil
	}
	address := e.Address
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	host, err := hostOf(address)
	if err != nil {
		return nil, err
	}
	file, err := e.file()
	if err != nil {
		return nil, err
	}
	profile, entry, found := file.ProfileForHost(host, "", e.Input.CommandLine.Profile())
	if !found {
		caller := e.Caller
		if caller == "" {
			caller = "git"
		}
		return nil, config.Errorf(config.Command(config.Program, "setup", caller, host.Pattern().String(), "--issuer", "https://login.example.com", "--client-id", "ID"), "no profile serves %s: callers get no token for it", host)
	}
	return &servedHost{host: host, url: address, profile: profile, entry: entry}, nil
}

// hostOf returns the host of a URL.
func hostOf(address string) (execcred.Host, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return execcred.Host{}, config.Errorf(config.Hint{}, "%s is not a host or URL", config.MaskURL(address))
	}
	host, err := execcred.ParseHost(u.Scheme, u.Host)
	if err != nil {
		return execcred.Host{}, config.Errorf(config.Hint{}, "%v", err)
	}
	return host, nil
}

// checkCaller tells which settings the caller uses.
func checkCaller(_ context.Context, e *examination) []Finding {
	switch {
	case e.Address != "":
		if _, err := e.file(); err != nil {
			return []Finding{skipped("host", "the configuration cannot be read")}
		}
		host, err := e.host()
		if err != nil {
			return []Finding{ok("host", "%s", config.MaskURL(e.Address)).failure(err.Error(), e.Hint(err))}
		}
		if host == nil {
			return nil
		}
		return []Finding{ok("host", "%s is served by profile %s (%s)", host.host, host.profile, host.entry.Pattern)}
	case e.Caller == "kubernetes":
		return e.kubePluginFinding()
	}
	return nil
}

// checkSettings lists the settings that count, with the origin of each.
func checkSettings(_ context.Context, e *examination) (all []Finding) {
	if _, err := e.host(); err != nil {
		return []Finding{skipped("settings", "no profile serves the host")}
	}
	r, err := e.settings()
	if err != nil {
		return []Finding{ok("settings", "not usable").failure(err.Error(), e.Hint(err))}
	}
	if r.ProfileInUse != "" && !r.IsSet("profile") {
		all = append(all, ok("settings", "profile %s", r.ProfileInUse))
	}
	for _, s := range r.Describe() {
		all = append(all, ok("settings", "%s %s (%s)", s.Name, s.Value, s.Origin))
	}
	if len(all) == 0 {
		all = append(all, ok("settings", "none"))
	}
	if _, broken := e.file(); r.BadConfig != nil && broken == nil { // otherwise checkConfiguration has told it
		if errors.Is(r.NoServer, r.BadConfig) { // a value of the profile
			all = append(all, ok("settings", "profile not usable").failure(r.BadConfig.Error(), config.Edit(r.ProfileFile)))
		} else {
			all = append(all, ok("settings", "not used").warning(r.BadConfig.Error(), config.Hint{}))
		}
	}
	for _, words := range r.Warnings {
		all = append(all, ok("settings", "not used").warning(words, config.Hint{}))
	}
	return all
}

// checkServer names the server of the login.
func checkServer(_ context.Context, e *examination) []Finding {
	r, err := e.settings()
	if err != nil {
		return []Finding{skipped("server", "the settings cannot be used")}
	}
	if r.NoServer != nil {
		_, broken := e.file()
		if broken == nil && e.Input.Flyte != nil {
			_, broken = e.flyteSource()
		}
		if broken != nil || r.BadConfig != nil && errors.Is(r.NoServer, r.BadConfig) {
			return []Finding{skipped("server", "the configuration cannot be used")}
		}
		return []Finding{ok("server", "none").failure(r.NoServer.Error(), e.Hint(r.NoServer))}
	}
	f := ok("server", "%s", config.MaskURL(r.Server()))
	if _, err := e.session(); err != nil {
		f = f.failure(err.Error(), e.Hint(err))
	}
	return []Finding{f}
}
