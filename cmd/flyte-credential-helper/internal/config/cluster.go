package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// ClusterExtension is the name under which a kubeconfig has a cluster's own settings.
const ClusterExtension = "client.authentication.k8s.io/exec"

// clusterLevel is what a kubeconfig says of its cluster, so that one user of it serves many
// clusters. JSON is YAML, and the settings look as in a profile.
func clusterLevel(text []byte, table []Setting) (level, error) {
	l := level{Cluster, Profile{}}
	if len(text) == 0 {
		return l, nil
	}
	var known []Setting
	for _, s := range table {
		if clusterMaySet(s) {
			s.Kind = Plain
			known = append(known, s)
		}
	}
	f := newFile(ClusterExtension)
	top, err := ParseYAML(f.Path, text)
	if err == nil && top != nil {
		err = f.each(top, "it", func(key string, at, value ast.Node) error { return f.set(l.values, key, at, value, known) })
	}
	if err == nil && len(l.values) > 1 && l.values["profile"].Words != nil {
		err = Errorf(Hint{}, "%s: a cluster that names a profile cannot have other settings: move them to the profile", f.Path)
	}
	if err != nil {
		return l, Errorf(Hint{}, "the cluster's %v", err)
	}
	return l, nil
}

// checkCluster returns an error unless the cluster may select the profile. A user who can
// write only the clusters of a kubeconfig could otherwise send the profile's token to any API
// server.
func (r *resolver) checkCluster(file *File, profile string) error {
	server := r.Cluster.Server
	switch {
	case r.Cluster.SkipVerify:
		return Errorf(Hint{}, "the cluster cannot select the profile %s, because it sets insecure-skip-tls-verify: name the profile in the arguments of the kubeconfig user", profile)
	case server == (execcred.Host{}):
		return Errorf(Hint{}, "the cluster cannot select the profile %s, because the URL of its API server is not usable", profile)
	case !slices.ContainsFunc(file.Clusters[profile], func(p execcred.Pattern) bool { return p.Matches(server) }):
		more := file.Profiles[profile].WithCluster(server.Pattern())
		return Errorf(Text("if this API server may get the token, set in profile %s of %s: clusters: [%s]", profile, file.Source[profile], strings.Join(more["clusters"].Words, ", ")),
			"the cluster %s cannot select the profile %s, whose clusters: does not list it", server, profile)
	}
	return nil
}

// WithCluster returns p with one more API server in its list of clusters that may select it.
// It returns p itself if the list has the pattern.
func (p Profile) WithCluster(pattern execcred.Pattern) Profile {
	old, word := p["clusters"], edit.Quote(pattern.String())
	if slices.Contains(old.Words, word) {
		return p
	}
	more := maps.Clone(p)
	more["clusters"] = Value{append(slices.Clip(old.Words), word), old.where}
	return more
}

// readClusters reads a profile's clusters: a list of API servers.
func (f *File) readClusters(n ast.Node) (list []execcred.Pattern, err error) {
	if isNull(n) {
		return nil, nil
	}
	err = f.list(n, "clusters", "api.example.com:6443", func(item ast.Node) error {
		word, err := f.scalar(item, item, "an item of clusters")
		if err != nil {
			return err
		}
		p, err := f.pattern(item, "clusters", word)
		list = append(list, p)
		return err
	})
	return list, err
}

// clusterMaySet reports whether a cluster may have a setting: it says which login it is, or
// what its server wants with a token request. A cluster names no file and no command, and
// decides nothing about trust.
func clusterMaySet(s Setting) bool {
	return s.Class == Public && s.Name != "grant" || s.Name == "token-param" || s.Name == "refresh-param"
}

// clustersText writes each of list as YAML.
func clustersText(list []execcred.Pattern) (words []string) {
	for _, p := range list {
		words = append(words, edit.Quote(p.String()))
	}
	return words
}
