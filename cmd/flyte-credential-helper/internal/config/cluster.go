package config

import (
	"slices"
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
		if slices.Contains(ofCluster(), s.Name) {
			s.Kind = Plain
			known = append(known, s)
		}
	}
	path := "the cluster's " + extension
	top, err := ParseYAML(path, text)
	if err == nil && top != nil {
		err = newFile(path).fill(said, top, "it", known)
	}
	return said.level("the cluster", Cluster, extension), err
}

// ofCluster are the settings that say which token is wanted. A kubeconfig names no commands
// and no files, and decides nothing about trust.
func ofCluster() []string {
	return []string{
		"profile", "provider", "endpoint", "issuer", "auth-endpoint", "token-endpoint", "device-endpoint", "revocation-endpoint",
		"client-id", "scope", "audience", "resource", "account", "redirect-uri", "redirect-port",
		"auth-param", "token-param", "refresh-param", "auth-params-in-token-request", "token-kind",
	}
}
