package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kballard/go-shellquote"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// flyteLevel is the level of the files and variables of Flyte's other clients. They count
// completely or not at all: if no level above names a server, or one names the same
// endpoint. err is what is wrong with them; it matters only to commands that need a server.
func (r *resolver) flyteLevel(levels []level) (l level, err error) {
	nothing := level{FlyteHome, nil}
	at := slices.IndexFunc(levels, r.namesServer)
	endpoint := ""
	if at >= 0 {
		endpoint = levels[at].values["endpoint"].word()
	}
	if r.Flyte == nil || at >= 0 && endpoint == "" || r.out.Settings.Profile != "" && at < 0 || r.namesServer(presetLevel(r.out.Provider)) {
		return nothing, nil
	}
	source, err := r.flyteSource(r.userEndpoint(levels, at, endpoint))
	switch {
	case err != nil && at >= 0: // it may be about another endpoint
		r.out.Notes = append(r.out.Notes, "the configuration of Flyte's clients is not used: "+err.Error())
		return nothing, nil
	case err != nil:
		r.noServer = err
		return nothing, nil
	case source.Endpoint == "" || at >= 0 && !flyte.SameEndpoint(endpoint, source.Endpoint):
		return nothing, nil
	}
	config, err := source.Config()
	if err != nil {
		return nothing, Errorf(Hint{}, "%v", err)
	}
	r.out.Warnings = append(r.out.Warnings, source.Warnings...)
	if len(config.Ignored) > 0 {
		r.out.Warnings = append(r.out.Warnings, fmt.Sprintf("these settings are ignored, because %s in a working tree may have been written by other people: %s", source.File, strings.Join(config.Ignored, ", ")))
	}
	l = levelOf(source, config)
	r.out.Flyte = &Flyte{Source: source.Name, Client: config.ClientID, Secret: config.Secret, SecretEnv: config.SecretEnv, IgnoredSecret: config.IgnoredSecret, origin: l.origin}
	if !config.HasSecret() {
		r.out.Flyte.Secret = nil
	}
	if config.Insecure != nil && *config.Insecure {
		r.out.Flyte.Plaintext = cmp.Or(config.Location("insecure"), source.Name)
	}
	return l, nil
}

// flyteSource finds Flyte's own configuration. endpoint is the one that the user has named
// elsewhere, or empty. An endpoint that only a file in a working tree names counts as named
// by the user if a login to it is saved.
func (r *resolver) flyteSource(endpoint string) (*flyte.Source, error) {
	source, err := r.Flyte(endpoint)
	var ambiguous *flyte.AmbiguousError
	switch {
	case errors.As(err, &ambiguous):
		return nil, &Error{
			Problem: ambiguous.Error() + ": name the one that you mean",
			Hint:    Hint{Command: r.again("--endpoint", ambiguous.HomeEndpoint), Alternative: r.again("--endpoint", ambiguous.TreeEndpoint)},
		}
	case err != nil:
		return nil, Errorf(Hint{}, "%v", err)
	case source.Untrusted() && r.HasLogin != nil && r.HasLogin(source.Endpoint):
		return r.Flyte(source.Endpoint)
	}
	return source, nil
}

// userEndpoint is endpoint, which the level at names, if that level is the user's own.
func (r *resolver) userEndpoint(levels []level, at int, endpoint string) string {
	if at < 0 || !levels[at].origin.isTrusted() {
		return ""
	}
	return endpoint
}

// levelOf is the level of what source and config say.
func levelOf(source *flyte.Source, config *flyte.Config) level {
	l := level{FlyteHome, map[string]Value{"endpoint": {[]string{source.Endpoint}, source.Name}}}
	if source.Untrusted() {
		l.origin = FlyteTree
	}
	say := func(name, option string, words ...string) {
		if len(words) > 0 && words[0] != "" {
			l.values[name] = Value{words, cmp.Or(config.Location(option), source.Name)}
		}
	}
	say("ca-file", "caCertFilePath", config.CAFile)
	say("http-proxy", "httpProxyURL", config.HTTPProxy)
	say("grant", "authType", config.Grant)
	say("client-id", "clientId", config.ClientID)
	say("audience", "audience", config.Audience)
	say("scope", "scopes", config.Scopes...)
	say("proxy-command", "proxyCommand", shellquote.Join(config.ProxyCommand...))
	if config.SkipVerify != nil && *config.SkipVerify {
		say("insecure-skip-verify", "insecureSkipVerify", "true")
	}
	return l
}

// settleEndpoint writes the endpoint in its one form. It is plaintext also if only Flyte's
// configuration says so.
func (r *resolver) settleEndpoint() error {
	s := r.out
	if s.Endpoint == "" {
		return nil
	}
	if s.Flyte != nil && s.Flyte.Plaintext != "" && !strings.Contains(s.Endpoint, "://") {
		s.Endpoint = "http://" + s.Endpoint
	}
	e, err := flyte.ParseEndpoint(s.Endpoint)
	s.Endpoint = e.String()
	return err
}

// FindFlyte finds Flyte's own configuration in an environment. endpoint is the one that the
// user has named elsewhere, or empty.
func FindFlyte(env system.Env, environ []string, endpoint string) (*flyte.Source, error) {
	dir, _ := env.Getwd() // without one there are no files below it
	return flyte.FindSource(flyte.Env{
		Environ: environ, Home: env.Home, Dir: dir, Endpoint: endpoint, ReadFile: system.ReadFile, ReadSecret: system.ReadProtected,
	})
}

// ConfigPath is the path of the user's configuration file.
func ConfigPath(env system.Env) string { return filepath.Join(env.ConfigHome, Program, "config.yaml") }

// ConfigPaths are the paths of the configuration files: the user's, then the machine's. On
// Windows the machine has one only if XDG_CONFIG_DIRS names its directory, because each user can
// create directories in the default, ProgramData.
func ConfigPaths(env system.Env) []string {
	paths := []string{ConfigPath(env)}
	if runtime.GOOS == "windows" && env.Getenv("XDG_CONFIG_DIRS") == "" {
		return paths
	}
	for _, dir := range env.ConfigDirs {
		paths = append(paths, filepath.Join(dir, Program, "config.yaml"))
	}
	return paths
}
