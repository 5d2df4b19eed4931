package main

import (
	"slices"

	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
)

// execInfo is the variable by which client-go speaks to us.
const execInfo = "KUBERNETES_EXEC_INFO"

// extension is the name under which a kubeconfig has a cluster's own settings.
const extension = "client.authentication.k8s.io/exec"

// clusterLevel is what a kubeconfig says of its cluster, so that one user of it
// serves many clusters. JSON is YAML, and the settings look as in a profile. What
// is wrong with info itself is for the kubernetes command to say.
func clusterLevel(info string, table []setting) (level, error) {
	said := profile{}
	r, err := execcred.DecodeKubernetes(info)
	if err != nil || len(r.Config) == 0 {
		return said.level("the cluster", extension), nil
	}
	var known []setting
	for _, s := range table {
		if slices.Contains(ofCluster(), s.name) {
			s.kind = plain
			known = append(known, s)
		}
	}
	c := &config{path: "the cluster's " + extension}
	top, err := c.parse(r.Config)
	if err == nil && top != nil {
		err = c.fill(said, top, "it", known)
	}
	return said.level("the cluster", extension), err
}

// ofCluster are the settings that say whose token is wanted. Which commands and
// files there are, and whom to trust, is not for whoever writes a kubeconfig.
func ofCluster() []string {
	return []string{
		"profile", "provider", "endpoint", "issuer", "auth-endpoint", "token-endpoint", "device-endpoint", "revocation-endpoint",
		"client-id", "scope", "audience", "resource", "account", "redirect-uri", "redirect-port",
		"auth-param", "token-param", "refresh-param", "auth-params-in-token-request", "token-kind",
	}
}
