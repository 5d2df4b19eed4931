package cli

import (
	"slices"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/setup"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/system"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// uses are the profiles and callers that use a login.
type uses struct{ profiles, callers []string }

// usesOf returns the uses of the logins, by their IDs. A profile or context that cannot be
// resolved uses none: doctor tells why.
func usesOf(env system.Env) map[string]uses {
	all := map[string]uses{}
	in := config.Input{Environ: env.Environ(), Home: env.Home, ConfigPaths: config.ConfigPaths(env), ReadFile: readConfig, Args: env.Args}
	add := func(in config.Input, profile string, callers ...string) {
		p := login.Policy{Auto: oauth.Auto}
		r, err := config.Resolve(in)
		if err != nil {
			return
		}
		key, err := login.Key(r, p, env)
		if err != nil {
			return
		}
		u := all[key.ID()]
		if profile != "" && !slices.Contains(u.profiles, profile) {
			u.profiles = append(u.profiles, profile)
		}
		u.callers = append(u.callers, callers...)
		all[key.ID()] = u
	}
	if file, err := config.ReadFiles(in.ConfigPaths, in.ReadFile); err == nil {
		for _, name := range file.Names() {
			of := in
			of.CommandLine, of.Profile, of.ServesHost = config.NewFlags(func(string) bool { return false }).CommandLine(), name, true
			var hosts []string
			for _, entry := range file.Serves[name] {
				hosts = append(hosts, entry.Pattern.String())
			}
			add(of, name, hosts...)
		}
	}
	plugins, _ := setup.KubePlugins(env)
	for _, plugin := range plugins {
		if of, err := plugin.Input(in); err == nil {
			add(of, "", "kubectl context "+plugin.Context)
		}
	}
	return all
}
