package caller

import (
	"context"

	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/config"
	"github.com/flyteorg/flyte-credential-helper/cmd/flyte-credential-helper/internal/login"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth"
)

// ExecInfo is the environment variable in which client-go sends its request.
const ExecInfo = execcred.KubernetesVariable

// Kubernetes returns the caller for kubectl and other users of client-go:
// https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
func Kubernetes() Caller {
	return Caller{
		Name: "kubernetes", Aliases: []string{"get-token"}, Short: "kubectl and other users of client-go: print an ExecCredential", Example: "kubernetes --profile NAME",
		New: withoutFlags(kubernetes),
	}
}

func kubernetes(ctx context.Context, c Call) ([]byte, error) {
	info := c.Env.Getenv(ExecInfo)
	request, err := execcred.DecodeKubernetes(info)
	if err != nil {
		return nil, config.Errorf(config.Hint{}, "%v", err)
	}
	c.Input.Cluster = clusterInfo(request)
	session, err := c.open(ctx, login.Policy{ForCaller: true, Auto: oauth.Auto})
	if err != nil {
		return nil, err
	}
	issued := &issuedRecord{}
	if info != "" { // otherwise the parent is a shell or a script
		issued = readIssued(c.Env, session.ID(), session.Settings().TokenKind, request.Server, string(request.Config))
	}
	_, credential, err := session.Token(ctx, login.Rejection{Rejected: issued.Rejected, Inferred: true})
	if err != nil {
		return nil, err
	}
	expiry := cache.SafeExpiry(credential, c.Env.Now())
	issued.Save(credential, expiry)
	return request.Encode(execcred.Credential{Token: credential.Value.Reveal(), Expiry: expiry})
}

func clusterInfo(r *execcred.KubernetesRequest) config.ClusterInfo {
	return config.ClusterInfo{Server: r.Host(), SkipVerify: r.InsecureSkipTLSVerify, Config: r.Config}
}

// Cluster returns the cluster in ExecInfo, for commands that run in client-go's environment
// without being its plugin. It is zero if there is none.
func Cluster(info string) config.ClusterInfo {
	if info == "" {
		return config.ClusterInfo{}
	}
	request, err := execcred.DecodeKubernetes(info)
	if err != nil {
		return config.ClusterInfo{} // the kubernetes command reports this error
	}
	return clusterInfo(request)
}
