package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/flyte"
)

// flyteLevel is what the files and variables of Flyte's other clients say, whole
// or not at all: it counts for the commands that such clients and people run, where
// no level above it names a server, or one names the same endpoint.
// What is wrong with them is told to who needs them.
func (s *settings) flyteLevel(w world, levels []level, table []setting) level {
	nothing := profile{}.level("Flyte's configuration", "")
	at := slices.IndexFunc(levels, func(l level) bool { return l.names(table) })
	endpoint := s.endpointAt(levels, at)
	if !s.ofFlyte || at >= 0 && endpoint == "" || s.profile != "" && at < 0 || presetLevel(s.provider).names(table) {
		return nothing
	}
	source, err := w.findFlyte(w.environ())
	switch {
	case err != nil && at >= 0: // it may be about another endpoint
		s.notes = append(s.notes, "what Flyte's other clients are configured with is not looked at: "+err.Error())
		return nothing
	case err != nil:
		s.undecided = usage("", "%v", err)
		return nothing
	case source.Endpoint == "" || at >= 0 && !flyte.SameEndpoint(endpoint, source.Endpoint):
		return nothing
	}
	config, err := source.Config()
	if err != nil {
		s.broken = usage("", "%v", err)
		return nothing
	}
	s.theirs = source.Name
	s.warnings = append(s.warnings, source.Warnings...)
	if len(config.Ignored) > 0 {
		s.warnings = append(s.warnings, fmt.Sprintf("%s lies in a working tree, which may be anybody's: not obeyed are %s", source.File, strings.Join(config.Ignored, ", ")))
	}
	s.theirSecret, s.theirClient = config.Secret, config.ClientID
	if config.Insecure != nil && *config.Insecure {
		s.plaintext = cmp.Or(config.Where("insecure"), source.Name)
	}
	return theirLevel(source, config)
}

// findFlyte finds what Flyte's other clients are configured with, in an environment.
func (w world) findFlyte(environ []string) (*flyte.Source, error) {
	dir, _ := w.getwd() // without one there are no files below it
	return flyte.Find(flyte.World{Environ: environ, Home: w.home, Dir: dir})
}

// endpointAt is the Flyte endpoint that the level at names, if it does.
func (s *settings) endpointAt(levels []level, at int) string {
	if at <= 0 {
		return s.endpoint // which the command line has set, or nothing
	}
	words, _, found := levels[at].value(setting{name: "endpoint"})
	if !found {
		return ""
	}
	return words[0]
}

// theirLevel is the level of what source and config say.
func theirLevel(source *flyte.Source, config *flyte.Config) level {
	said := map[string][]string{"endpoint": {source.Endpoint}}
	options := map[string]string{}
	say := func(name, option string, words ...string) {
		if len(words) > 0 && words[0] != "" {
			said[name], options[name] = words, option
		}
	}
	say("ca-file", "caCertFilePath", config.CAFile)
	say("http-proxy", "httpProxyURL", config.HTTPProxy)
	say("grant", "authType", config.Grant)
	say("client-id", "clientId", config.ClientID)
	say("audience", "audience", config.Audience)
	say("scope", "scopes", config.Scopes...)
	say("proxy-command", "proxyCommand", config.ProxyCommand...)
	if config.SkipVerify != nil && *config.SkipVerify {
		say("insecure-skip-verify", "insecureSkipVerify", "true")
	}
	return level{"Flyte's configuration", func(s setting) ([]string, string, bool) {
		words, found := said[s.name]
		where := source.Name
		if at := config.Where(options[s.name]); at != "" {
			where = at
		}
		return words, where, found
	}}
}

// settleEndpoint writes the endpoint in its one form. It is plaintext also where only
// Flyte's configuration says so.
func (s *settings) settleEndpoint() error {
	if s.endpoint == "" {
		return nil
	}
	if s.plaintext != "" && !strings.Contains(s.endpoint, "://") {
		s.endpoint = "http://" + s.endpoint
	}
	e, err := flyte.ParseEndpoint(s.endpoint)
	s.endpoint = e.String()
	return err
}
