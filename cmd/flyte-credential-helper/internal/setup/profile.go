package setup

import (
	"cmp"
	"context"
	"io/fs"
	"maps"
	"slices"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
)

const kindProfile = "profile"

// profileFormat is config.yaml. The key NAME is a profile without its hosts and clusters, as YAML.
// The key NAME LIST HOST is an entry of its serves or clusters.
type profileFormat struct{}

func readProfiles(text []byte) (*config.File, error) {
	return config.ReadFile(config.Program+"/config.yaml", func(string) ([]byte, error) {
		if text == nil {
			return nil, fs.ErrNotExist
		}
		return text, nil
	})
}

// Get implements [edit.Format].
func (profileFormat) Get(_ context.Context, text []byte, key []string) (*string, error) {
	file, err := readProfiles(text)
	if err != nil {
		return nil, err
	}
	p, found := file.Profiles[key[0]]
	if !found {
		return nil, nil
	}
	if len(key) == 1 {
		value := config.ProfileText(key[0], without(p, "serves", "clusters"), 0)
		return &value, nil
	}
	i := slices.Index(hostsOf(file, key[0], key[1]), key[2])
	if i < 0 {
		return nil, nil
	}
	return &p[key[1]].Words[i], nil
}

// hostsOf are the hosts of a profile's list, in its order.
func hostsOf(file *config.File, profile, list string) (hosts []string) {
	if list == "serves" {
		return hostNames(file.Serves[profile])
	}
	for _, p := range file.Clusters[profile] {
		hosts = append(hosts, p.String())
	}
	return hosts
}

// Set implements [edit.Format]. A profile that has hosts is not removed.
func (f profileFormat) Set(ctx context.Context, text []byte, key []string, value *string) ([]byte, error) {
	file, err := readProfiles(text)
	if err != nil {
		return nil, err
	}
	if len(key) == 1 {
		return f.setProfile(ctx, file, text, key[0], value)
	}
	entry := func(word string) []string { return []string{"profiles", key[0], key[1], "- " + word} }
	old, err := f.Get(ctx, text, key)
	if err == nil && old != nil {
		text, err = edit.YAML{}.Set(ctx, text, entry(*old), nil)
	}
	if err != nil || value == nil {
		return text, err
	}
	return edit.YAML{}.Set(ctx, text, entry(*value), new(string))
}

func (profileFormat) setProfile(ctx context.Context, file *config.File, text []byte, name string, value *string) ([]byte, error) {
	if p := file.Profiles[name]; value == nil && len(p["serves"].Words)+len(p["clusters"].Words) > 0 {
		return text, nil
	}
	if value == nil {
		return edit.YAML{}.Set(ctx, text, []string{"profiles", name}, nil)
	}
	made, err := readProfiles([]byte("profiles:\n" + indented(*value)))
	if err != nil {
		return nil, err
	}
	return file.WithProfile(text, name, made.Profiles[name])
}

// profileKeys are the keys of all profiles and their hosts.
func profileKeys(text []byte) (keys [][]string, err error) {
	file, err := readProfiles(text)
	if err != nil {
		return nil, err
	}
	for _, name := range file.Names() {
		keys = append(keys, []string{name})
		for _, list := range []string{"serves", "clusters"} {
			for _, host := range hostsOf(file, name, list) {
				keys = append(keys, []string{name, list, host})
			}
		}
	}
	return keys, nil
}

// without is p without some keys.
func without(p config.Profile, keys ...string) config.Profile {
	rest := maps.Clone(p)
	maps.DeleteFunc(rest, func(key string, _ config.Value) bool { return slices.Contains(keys, key) })
	return rest
}

