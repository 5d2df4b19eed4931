package execcred

// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

const (
	group   = "client.authentication.k8s.io/"
	v1      = group + "v1"
	v1beta1 = group + "v1beta1"
	kind    = "ExecCredential"
)

// KubernetesVariable is the environment variable in which client-go sends its request.
const KubernetesVariable = "KUBERNETES_EXEC_INFO"

// execRequest is the part of client.authentication.k8s.io's ExecCredential that is read
// here. The kind is not: some clients write another one, and the version decides.
type execRequest struct {
	APIVersion string             `json:"apiVersion,omitempty"`
	Spec       execCredentialSpec `json:"spec,omitempty"`
}

type execCredentialSpec struct {
	Cluster *cluster `json:"cluster,omitempty"`
}

type cluster struct {
	Server                string          `json:"server"`
	InsecureSkipTLSVerify bool            `json:"insecure-skip-tls-verify,omitempty"`
	Config                json.RawMessage `json:"config,omitempty"`
}

// KubernetesRequest is a request of client-go to a credential plugin.
type KubernetesRequest struct {
	// Server is the URL of the cluster's API server. Config is the extension
	// client.authentication.k8s.io/exec of the kubeconfig's cluster. Both are set only
	// if the kubeconfig's user has provideClusterInfo.
	Server string
	Config json.RawMessage
	// InsecureSkipTLSVerify says that client-go does not verify the certificate of the API server.
	InsecureSkipTLSVerify bool

	apiVersion string
}

// Host returns the API server. It is zero if there is none, or if its URL is ambiguous.
func (r *KubernetesRequest) Host() Host { return parseURL(r.Server) }

// DecodeKubernetes reads the value of KUBERNETES_EXEC_INFO. If it is empty or names no
// apiVersion, it asks for v1.
func DecodeKubernetes(info string) (*KubernetesRequest, error) {
	if info == "" {
		return &KubernetesRequest{apiVersion: v1}, nil
	}
	for _, version := range []string{v1, v1beta1} {
		if isDefaultRequest(info, version) {
			return &KubernetesRequest{apiVersion: version}, nil
		}
	}
	var e execRequest
	if err := json.Unmarshal([]byte(info), &e); err != nil {
		return nil, fmt.Errorf("KUBERNETES_EXEC_INFO is not an ExecCredential: broken JSON")
	}
	if e.APIVersion == "" {
		e.APIVersion = v1
	}
	if e.APIVersion != v1 && e.APIVersion != v1beta1 {
		return nil, fmt.Errorf("KUBERNETES_EXEC_INFO asks for apiVersion %.100q: only %s and %s are supported", e.APIVersion, v1, v1beta1)
	}
	r := &KubernetesRequest{apiVersion: e.APIVersion}
	if e.Spec.Cluster != nil {
		c := e.Spec.Cluster
		r.Server, r.InsecureSkipTLSVerify, r.Config = c.Server, c.InsecureSkipTLSVerify, c.Config
	}
	if string(r.Config) == "null" { // client-go writes null if there is none
		r.Config = nil
	}
	return r, nil
}

// isDefaultRequest reports whether info is exactly what client-go writes without cluster
// information. Most calls are like that, and parsing would be a considerable part of their
// time.
func isDefaultRequest(info, version string) bool {
	rest, found := strings.CutPrefix(info, `{"kind":"`+kind+`","apiVersion":"`+version+`","spec":{"interactive":`)
	return found && (rest == "false}}\n" || rest == "true}}\n")
}

// Encode answers the request in the version that it asks for: client-go accepts no other.
func (r *KubernetesRequest) Encode(c Credential) ([]byte, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	// The values are printable ASCII, which Go quotes like JSON. encoding/json would
	// examine the types first, in each process.
	expiry := c.expiryText()
	if expiry != "" {
		expiry = `"expirationTimestamp":"` + expiry + `",`
	}
	return []byte(`{"kind":"` + kind + `","apiVersion":"` + r.apiVersion + `","status":{` + expiry + `"token":` + strconv.Quote(t) + "}}\n"), nil
}
