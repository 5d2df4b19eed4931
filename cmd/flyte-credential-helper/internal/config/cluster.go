package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/edit"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// extension is the name under which a kubeconfig has a cluster's own settings.
const extension = "client.authentication.k8s.io/exec"

// clusterLevel is what a kubeconfig says of its cluster, so that one user of it serves many
// clusters. JSON is YAML, and the settings look as in a profile.
func clusterLevel(text []byte, table []Setting) (level, error) {
	said := Profile{}
	if len(text) == 0 {
		return empty("the cluster", Cluster), nil
	}
	var known []Setting
	for _, s := range table {
		if clusterMaySet(s) {
			s.Kind = Plain
			known = append(known, s)
		}
	}
	path := "the cluster's " + extension
	top, err := ParseYAML(path, text)
	if err == nil && top != nil {
		err = newFile(path).fill(said, top, "it", known)
	}
	if err == nil && len(said) > 1 && said["profile"].Words != nil {
		err = Errorf(Hint{}, "%s: a cluster that names a profile cannot have other settings: move them to the profile", path)
	}
	return said.level("the cluster", Cluster, extension), err
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
	more["clusters"] = ProfileValue{Words: append(slices.Clip(old.Words), word), line: old.line}
	return more
}

// readClusters reads a profile's clusters: a list of API servers.
func (f *File) readClusters(n ast.Node) (list []execcred.Pattern, err error) {
	if _, none := n.(*ast.NullNode); none {
		return nil, nil
	}
	items, ok := n.(*ast.SequenceNode)
	if !ok {
		return nil, f.wrong(n, "clusters must be a list: clusters: [api.example.com:6443]")
	}
	for _, item := range items.Values {
		word, ok := edit.Scalar(item)
		if !ok {
			return nil, f.wrong(item, "clusters must be a list of hosts")
		}
		p, err := execcred.ParsePattern(word)
		if err != nil {
			return nil, f.wrong(item, "clusters: %v", err)
		}
		list = append(list, p)
	}
	return list, nil
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