// profileSteps are the steps that make a profile serve hosts: the profile in use, or a new one
// with the settings of this call.
func (r *Run) profileSteps(caller string, hosts []config.HostEntry) (steps []step, profile string, err error) {
	file, err := r.configFile()
	if err != nil {
		return nil, "", err
	}
	names := hostNames(hosts)
	name := r.ProfileInUse
	if name != "" && r.ProfileFile != r.configPath() {
		return nil, name, r.checkShared(caller, hosts)
	}
	if err := r.checkProfile(caller + " will get the token of"); err != nil {
		return nil, "", err
	}
	p := without(file.Profiles[name], "serves", "clusters")
	if name == "" {
		name, p = cmp.Or(r.NewProfile, names[0]), r.asProfile()
	}
	if old, found := file.Profiles[name]; r.ProfileInUse == "" && found && !without(old, "serves", "clusters").Same(p) {
		return nil, "", config.Errorf(config.Command(config.Program, "setup", caller, names[0], "--profile", name), "there is a profile %s with other settings: use it, or name a new one with --profile", name)
	}
	list := slices.Clone(file.Serves[name])
	var entries []string
	for _, host := range hosts {
		if other := r.profileBefore(file, name, host); other != "" && !without(file.Profiles[other], "serves", "clusters").Same(p) {
			return nil, "", config.Errorf(config.Command(config.Program, "setup", caller, host.Pattern.String(), "--profile", other), "the profile %s serves %s already, and comes before %s: use it, or remove the host there", other, host.Pattern, name)
		}
		i := slices.IndexFunc(list, func(e config.HostEntry) bool { return e.Pattern == host.Pattern })
		switch {
		case i < 0:
			host.Username = cmp.Or(host.Username, r.GitUsername())
			list, i = append(list, host), len(list)
		case host.Username != "":
			list[i].Username = host.Username
		}
		entries = append(entries, config.ServesText(list[i : i+1])[0])
	}
	shown := maps.Clone(p)
	shown["serves"] = config.Value{Words: config.ServesText(list)}
	lines := "profiles:\n" + config.ProfileText(name, shown.Shown(), 2)
	change := edit.Change{Path: r.configPath(), Kind: kindProfile, Key: []string{name}, New: config.ProfileText(name, p, 0), For: names}
	steps = []step{newFile(r.configPath(), "", names), {Change: change, lines: lines}}
	for i, entry := range entries {
		change := edit.Change{Path: r.configPath(), Kind: kindProfile, Key: []string{name, "serves", names[i]}, New: entry, For: names[i : i+1]}
		steps = append(steps, step{Change: change, lines: lines})
	}
	return steps, name, nil
}

// profileBefore returns the profile that callers would use for a host in spite of a new entry of the
// profile name, or "".
func (r *Run) profileBefore(file *config.File, name string, host config.HostEntry) string {
	h, exact := host.Pattern.Host()
	if !exact {
		return ""
	}
	other, _, found := file.ProfileForHost(h, host.Username, "")
	if !found || other >= name || file.Source[other] != r.configPath() {
		return ""
	}
	return other
}

// checkShared returns an error unless the profile in use, which the machine's configuration has,
// serves the hosts.
func (r *Run) checkShared(caller string, hosts []config.HostEntry) error {
	file, err := config.ReadFile(r.ProfileFile, r.input.ReadFile)
	if err != nil {
		return err
	}
	for _, host := range hosts {
		one, exact := host.Pattern.Host()
		same := func(e config.HostEntry) bool {
			return (e.Pattern == host.Pattern || exact && e.Pattern.Matches(one)) && (host.Username == "" || host.Username == e.Username)
		}
		if !slices.ContainsFunc(file.Serves[r.ProfileInUse], same) {
			return config.Errorf(config.Text("ask the administrator to add %s, or name the server of a profile of your own: %s setup %s %s --profile NAME --issuer URL --client-id ID", config.ServesText([]config.HostEntry{host})[0], config.Program, caller, host.Pattern),
				"the profile %s of %s does not list %s under serves", r.ProfileInUse, r.ProfileFile, host.Pattern)
		}
	}
	return nil
}

func hostNames(hosts []config.HostEntry) (names []string) {
	for _, h := range hosts {
		names = append(names, h.Pattern.String())
	}
	return names
}
